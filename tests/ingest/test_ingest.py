"""Results of an ingest run for each file."""

import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.support import clips
from vidlocal.enrich.workers import fast_pass
from vidlocal.ingest.costs import IngestPlan
from vidlocal.ingest.meter import IngestProgress
from vidlocal.ingest.outcome import IngestResult, Outcome
from vidlocal.ingest.run import IngestTools, ingest
from vidlocal.media import ffmpeg, files
from vidlocal.media.probe.prober import Prober
from vidlocal.records import JobKind, JobState, MediaKind, PassageKind
from vidlocal.signals.screen_text import RapidOcr
from vidlocal.store.content import frame_images, frames, passages, videos
from vidlocal.store.database import Library
from vidlocal.store.exchange.import_rows import Importer
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue import jobs


@pytest.fixture
def lock(library: Library) -> Iterator[ProcessLock]:
    with ProcessLock(library.folder) as alive:
        yield alive


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A folder of its own for the files to take in."""
    folder = tmp_path / "films"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def tools() -> Iterator[IngestTools]:
    tool = ffmpeg.find_ffmpeg(None)
    with Prober() as prober, RapidOcr() as reader:
        yield IngestTools(tool, prober, fast_pass.FastEngines(tool, prober, reader, None))


def test_a_damaged_time_stamp_does_not_ask_for_the_disk_of_a_year(tools: IngestTools, tmp_path: Path) -> None:
    path = clips.variable(tmp_path / "a.mkv", lambda number: number / 10 + (3e7 if number > 4 else 0), frames=10)
    with Library.open(tmp_path / "home", create=True) as library, ProcessLock(library.folder) as lock:
        (outcome,) = ingest(library, [path], tools, lock, every=2.0, later=True)
    assert outcome.result is IngestResult.ADDED
    assert outcome.frames <= 10


@pytest.mark.parametrize(("every", "expected"), [(0.0, 90_000), (0.001, 90_000), (2.0, 1_801)])
def test_the_space_for_every_picture_is_asked_for_when_all_are_taken(every: float, expected: int) -> None:
    plan = IngestPlan(every, ocr=False, speech=False, image_vectors=False)
    assert plan.frame_count(3600.0, 90_000) == expected


def take(library: Library, tools: IngestTools, lock: ProcessLock, *paths: Path, later: bool = True) -> list[Outcome]:
    return list(ingest(library, paths, tools, lock, every=2.0, later=later))


def contents(library: Library) -> list[tuple[object, ...]]:
    """All stored values except times and paths."""
    tables = ("frames", "passages", "jobs", "checkpoints")
    return [tuple(row) for table in tables for row in library.rows(f"SELECT * FROM {table} ORDER BY id")]


def test_a_renamed_and_a_copied_file_are_the_same_video(
    library: Library, tools: IngestTools, lock: ProcessLock, films: Path
) -> None:
    first = clips.scenes(films / "wedding.mp4", seconds=6)
    take(library, tools, lock, first)
    before = contents(library)
    copy = films / "copy.mp4"
    shutil.copy(first, copy)
    renamed = first.rename(films / "anna.mp4")
    outcomes = take(library, tools, lock, copy, renamed)
    assert [outcome.result for outcome in outcomes] == [IngestResult.DUPLICATE, IngestResult.DUPLICATE]
    assert contents(library) == before
    (video,) = videos.every(library)
    assert video.path == str(copy)  # the oldest that exists: the first file was renamed before the copy was ingested
    assert video.title == "copy"
    assert set(videos.paths(library, video.id)) >= {copy, renamed}


def test_the_path_is_the_oldest_existing_file_and_no_partial_download(
    library: Library, tools: IngestTools, lock: ProcessLock, films: Path
) -> None:
    partial = clips.scenes(films / "wedding.mp4", seconds=6).rename(films / "wedding.mp4.part")
    take(library, tools, lock, partial)
    first, second = films / "wedding.mp4", films / "zoo.mp4"
    for path in (first, second):
        shutil.copy(partial, path)
        take(library, tools, lock, path)
        assert videos.every(library)[0].path == str(first)
    first.unlink()
    (outcome,) = take(library, tools, lock, second)
    assert (outcome.result, videos.every(library)[0].path) == (IngestResult.UNCHANGED, str(second))
    assert videos.every(library)[0].title == "zoo"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("b.mp4.part", "b.mp4.part: unfinished download."),
        ("b.mp4.crdownload", "b.mp4.crdownload: unfinished download."),
        ("b.mp4~", "b.mp4~: unfinished download."),
        ("GX010001.LRV", "GX010001.LRV: preview file of a camera."),
        ("poster.jpg", "poster.jpg: artwork of a film or album."),
        ("a-fanart.png", "a-fanart.png: artwork of a film or album."),
        ("@eaDir/b.jpg", None),
        ("$RECYCLE.BIN/b.mp4", None),
    ],
)
def test_debris_in_folders_is_skipped_and_counted(
    library: Library, tools: IngestTools, lock: ProcessLock, films: Path, name: str, reason: str | None
) -> None:
    path = clips.scenes(films / "a.mp4", seconds=2)
    (films / name).parent.mkdir(exist_ok=True)
    shutil.copy(path, films / name)
    outcomes = [(outcome.result, outcome.reason) for outcome in take(library, tools, lock, films)]
    assert sorted(outcomes) == [(IngestResult.ADDED, None)] + ([(IngestResult.SKIPPED, reason)] if reason else [])
    assert len(videos.every(library)) == 1


def test_a_picture_called_cover_without_a_film_beside_it_is_ingested(
    library: Library, tools: IngestTools, lock: ProcessLock, films: Path
) -> None:
    Image.new("RGB", (64, 48), "red").save(films / "cover.jpg")
    (outcome,) = take(library, tools, lock, films)
    assert outcome.result is IngestResult.ADDED


def test_imported_video_gets_frames_from_its_file_and_keeps_its_text(
    library: Library, tools: IngestTools, lock: ProcessLock, films: Path
) -> None:
    path = clips.scenes(films / "wedding.mp4", seconds=6)
    (films / "wedding.en.srt").write_text(
        "1\n00:00:01,000 --> 00:00:02,500\nGood morning.\n\n2\n00:00:03,000 --> 00:00:04,000\nGood night.\n"
    )
    imported = [
        {"type": "video", "name": "v1", "content_hash": files.content_hash(path), "duration": 6.0},
        {"type": "passage", "video": "v1", "kind": "subtitle", "start": 1.0, "end": 2.5, "text": "Good morning."},
        {"type": "passage", "video": "v1", "kind": "screen_text", "start": 0.0, "end": 2.0, "text": "GRIMSEL"},
        {"type": "passage", "video": "v1", "kind": "summary", "start": 0.0, "end": 6.0, "text": "Two greetings."},
    ]
    assert Importer(library).import_lines(list(enumerate(imported))) == []
    before = library.rows("SELECT * FROM passages")
    (outcome,) = take(library, tools, lock, path, later=False)
    (video,) = videos.every(library)
    assert (outcome.result, outcome.video, outcome.subtitles) == (IngestResult.ADDED, video, 1)
    assert len(frames.of_video(library, video.id)) == outcome.frames == 3
    assert (video.path, video.size_bytes, video.width_px > 0) == (str(path), path.stat().st_size, True)
    assert [tuple(row) for row in library.rows("SELECT * FROM passages WHERE id <= 3")] == list(map(tuple, before))
    texts = sorted(passage.text for passage in passages.of_video(library, video.id))
    assert texts == ["GRIMSEL", "Good morning.", "Good night.", "Two greetings."]
    planned = {kind for kind, _ in jobs.counts(library)}
    assert planned >= {JobKind.DESCRIBE, JobKind.TAG, JobKind.EMBED}
    assert not planned & {JobKind.READ, JobKind.TRANSCRIBE, JobKind.SUMMARISE}
    assert [again.result for again in take(library, tools, lock, path)] == [IngestResult.UNCHANGED]


def test_imported_recording_is_transcribed_with_its_file(
    library: Library, tools: IngestTools, lock: ProcessLock, films: Path
) -> None:
    path = clips.sound(films / "talk.m4a", seconds=4)
    video = {"type": "video", "name": "talk", "content_hash": files.content_hash(path), "duration": 4.0}
    assert Importer(library).import_lines([(1, video)]) == []
    assert [outcome.result for outcome in take(library, tools, lock, path)] == [IngestResult.ADDED]
    assert JobKind.TRANSCRIBE in {kind for kind, _ in jobs.counts(library)}
    assert [video.kind for video in videos.every(library)] == [MediaKind.AUDIO]
    assert [outcome.result for outcome in take(library, tools, lock, path)] == [IngestResult.UNCHANGED]


def test_a_second_ingest_changes_nothing(library: Library, tools: IngestTools, lock: ProcessLock, films: Path) -> None:
    path = clips.scenes(films / "wedding.mp4", seconds=6)
    take(library, tools, lock, path, later=False)
    before = contents(library), library.row("PRAGMA data_version")
    (outcome,) = take(library, tools, lock, path, later=False)
    assert outcome.result is IngestResult.UNCHANGED
    assert (contents(library), library.row("PRAGMA data_version")) == before


def test_folder_skips_other_files_and_explains_broken_media(
    library: Library, tools: IngestTools, lock: ProcessLock, films: Path
) -> None:
    clips.scenes(films / "good.mp4", seconds=4)
    (films / "notes.txt").write_text("not a film")
    (films / ".hidden.mp4").write_text("never looked at")
    (films / "broken.mp4").write_bytes(b"\0" * 5000)
    (films / "empty.mkv").touch()
    outcomes = {outcome.path.name: outcome for outcome in take(library, tools, lock, films)}
    assert {name: outcome.result for name, outcome in outcomes.items()} == {
        "good.mp4": IngestResult.ADDED,
        "notes.txt": IngestResult.SKIPPED,
        "broken.mp4": IngestResult.FAILED,
        "empty.mkv": IngestResult.FAILED,
    }
    assert outcomes["empty.mkv"].reason == "empty.mkv: file is empty."


def test_named_file_of_another_type_fails(library: Library, tools: IngestTools, lock: ProcessLock, films: Path) -> None:
    (films / "notes.txt").write_text("not a film")
    (outcome,) = take(library, tools, lock, films / "notes.txt")
    assert outcome.result is IngestResult.FAILED
    assert outcome.reason


def test_the_pictures_of_the_library_are_no_photos_of_anybody(
    library: Library, tools: IngestTools, lock: ProcessLock, films: Path
) -> None:
    take(library, tools, lock, clips.scenes(films / "wedding.mp4", seconds=6))
    outcomes = take(library, tools, lock, library.folder)
    assert outcomes
    assert {outcome.result for outcome in outcomes} == {IngestResult.SKIPPED}
    assert len(videos.every(library)) == 1


def test_links_in_a_circle_end_nothing(library: Library, tools: IngestTools, lock: ProcessLock, films: Path) -> None:
    (films / "a.mp4").symlink_to("a.mp4")
    (films / "again").symlink_to(films)
    clips.scenes(films / "b.mp4", seconds=4)
    circle, film = take(library, tools, lock, films)
    assert (circle.result, film.result) == (IngestResult.FAILED, IngestResult.ADDED)
    assert circle.reason == "a.mp4: loop of symbolic links."


def test_subtitles_beside_the_file_are_passages_and_spare_the_listening(
    library: Library, tools: IngestTools, lock: ProcessLock, films: Path
) -> None:
    path = clips.sound(films / "talk.m4a", seconds=6)
    (films / "talk.en.srt").write_text("1\n00:00:01,000 --> 00:00:02,500\nGood morning everybody.\n", "utf-16")
    (outcome,) = take(library, tools, lock, path)
    assert outcome.video is not None
    (passage,) = passages.of_video(library, outcome.video.id)
    assert (passage.kind, passage.start, passage.end) == (PassageKind.SUBTITLE, 1.0, 2.5)
    assert (passage.text, passage.language) == ("Good morning everybody.", "en")
    assert JobKind.TRANSCRIBE not in {kind for kind, _ in jobs.counts(library)}


def test_speech_without_a_model_is_one_queued_job_and_one_sentence(
    library: Library, lock: ProcessLock, tools: IngestTools, films: Path
) -> None:
    deaf = replace(tools, fast=replace(tools.fast, no_speech="No model. Run: vidlocal setup"))
    (outcome,) = take(library, deaf, lock, clips.sound(films / "talk.m4a"), later=False)
    assert outcome.result is IngestResult.ADDED
    assert outcome.notes == ("No model. Run: vidlocal setup",)
    assert jobs.counts(library)[JobKind.TRANSCRIBE, JobState.QUEUED] == 1


def test_a_photo_has_one_frame_and_a_recording_none(
    library: Library, tools: IngestTools, lock: ProcessLock, films: Path
) -> None:
    Image.new("RGB", (2000, 1000), (200, 30, 30)).save(films / "cake.jpg")
    clips.sound(films / "talk.m4a")
    photo, sound = take(library, tools, lock, films / "cake.jpg", films / "talk.m4a")
    assert photo.video is not None
    assert sound.video is not None
    assert (photo.video.kind, photo.frames, photo.video.duration) == (MediaKind.PHOTO, 1, 0.0)
    assert (sound.video.kind, sound.frames) == (MediaKind.AUDIO, 0)
    (frame,) = frames.of_video(library, photo.video.id)
    with Image.open(io.BytesIO(frame_images.read(library, frame))) as image:
        assert image.size == (896, 448)


def test_file_changing_while_read_is_refused_and_leaves_nothing(
    library: Library, tools: IngestTools, lock: ProcessLock, films: Path
) -> None:
    path = clips.scenes(films / "growing.mp4", seconds=6)

    def grow(at: IngestProgress) -> None:
        if at.stage == "frames":
            with path.open("ab") as file:
                file.write(b"more")

    (outcome,) = ingest(library, [path], tools, lock, every=2.0, later=True, on_progress=grow)
    assert outcome.result is IngestResult.FAILED
    assert "changed" in (outcome.reason or "")
    assert videos.every(library) == []
    assert list(library.frames_folder.iterdir()) == []


def test_small_figure_crossing_a_still_minute_stays_searchable(
    library: Library, tools: IngestTools, lock: ProcessLock, films: Path
) -> None:
    """3 % of the picture moves from left to right for 60 s: all positions differ."""
    path = films / "aisle.mp4"
    clips.run(
        *("-f", "lavfi", "-i", "gradients=s=640x360:r=5:d=60:speed=0.00001:c0=0x806040:c1=0x304050"),
        *("-f", "lavfi", "-i", "color=0xe8e0d8:s=48x144:r=5:d=60"),
        *("-filter_complex", "[0][1]overlay=x=t*9.8:y=180,noise=alls=4:allf=t", "-t", "60"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "26", "-g", "10", path),
    )
    (outcome,) = take(library, tools, lock, path)
    assert outcome.frames == 30
    assert outcome.distinct == 30
