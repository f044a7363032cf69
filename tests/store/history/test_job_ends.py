"""Counts of ended jobs for reports."""

from tests.support.commands import hash_of
from vidlocal.records import FileStamp, FrameDraft, JobKind, MediaKind, Probe
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.history import run_reports
from vidlocal.store.queue import jobs


def queue_frames(library: Library, count: int) -> None:
    drafts = [FrameDraft(float(number), number, f"frames/{number}.jpg", number) for number in range(count)]
    videos.add(
        library,
        content_hash=hash_of(str(count)),
        path=library.folder / f"{count}.mp4",
        stamp=FileStamp(1, 1, 1),
        probe=Probe(MediaKind.VIDEO, float(count)),
        frame_drafts=drafts,
        text_passages=[],
        plan=[],
    )


def steps_of_an_end(library: Library) -> int:
    """Steps of SQLite's machine, in thousands, to end a job and to read the number of its end."""
    job = jobs.claim(library, JobKind.DESCRIBE, worker="0" * 16, now=0.0, lease_s=60.0)
    assert job is not None
    steps = [0]

    def count() -> int:
        steps[0] += 1
        return 0

    library.connection.set_progress_handler(count, 1_000)
    jobs.finish(library, job)
    number = run_reports.last_end(library)
    library.connection.set_progress_handler(None, 0)
    assert number == library.number("SELECT max(end_number) FROM jobs") > 0
    return steps[0]


def test_the_end_of_a_job_costs_the_same_in_a_long_queue(library: Library) -> None:
    queue_frames(library, 10)
    steps_of_an_end(library)
    short = steps_of_an_end(library)
    queue_frames(library, 5_000)
    assert steps_of_an_end(library) <= short + 1
