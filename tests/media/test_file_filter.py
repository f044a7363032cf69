from pathlib import Path

import pytest

from vidlocal.media.file_filter import FileFilter
from vidlocal.media.find_files import find_files
from vidlocal.records import MediaKind


def found(folder: Path, rules: FileFilter) -> list[str]:
    """Files to index, relative to the folder."""
    return [str(file.path.relative_to(folder)) for file in find_files([folder], rules) if file.skip_reason is None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.mp4", "b.GIF", "raw/c.mp4", "raw/best.mp4", "Trip/raw/d.mp4", "Trip/Cafe\u0301.mov", "poster.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "excluded"),
    [
        ("*.gif", {"b.GIF"}),
        ("raw", {"raw/c.mp4", "raw/best.mp4", "Trip/raw/d.mp4"}),
        ("RAW/", {"raw/c.mp4", "raw/best.mp4", "Trip/raw/d.mp4"}),
        ("raw/*", {"raw/c.mp4", "raw/best.mp4"}),
        ("trip/raw", {"Trip/raw/d.mp4"}),
        ("./raw/c.mp4", {"raw/c.mp4"}),
        ("caf\u00e9.*", {"Trip/Cafe\u0301.mov"}),
        ("[ab].*", {"a.mp4", "b.GIF"}),
        ("nothing", set()),
    ],
)
def test_a_pattern_excludes_names_and_with_a_slash_paths(folder: Path, pattern: str, excluded: set[str]) -> None:
    everything = set(found(folder, FileFilter()))
    assert everything - set(found(folder, FileFilter(exclude=(pattern,)))) == excluded


def test_a_pattern_may_be_a_whole_path(folder: Path) -> None:
    rules = FileFilter(exclude=(f"{folder}/raw",))
    assert not any(name.startswith("raw") for name in found(folder, rules))
    assert [file.skip_reason for file in find_files([folder / "raw" / "c.mp4"], rules)] == ["excluded"]


def test_excluded_folders_are_not_searched_and_counted_once(folder: Path) -> None:
    skipped = [file.path for file in find_files([folder], FileFilter(exclude=("raw",))) if file.skip_reason]
    assert folder / "raw" in skipped
    assert folder / "raw" / "c.mp4" not in skipped


def test_included_files_are_never_skipped(folder: Path) -> None:
    assert found(folder, FileFilter(exclude=("*",), include=("best*", "poster.jpg"))) == ["poster.jpg", "raw/best.mp4"]
    assert "poster.jpg" not in found(folder, FileFilter())
    (folder / ".hidden.mp4").touch()
    assert ".hidden.mp4" in found(folder, FileFilter(include=(".hidden*",)))


def test_kinds_are_chosen_by_extension_before_anything_is_read(folder: Path) -> None:
    (folder / "song.mp3").touch()
    (folder / "photo.heic").touch()
    only = {kind: set(found(folder, FileFilter(only=frozenset({kind})))) for kind in MediaKind}
    assert only[MediaKind.PHOTO] == {"photo.heic", "b.GIF"}  # a GIF may be a picture or a film
    assert "song.mp3" in only[MediaKind.AUDIO]
    assert {"song.mp3", "photo.heic"}.isdisjoint(only[MediaKind.VIDEO])
