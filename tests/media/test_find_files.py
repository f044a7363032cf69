from pathlib import Path

import pytest

from tests.support import clips
from vidlocal.errors import MediaError
from vidlocal.media import files
from vidlocal.media.extensions import has_media_extension
from vidlocal.media.find_files import find_files


def test_folders_are_searched_in_order_and_hidden_things_skipped(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.mp4", ".hidden.mp4", "sub/c.mkv", ".git/d.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    inputs = list(find_files([tmp_path]))
    assert [item.path.name for item in inputs] == ["a.mp4", "b.mp4", "c.mkv"]
    assert not any(item.explicit for item in inputs)


@pytest.mark.parametrize(
    ("media", "previews"),
    [
        ("M4ROOT/CLIP/C0001.MP4", ["M4ROOT/SUB/C0001S03.MP4", "M4ROOT/THMBNL/C0001T01.JPG"]),
        ("A.photoslibrary/originals/1.mov", ["A.photoslibrary/resources/derivatives/1.jpeg"]),
        ("Film.mp4", ["Film.trickplay/320 - 10x10/0.jpg", "Catalog Previews.lrdata/1.jpg", "@Transcode/Film.mp4"]),
        ("immich/upload/1.mp4", ["immich/thumbs/1.jpg", "immich/encoded-video/1.mp4"]),
        ("old/film.mp4", ["old/frames/0a/000000.jpg"]),
        (
            "A.fcpbundle/1/Original Media/1.mov",
            ["A.fcpbundle/1/Render Files/1.mov", "A.fcpbundle/1/Transcoded Media/1.mov"],
        ),
        ("clip/sub/1.mp4", []),
        ("thumbs/1.jpg", []),
    ],
)
def test_previews_and_caches_of_other_programs_are_left_out(tmp_path: Path, media: str, previews: list[str]) -> None:
    for name in (media, *previews):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "old").mkdir(exist_ok=True)
    (tmp_path / "old" / "library.db").touch()
    found = [file.path for file in find_files([tmp_path]) if file.path.suffix != ".db"]
    assert found == [tmp_path / media]
    for name in previews:
        assert [file.path for file in find_files([(tmp_path / name).parent])] == [tmp_path / name]


def test_an_explicit_file_is_found_even_if_hidden_or_missing(tmp_path: Path) -> None:
    (tmp_path / ".secret.mp4").touch()
    inputs = list(find_files([tmp_path / ".secret.mp4", tmp_path / "missing.mp4"]))
    assert [(item.path.name, item.explicit) for item in inputs] == [(".secret.mp4", True), ("missing.mp4", True)]


def test_a_live_photo_is_a_photo(tmp_path: Path) -> None:
    key = ("-metadata", "com.apple.quicktime.content.identifier=1A2B", "-movflags", "use_metadata_tags")
    clips.numbered(tmp_path / "IMG_1.MOV", frames=9, after=key)
    clips.numbered(tmp_path / "IMG_2.MOV", frames=9)
    for name in ("IMG_1.HEIC", "IMG_2.HEIC"):
        (tmp_path / name).touch()
    skipped = {file.path.name: file.skip_reason for file in find_files([tmp_path])}
    assert skipped == {"IMG_1.HEIC": None, "IMG_1.MOV": "film of a Live Photo", "IMG_2.HEIC": None, "IMG_2.MOV": None}
    (tmp_path / "IMG_1.HEIC").unlink()
    assert [file.skip_reason for file in find_files([tmp_path])] == [None] * 3
    assert [file.skip_reason for file in find_files([tmp_path / "IMG_1.MOV"])] == [None]


def test_subtitles_beside_their_film_have_a_reason_of_their_own(tmp_path: Path) -> None:
    for name in ("film.mp4", "film.srt", "film.pt-BR.forced.vtt", "other.srt", "film.txt", "film two.srt"):
        (tmp_path / name).write_bytes(b"x")
    skipped = {file.path.name for file in find_files([tmp_path]) if file.skip_reason == "subtitles of a video"}
    assert skipped == {"film.srt", "film.pt-BR.forced.vtt"}
    assert [file.skip_reason for file in find_files([tmp_path / "film.srt"])] == [None]


def test_each_file_is_found_once(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    assert len(list(find_files([tmp_path / "a.mp4", tmp_path, tmp_path]))) == 1


def test_relative_names_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert next(find_files([Path("a:b.mp4")])).path == tmp_path / "a:b.mp4"


def test_loops_of_links_end(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.mp4").touch()
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "self.mp4").symlink_to(tmp_path / "self.mp4")
    assert [item.path.name for item in find_files([tmp_path])] == ["self.mp4", "a.mp4"]
    with pytest.raises(MediaError, match="loop"):
        files.read_stamp(tmp_path / "self.mp4")


@pytest.mark.parametrize(
    ("name", "is_media"), [("a.MP4", True), ("a.jpg", True), ("a.opus", True), ("a.txt", False), ("mp4", False)]
)
def test_media_is_recognized_by_extension(name: str, is_media: bool) -> None:
    assert has_media_extension(Path(name)) is is_media
