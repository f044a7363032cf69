"""The library file: videos, frames, passages and jobs."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vidlocal.errors import StoreError, UsageError
from vidlocal.model_answers import SceneAnswer
from vidlocal.records import (
    EnrichmentStatus,
    FileStamp,
    FrameDraft,
    JobKind,
    JobState,
    MediaKind,
    Passage,
    PassageKind,
    Probe,
    Provenance,
)
from vidlocal.store.content import frames, passages, videos
from vidlocal.store.database import Library, translated_errors
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue import jobs

STAMP = FileStamp(size_bytes=10, mtime_ns=1, inode=2)
WRITER = Provenance(engine="ollama", model="llava:7b", digest="abc", prompt_version="1")


def add_video(library: Library, name: str = "wedding.mp4", *, content_hash: str = "h1") -> int:
    drafts = [
        FrameDraft(time=0.0, shot=0, image="frames/h1/0.jpg", dhash=2**64 - 1, rank=0),
        FrameDraft(time=2.0, shot=0, image=None, dhash=1, same_as=0),
        FrameDraft(time=4.0, shot=1, image="frames/h1/4.jpg", dhash=2, novelty=0.5),
    ]
    return videos.add(
        library,
        content_hash=content_hash,
        path=Path("/films") / name,
        stamp=STAMP,
        probe=Probe(kind=MediaKind.VIDEO, duration=6.0),
        frame_drafts=drafts,
        text_passages=[Passage(start=1.0, end=2.0, kind=PassageKind.SUBTITLE, text="I do")],
        plan=[JobKind.TRANSCRIBE],
    )


def test_a_new_video_is_stored_with_its_jobs(library: Library) -> None:
    video_id = add_video(library)
    assert [frame.time for frame in frames.of_video(library, video_id)] == [0.0, 2.0, 4.0]
    assert frames.of_video(library, video_id)[1].same_as == frames.of_video(library, video_id)[0].id
    assert jobs.counts(library) == {
        (JobKind.DESCRIBE, JobState.QUEUED): 2,
        (JobKind.EMBED, JobState.QUEUED): 1,
        (JobKind.TRANSCRIBE, JobState.QUEUED): 1,
    }
    video = videos.get(library, video_id)
    assert video is not None
    assert video.enrichment_status is EnrichmentStatus.PENDING


def test_a_failed_block_stores_nothing(library: Library) -> None:
    with pytest.raises(StoreError), library.writing() as connection:
        connection.execute("INSERT INTO videos (id) SELECT ?", (add_video(library),))
    assert videos.every(library) == []


def test_representative_frames_are_claimed_first(library: Library) -> None:
    add_video(library)
    job = jobs.claim(library, JobKind.DESCRIBE, worker="w", now=100.0, lease_s=10.0)
    assert job is not None
    frame = frames.get(library, job.target)
    assert frame is not None
    assert frame.time == 0.0


def test_a_job_with_an_expired_lease_can_be_claimed(library: Library) -> None:
    add_video(library)
    first = jobs.claim(library, JobKind.TRANSCRIBE, worker="w", now=100.0, lease_s=10.0)
    assert jobs.claim(library, JobKind.TRANSCRIBE, worker="v", now=109.0, lease_s=10.0) is None
    again = jobs.claim(library, JobKind.TRANSCRIBE, worker="v", now=111.0, lease_s=10.0)
    assert first is not None
    assert again is not None
    assert first.id == again.id


def test_a_worker_does_not_claim_its_own_job_after_sleeping_through_the_lease(library: Library) -> None:
    add_video(library)
    jobs.claim(library, JobKind.TRANSCRIBE, worker="w", now=100.0, lease_s=10.0)
    assert jobs.claim(library, JobKind.TRANSCRIBE, worker="w", now=28_900.0, lease_s=10.0) is None


def test_jobs_of_a_dead_process_are_queued_at_once_and_a_living_one_keeps_its_own(library: Library) -> None:
    add_video(library)
    with ProcessLock(library.folder) as alive:
        jobs.claim(library, JobKind.TRANSCRIBE, worker=alive.token, now=0.0, lease_s=1e9)
        jobs.claim(library, JobKind.DESCRIBE, worker="dead", now=0.0, lease_s=1e9)
        assert [running.kind for running in jobs.running(library)] == [JobKind.TRANSCRIBE]
        assert jobs.requeue_orphans(library) == 1
    assert jobs.requeue_orphans(library) == 1


def test_a_job_fails_after_three_charged_attempts_with_its_reason(library: Library) -> None:
    add_video(library)
    for _ in range(3):
        job = jobs.claim(library, JobKind.TRANSCRIBE, worker="w", now=0.0, lease_s=1.0)
        assert job is not None
        jobs.fail(library, job, "no sound")
    assert jobs.claim(library, JobKind.TRANSCRIBE, worker="w", now=0.0, lease_s=1.0) is None
    assert [(failure.kind, failure.reason) for failure in jobs.failures(library)] == [(JobKind.TRANSCRIBE, "no sound")]


def test_a_released_job_costs_no_attempt(library: Library) -> None:
    add_video(library)
    for _ in range(5):
        job = jobs.claim(library, JobKind.TRANSCRIBE, worker="w", now=0.0, lease_s=1.0)
        assert job is not None
        jobs.release(library, job, "server gone")
    assert jobs.failures(library) == []


def test_a_repeat_has_the_description_of_its_original(library: Library) -> None:
    video_id = add_video(library)
    first = frames.of_video(library, video_id)[0]
    frames.store_scene(library, first, SceneAnswer(description="A bride.", tags=("Bride", "aisle")), WRITER)
    rows = library.rows("SELECT time, local_description, local_tags FROM enriched_frames ORDER BY time")
    assert [row["local_description"] for row in rows] == ["A bride. [aisle]", "A bride. [aisle]", None]
    assert set(json.loads(rows[1]["local_tags"])) == {"bride", "aisle"}
    assert frames.coverage(library) == frames.Coverage(described=2, total=3, distinct_undescribed=1)


def test_a_frame_is_visible_until_the_next_distinct_one(library: Library) -> None:
    video_id = add_video(library)
    first, _, last = frames.of_video(library, video_id)
    assert frames.visible_until(library, first) == 4.0
    assert frames.visible_until(library, last) == 6.0


def test_describing_a_frame_twice_keeps_one_description(library: Library) -> None:
    first = frames.of_video(library, add_video(library))[0]
    frames.store_scene(library, first, SceneAnswer(description="Old.", tags=("a",)), WRITER)
    frames.store_scene(library, first, SceneAnswer(description="New.", tags=("b",)), WRITER)
    texts = [passage.text for passage in passages.of_video(library, first.video_id, [PassageKind.SCENE])]
    assert texts == ["New. [b]"]


def test_a_video_is_found_by_number_path_and_part_of_its_name(library: Library) -> None:
    video_id = add_video(library)
    add_video(library, "holiday.mp4", content_hash="h2")
    for text in (str(video_id), "/films/wedding.mp4", "wed", "Wedding.mp4"):
        assert videos.resolve(library, text).id == video_id
    with pytest.raises(UsageError, match="matches 2 videos"):
        videos.resolve(library, "d")
    with pytest.raises(UsageError, match="vidlocal list"):
        videos.resolve(library, "no such title")


def test_videos_with_one_title_are_listed_with_their_files(library: Library) -> None:
    for number, name in enumerate(("day/jfk.mp3", "day/jfk.wav", "night/jfk.wav")):
        add_video(library, name, content_hash=f"h{number}")
    with pytest.raises(UsageError) as failed:
        videos.resolve(library, "jfk")
    assert "1 (jfk.mp3), 2 (/films/day/jfk.wav), 3 (/films/night/jfk.wav)" in str(failed.value)


def test_undecodable_file_name_round_trips_bytewise(library: Library) -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    video = videos.get(library, add_video(library, name))
    assert video is not None
    assert os.fsencode(video.path) == b"/films/caf\xe9.mp4"
    assert video.title == "caf?"
    assert videos.unchanged_at(library, Path("/films") / name, STAMP) == video


def test_an_unchanged_file_is_recognized_without_being_read(library: Library) -> None:
    add_video(library)
    assert videos.unchanged_at(library, Path("/films/wedding.mp4"), STAMP) is not None
    assert videos.unchanged_at(library, Path("/films/wedding.mp4"), FileStamp(11, 1, 2)) is None


def test_a_purged_video_leaves_no_word_in_the_file(library: Library) -> None:
    video_id = add_video(library)
    passages.add(library, video_id, [Passage(0.0, 1.0, PassageKind.SPEECH, "xylophonequux secret " * 50)])
    videos.remove(library, video_id, purge=True)
    everything = b"".join(path.read_bytes() for path in library.folder.glob("library.db*"))
    assert b"xylophonequux" not in everything
    assert b"xyl" not in everything


def test_a_library_of_a_newer_version_is_refused_politely(tmp_path: Path) -> None:
    Library.open(tmp_path / "new", create=True).close()
    connection = sqlite3.connect(tmp_path / "new" / "library.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="newer version of vidlocal"):
        Library.open(tmp_path / "new")


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "library.db").write_bytes(b"not a database at all, but long enough to look at" * 100)
    with pytest.raises(StoreError, match="damaged or not a vidlocal library"):
        Library.open(tmp_path)


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "library.db")
    connection.execute("CREATE TABLE theirs (id)")
    connection.close()
    with pytest.raises(StoreError, match="another program"):
        Library.open(tmp_path)


def test_a_missing_library_says_how_to_create_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="vidlocal ingest"):
        Library.open(tmp_path)


def test_the_library_is_private(library: Library) -> None:
    add_video(library)
    assert library.folder.stat().st_mode & 0o777 == 0o700
    for path in library.folder.glob("library.db*"):
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that is always full")
def test_a_disk_without_room_for_the_side_files_is_reported_as_full(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="disk full"), translated_errors(Path("/proc/library.db")):
        raise sqlite3.OperationalError("disk I/O error")
    with pytest.raises(StoreError, match="disk I/O error"), translated_errors(tmp_path / "library.db"):
        raise sqlite3.OperationalError("disk I/O error")


def test_long_job_progressing_between_crashes_does_not_fail(library: Library) -> None:
    add_video(library)
    for _ in range(2 * jobs.MAX_LOSSES):
        job = jobs.claim(library, JobKind.TRANSCRIBE, worker="dead", now=0.0, lease_s=1.0)
        assert job is not None
        jobs.renew(library, job, now=0.0, lease_s=1.0)
        assert jobs.requeue_orphans(library) == 1
    assert jobs.failures(library) == []


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_nothing_is_stored_in_a_library_file_no_longer_in_place(library: Library, how: str) -> None:
    other = library.path.with_name("other.db")
    with sqlite3.connect(other) as copy:
        library.connection.backup(copy)
    library.path.unlink()
    if how == "replaced":
        other.rename(library.path)
    with pytest.raises(StoreError, match="moved, deleted or replaced while in use"):
        add_video(library)
    assert library.number("SELECT count(*) FROM videos") == 0


def test_an_older_copy_written_over_the_open_library_is_noticed_and_left_whole(tmp_path: Path) -> None:
    with Library.open(tmp_path, create=True) as library:
        add_video(library)
    backup = tmp_path / "backup.db"
    shutil.copy(library.path, backup)
    with Library.open(tmp_path) as library:
        add_video(library, "second.mp4", content_hash="second")
        assert library.truncate_wal()
        _overwrite(library.path, backup)
        with pytest.raises(StoreError, match="overwritten with another copy while in use"):
            add_video(library, "third.mp4", content_hash="third")
    assert library.path.read_bytes() == backup.read_bytes()
    with Library.open(tmp_path) as library:
        assert library.number("SELECT count(*) FROM videos") == 1
        assert library.row("PRAGMA integrity_check")[0] == "ok"  # type: ignore[index]


def test_pages_in_the_log_are_not_written_into_an_older_copy(tmp_path: Path) -> None:
    with Library.open(tmp_path, create=True) as library:
        add_video(library)
    backup = tmp_path / "backup.db"
    shutil.copy(library.path, backup)
    with Library.open(tmp_path) as library:
        add_video(library, "second.mp4", content_hash="second")
        assert library.truncate_wal()
        add_video(library, "third.mp4", content_hash="third")
        _overwrite(library.path, backup)
    assert library.path.read_bytes() == backup.read_bytes()


def test_checkpoints_of_other_connections_are_no_foreign_writes(library: Library) -> None:
    add_video(library)
    with Library.open(library.folder) as other:
        for number in range(3):
            add_video(other, f"{number}.mp4", content_hash=f"hash{number}")
            other.truncate_wal()
            other.row("VACUUM")
            other.truncate_wal()
            library.require_in_place()
    add_video(library, "last.mp4", content_hash="last")
    assert library.number("SELECT count(*) FROM videos") == 5


def test_closing_a_library_keeps_the_locks_of_another_connection_of_the_process(library: Library) -> None:
    with Library.open(library.folder):
        pass
    add_video(library)
    count = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM videos').fetchone()"
    subprocess.run([sys.executable, "-c", count, library.path], check=True)
    assert library.path.with_name("library.db-wal").exists()  # else that process closed the log as its last user


def test_a_copy_in_rollback_mode_is_opened_in_wal_mode(library: Library, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    with sqlite3.connect(tmp_path / "copy" / "library.db") as copy:
        library.connection.backup(copy)
    with Library.open(tmp_path / "copy") as restored:
        assert restored.row("PRAGMA journal_mode")[0] == "wal"  # type: ignore[index]


def _overwrite(path: Path, backup: Path) -> None:
    """Copy into the same file, in another process: closing the file here would drop the locks of SQLite."""
    subprocess.run(["cp", backup, path], check=True)


def test_a_write_does_not_wait_for_a_long_reader_to_shorten_the_log(library: Library) -> None:
    reader = sqlite3.connect(library.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM videos").fetchone()
    for _ in range(110):
        library.connection.execute("REPLACE INTO measures (id, name, value) VALUES (1, 'large', zeroblob(1000000))")
        library.connection.execute("DELETE FROM measures WHERE id = 1")
    assert library.path.with_name("library.db-wal").stat().st_size > 100_000_000
    started = time.monotonic()
    add_video(library)
    assert time.monotonic() - started < 5.0
    assert library.number("PRAGMA busy_timeout") == 30_000
    reader.close()
    assert library.truncate_wal()


def test_passages_at_one_moment_cost_no_more_than_spread_ones(library: Library) -> None:
    def steps(starts: list[float]) -> int:
        """Count steps of SQLite's virtual machine, in hundreds."""
        counted: list[None] = []
        video_id = add_video(library, content_hash=f"h{starts[-1]}")
        library.connection.set_progress_handler(lambda: counted.append(None), 100)
        passages.add(
            library,
            video_id,
            [Passage(start, 900.0, PassageKind.SUBTITLE, f"line {n}") for n, start in enumerate(starts)],
        )
        library.connection.set_progress_handler(None, 0)
        return len(counted)

    assert steps([1.0] * 2_000) < 2 * steps([float(second) for second in range(1, 2_001)])


def test_monotonic_times_from_before_a_restart_of_the_machine_count_as_past(library: Library) -> None:
    video_id = add_video(library)
    job = jobs.claim(library, JobKind.TRANSCRIBE, worker="w", now=500_000.0, lease_s=jobs.LONG_LEASE_S)
    assert job is not None
    assert jobs.claim(library, JobKind.TRANSCRIBE, worker="v", now=500_001.0, lease_s=60.0) is None
    assert jobs.claim(library, JobKind.TRANSCRIBE, worker="v", now=10.0, lease_s=60.0) is not None
    jobs.release(library, job, not_before=500_060.0)
    assert jobs.next_due(library, JobKind.TRANSCRIBE, now=500_000.0) == 500_060.0
    assert jobs.next_due(library, JobKind.TRANSCRIBE, now=10.0) == 0.0
    claimed = jobs.claim(library, JobKind.TRANSCRIBE, worker="v", now=10.0, lease_s=60.0)
    assert claimed is not None
    assert claimed.video_id == video_id


def test_a_number_too_large_for_the_database_is_an_error_message(library: Library) -> None:
    with pytest.raises(UsageError, match="too large"):
        library.rows("SELECT 1 LIMIT ?", 10**20)


def test_a_worker_that_ends_releases_every_job_it_claimed(library: Library) -> None:
    add_video(library)
    for kind in (JobKind.TRANSCRIBE, JobKind.DESCRIBE):
        jobs.claim(library, kind, worker="ending", now=0.0, lease_s=60.0)
    other = jobs.claim(library, JobKind.DESCRIBE, worker="other", now=0.0, lease_s=60.0)
    jobs.release_claimed(library, "ending")
    assert other is not None
    assert [row["worker"] for row in library.rows("SELECT worker FROM jobs WHERE state = 'running'")] == ["other"]
    assert library.number("SELECT sum(attempts) + sum(losses) FROM jobs") == 0
