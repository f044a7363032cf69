"""The morning report."""

import time
from dataclasses import replace

from tests.support.films import add_video
from vidlocal.enrich import report
from vidlocal.enrich.report import FailureGroup, Report
from vidlocal.records import JobKind
from vidlocal.render.report import report_rows
from vidlocal.store.content import frames
from vidlocal.store.database import Library
from vidlocal.store.history import facts, run_reports
from vidlocal.store.queue import jobs

LONG_AGO = "2020-01-01T00:00:00+00:00"
NIGHT_S = 9 * 3600.0


def finish(library: Library, kind: JobKind, number: int) -> None:
    for _ in range(number):
        job = jobs.claim(library, kind, worker="w", now=time.monotonic(), lease_s=60.0)
        assert job is not None
        jobs.finish(library, job)


def drawn_up(library: Library, after: int = 0) -> Report:
    return report.create(
        library,
        started_at=LONG_AGO,
        ends=(after, run_reports.last_end(library)),
        worked_s=3600.04,
        held_s={"busy": 60.0},
        night_s=NIGHT_S,
        ended="End.",
    )


def test_report_counts_done_and_remaining_work(library: Library) -> None:
    add_video(library, pictures=4)
    add_video(library, name="other", pictures=3)
    finish(library, JobKind.DESCRIBE, 5)
    for _ in range(2):
        job = jobs.claim(library, JobKind.EMBED, worker="w", now=time.monotonic(), lease_s=60.0)
        assert job is not None
        while not jobs.fail(library, job, "no direction"):
            pass
    report = drawn_up(library)
    assert report.done == {JobKind.DESCRIBE: 5}
    assert report.left[JobKind.DESCRIBE] == 2
    assert report.failed == (FailureGroup(JobKind.EMBED, "no direction", 2),)
    assert drawn_up(library, after=run_reports.last_end(library)).done == {}
    assert drawn_up(library, after=run_reports.last_end(library)).failed == ()


def test_a_clock_set_back_or_ahead_changes_no_report(library: Library) -> None:
    add_video(library, pictures=4)
    finish(library, JobKind.DESCRIBE, 2)
    before = run_reports.last_end(library)
    finish(library, JobKind.DESCRIBE, 2)
    with library.writing() as connection:
        connection.execute("UPDATE jobs SET updated_at = '1970-01-01T00:00:00+00:00' WHERE id % 2")
        connection.execute("UPDATE jobs SET updated_at = '2999-01-01T00:00:00+00:00' WHERE NOT id % 2")
    assert drawn_up(library, before).done == {JobKind.DESCRIBE: 2}


def test_a_job_that_is_done_again_counts_again(library: Library) -> None:
    add_video(library, pictures=2)
    finish(library, JobKind.DESCRIBE, 2)
    before = run_reports.last_end(library)
    with library.writing() as connection:
        connection.execute("UPDATE jobs SET state = 'queued' WHERE kind = 'describe'")
    finish(library, JobKind.DESCRIBE, 1)
    assert drawn_up(library, before).done == {JobKind.DESCRIBE: 1}


def test_a_video_is_finished_when_nothing_of_it_is_left(library: Library) -> None:
    first = add_video(library, pictures=2)
    add_video(library, name="other", pictures=2)
    with library.writing() as connection:
        connection.execute("DELETE FROM jobs WHERE kind <> 'describe'")
    assert [frame.video_id for frame in frames.of_video(library, first)] == [first, first]
    finish(library, JobKind.DESCRIBE, 3)
    assert drawn_up(library).videos_finished == 1
    finish(library, JobKind.DESCRIBE, 1)
    assert drawn_up(library).videos_finished == 2
    assert drawn_up(library, after=run_reports.last_end(library)).videos_finished == 0


def test_the_nights_left_come_from_the_measured_pace_and_the_length_of_the_window(library: Library) -> None:
    add_video(library, pictures=10)
    assert drawn_up(library).nights_left is None
    facts.put(library, facts.SECONDS_PER_FRAME, str(NIGHT_S / 4))
    report = drawn_up(library)
    assert report.seconds_left == NIGHT_S / 4 * 10
    assert report.nights_left == 3
    finish(library, JobKind.DESCRIBE, 10)
    assert drawn_up(library).nights_left == 0


def test_the_speed_of_transcription_is_reported(library: Library) -> None:
    video_id = add_video(library, pictures=2)
    facts.put(library, facts.SPEECH_PACE, "0.25")
    assert "speech" not in dict(report_rows(drawn_up(library)))
    jobs.add(library, JobKind.TRANSCRIBE, video_id, video_id)
    finish(library, JobKind.TRANSCRIBE, 1)
    assert dict(report_rows(drawn_up(library)))["speech"] == "4.0 hours transcribed per hour"
    assert drawn_up(library).as_data()["speech_hours_per_hour"] == 4.0


def test_a_kept_report_is_replaced_by_a_later_one_of_the_same_run(library: Library) -> None:
    add_video(library, pictures=3)
    assert report.latest(library) == []
    first = report.store(library, None, drawn_up(library))
    finish(library, JobKind.DESCRIBE, 1)
    assert report.store(library, first, drawn_up(library)) == first
    again = drawn_up(library)
    report.store(library, None, again)
    assert report.latest(library, limit=9) == [again, again]
    assert report.latest(library) == [again]


def test_more_reasons_than_a_report_shows_are_counted(library: Library) -> None:
    failed = tuple(FailureGroup(JobKind.EMBED, f"reason {number}", 1) for number in range(6))
    rows = report_rows(replace(drawn_up(library), failed=failed))
    assert [value for name, value in rows if name == "failed"][-1] == "and 1 more reason. All: vidlocal failed"
