from pathlib import Path

import pytest

from vidlocal.media import filenames


def test_a_clip_is_named_after_its_video_and_time() -> None:
    assert filenames.clip_name("wedding 2019", 3723.9) == "wedding 2019 1h02m03s"


@pytest.mark.parametrize(
    "title",
    [
        "../../etc/passwd",
        "",
        "...",
        "-rf",
        'a:b*c?"<>|',
        "a\x00\n\x1b[31m\u202e",
        "花" * 300,
        "\udcff",
        " . ",
        "~",
        "~/x",
    ],
)
def test_any_title_gives_the_name_of_a_visible_file(title: str, tmp_path: Path) -> None:
    name = filenames.clip_name(title, 0.0) + ".mp4"
    assert "/" not in name
    assert name[0] not in ".- ~"
    assert name.isprintable()
    (tmp_path / name).touch()
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("title", ["con", "CON", "nul.txt", "Com1", "lpt³.x.y", "prn ", "aux."])
def test_device_names_are_escaped(title: str) -> None:
    assert filenames.sanitize_name(title).startswith("_")
    assert filenames.sanitize_name(filenames.sanitize_name(title)) == filenames.sanitize_name(title)


@pytest.mark.parametrize("title", ["console", "con man", "nullify", "com", "com10"])
def test_names_starting_like_a_device_are_kept(title: str) -> None:
    assert filenames.sanitize_name(title) == title
