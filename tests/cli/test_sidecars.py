"""`vidlocal sidecars`."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import clips
from tests.support.commands import Run, add_video
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.files import content_hash, read_stamp
from vidlocal.media.probe.prober import Prober
from vidlocal.records import Chapter, Passage, PassageKind, Provenance, TagKind, VideoTag
from vidlocal.store.content import passages, understanding, videos
from vidlocal.store.database import Library

Describe = Callable[[str], None]


@pytest.fixture
def film(library: Library, tmp_path: Path) -> Path:
    (tmp_path / "films").mkdir()
    return clips.scenes(tmp_path / "films" / "wedding.mp4", seconds=8)


@pytest.fixture
def describe(library: Library, film: Path) -> Describe:
    """Index the film, with speech, tags, and a summary with two chapters."""
    with Prober() as prober:
        video_id = videos.add(
            library,
            content_hash=content_hash(film),
            path=film,
            stamp=read_stamp(film),
            probe=prober.probe(film),
            frame_drafts=[],
            text_passages=[Passage(0.0, 2.0, PassageKind.SPEECH, "I do.")],
            plan=[],
        )
    (passage,) = passages.of_video(library, video_id)

    def store(summary: str) -> None:
        assert passage.id is not None
        grounds = (passage.id,)
        parts = [Chapter(0.0, 4.0, "Church", "Guests.", grounds), Chapter(4.0, 8.0, "Dance", "A waltz.", grounds)]
        whole = Chapter(0.0, 8.0, "", summary, grounds)
        understanding.store_summary(library, video_id, whole, parts, Provenance("ollama", "phi", "1", "1"))
        tag = VideoTag(TagKind.TAG, "bride", grounds)
        understanding.store_tags(library, video_id, [tag], event_type="wedding", excitement=None)

    store("A wedding.")
    return store


def names(film: Path) -> list[str]:
    return sorted(path.name for path in film.parent.iterdir())


def test_it_only_lists_the_files_until_it_is_asked_to_write(run: Run, film: Path, describe: Describe) -> None:
    result = run("sidecars")
    assert result.exit_code == 0, result.stderr
    folder = film.parent
    assert result.stdout == (
        f"create\t{folder}/wedding.md\ncreate\t{folder}/wedding.mp4.xmp\ncreate\t{folder}/wedding.nfo\n"
    )
    assert "3 new files, 0 changed files. To write them, add --apply." in result.stderr
    assert names(film) == ["wedding.mp4"]


def test_a_second_run_changes_nothing_and_a_new_summary_is_written(run: Run, film: Path, describe: Describe) -> None:
    before = film.read_bytes()
    formats = [option for form in ("md", "xmp", "nfo", "ffmetadata", "vtt", "srt") for option in ("-f", form)]
    assert "Wrote 6 files." in run("sidecars", "--apply", *formats).stderr
    assert names(film) == [
        *("wedding.ffmetadata", "wedding.md", "wedding.mp4", "wedding.mp4.xmp", "wedding.nfo"),
        *("wedding.vidlocal.srt", "wedding.vidlocal.vtt"),
    ]
    assert film.read_bytes() == before
    times = {path: path.stat().st_mtime_ns for path in film.parent.iterdir()}
    assert "Wrote 0 files." in run("sidecars", "--apply", *formats).stderr
    assert {path: path.stat().st_mtime_ns for path in film.parent.iterdir()} == times
    describe("Anna and Tom marry.")
    files = json.loads(run("sidecars", "--apply", "--json").stdout)["files"]
    assert {Path(file["path"]).name: file["action"] for file in files} == dict.fromkeys(
        ("wedding.md", "wedding.mp4.xmp", "wedding.nfo"), "update"
    )
    assert "Anna and Tom marry." in film.with_suffix(".md").read_text()


def test_files_of_others_and_edited_files_are_kept(run: Run, film: Path, describe: Describe, tmp_path: Path) -> None:
    film.with_suffix(".nfo").write_text("<movie>mine</movie>")
    (tmp_path / "elsewhere").write_text("private")
    film.with_suffix(".md").symlink_to(tmp_path / "elsewhere")
    xmp = film.with_name("wedding.mp4.xmp")
    run("sidecars", "-f", "xmp", "--apply")
    edited = xmp.read_text().replace("A wedding.", "My wedding.")
    xmp.write_text(edited)
    describe("Anna and Tom marry.")
    result = run("sidecars", "--apply")
    assert result.exit_code == 0
    assert f"{xmp}: not replaced (edited since it was written)." in result.stderr
    assert "wedding.nfo: not replaced (not written by vidlocal)." in result.stderr
    assert xmp.read_text() == edited
    assert film.with_suffix(".nfo").read_text() == "<movie>mine</movie>"
    assert (tmp_path / "elsewhere").read_text() == "private"


def test_own_subtitles_are_not_read_on_the_next_ingest(run: Run, film: Path, describe: Describe) -> None:
    run("sidecars", "-f", "srt", "-f", "vtt", "--apply")
    run("ingest", str(film))
    passages_ = json.loads(run("export", "-f", "json").stdout)["passages"]
    assert [passage["kind"] for passage in passages_ if passage["text"] == "I do."] == ["speech"]


def test_a_folder_without_permission_is_one_sentence(run: Run, film: Path, describe: Describe) -> None:
    film.with_suffix(".md").mkdir()
    result = run("sidecars", "-f", "md", "--apply")
    assert result.exit_code == 0
    assert "not replaced (not written by vidlocal)" in result.stderr


def test_a_film_out_of_reach_does_not_stop_the_others(
    run: Run, film: Path, describe: Describe, library: Library
) -> None:
    far = add_video(library, "far", "Hello.")
    # An impossible name fails as a folder without permission does.
    videos.set_path(library, far, film.with_name("x" * 300))
    result = run("sidecars")
    assert (result.exit_code, result.stdout.count("create\t")) == (0, 3), result.stderr


def test_two_films_that_differ_by_extension_have_their_own_files(run: Run, film: Path, describe: Describe) -> None:
    shutil.copy(film, film.with_suffix(".mkv"))
    clips.scenes(film.with_suffix(".mkv"), seconds=4, seed=3)
    run("ingest", str(film.with_suffix(".mkv")), "--later")
    assert "wedding.mp4.md" in run("sidecars", "-f", "md").stdout


def test_a_copy_has_the_chapters_and_the_same_streams(run: Run, film: Path, describe: Describe, tmp_path: Path) -> None:
    result = run("sidecars", "wedding", "--copy-with-chapters", str(tmp_path / "shared"))
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{tmp_path}/shared/wedding.mp4\n"
    with Prober() as prober:
        probe, source = prober.probe(tmp_path / "shared/wedding.mp4"), prober.probe(film)
    assert [(chapter.start, chapter.text) for chapter in probe.chapters] == [(0.0, "Church"), (4.0, "Dance")]
    assert (probe.duration, probe.video_codec) == (source.duration, source.video_codec)


def test_without_texts_it_says_so(run: Run, library: Library) -> None:
    assert "Nothing to write" in run("sidecars").stderr


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_exiftool_reads_the_xmp(run: Run, film: Path, describe: Describe) -> None:
    run("sidecars", "-f", "xmp", "--apply")
    command = ["exiftool", "-j", "-validate", "-warning", str(film.with_name("wedding.mp4.xmp"))]
    (tags,) = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert tags["Validate"] == "OK"
    command = ["exiftool", "-j", str(film.with_name("wedding.mp4.xmp"))]
    (tags,) = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert (tags["Title"], tags["Description"], tags["Subject"]) == ("wedding", "A wedding.", "bride")


def test_ffmpeg_reads_the_chapters(run: Run, film: Path, describe: Describe) -> None:
    run("sidecars", "-f", "ffmetadata", "--apply")
    tool = find_ffmpeg(None)
    command = [*tool.base_command(), "-i", str(film.with_suffix(".ffmetadata")), "-f", "ffmetadata", "-"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.count("[CHAPTER]") == 2
    assert "title=Church" in printed
