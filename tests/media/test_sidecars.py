"""Subtitle files are found by their names."""

import os
from pathlib import Path

import pytest

from vidlocal.media import sidecars

SRT = "1\n00:00:01,000 --> 00:00:02,500\nHello.\n\n"


def names(paths: tuple[Path, ...]) -> list[str]:
    return [path.name for path in paths]


def test_sidecars_are_found_with_language_and_flags(tmp_path: Path) -> None:
    belonging = ["movie.ass", "movie.en.srt", "movie.mp4.srt", "movie.pt-BR.forced.srt", "movie.srt", "movie.vtt"]
    others = [
        "movie.mp4",
        "movie2.srt",
        "movie.part2.srt",
        "other.en.srt",
        "movie.en.txt",
        "movie.chapters.vtt",
        "m.srt",
    ]
    for name in (*belonging, *others):
        (tmp_path / name).write_text(SRT)
    (tmp_path / "movie.de.srt").mkdir()
    assert names(sidecars.find_sidecars(tmp_path / "movie.mp4")) == belonging


def test_sidecars_are_found_despite_case_and_unicode_normalization(tmp_path: Path) -> None:
    (tmp_path / "CAFE\u0301.EN.SRT").write_text(SRT)
    assert len(sidecars.find_sidecars(tmp_path / "caf\u00e9.mp4")) == 1


def test_a_loop_of_links_hides_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "movie.srt").write_text(SRT)
    (tmp_path / "other.srt").symlink_to("other.srt")
    assert names(sidecars.find_sidecars(tmp_path / "movie.mp4")) == ["movie.srt"]


def test_a_missing_folder_has_no_sidecars(tmp_path: Path) -> None:
    assert sidecars.find_sidecars(tmp_path / "gone" / "movie.mp4") == ()


@pytest.mark.parametrize(
    "name",
    [
        *("movie.sbv", "movie.2.srt", "movie.2.en.srt", "movie.en.2.srt", "movie.en (1).srt", "movie (2).srt"),
        *("movie.en_US.srt", "movie.es-419.vtt", "movie.zh-Hans.srt", "movie.en-orig.vtt", "movie.en.sdh.srt"),
        *("movie.nb.srt", "movie.nb-NO.vtt", "movie.gsw.srt", "movie.ku.srt", "movie.Esperanto.srt", "movie.eo.srt"),
        *("movie.en.forced.sdh.srt", "movie.mp4.2.en.srt", "movie.signs.ass", "movie.Deutsch.srt", "movie.jp.srt"),
    ],
)
def test_numbered_regional_and_rare_sidecars_are_found(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(SRT)
    assert names(sidecars.find_sidecars(tmp_path / "movie.mp4")) == [name]


def test_a_sidecar_belongs_to_the_video_with_the_longest_name(tmp_path: Path) -> None:
    for name in ("movie.mp4", "movie.en.mp4", "movie.2.mp4", "movie.2.en.srt", "movie.en.srt", "movie.de.srt"):
        (tmp_path / name).write_text(SRT)
    assert names(sidecars.find_sidecars(tmp_path / "movie.mp4")) == ["movie.de.srt"]
    assert names(sidecars.find_sidecars(tmp_path / "movie.en.mp4")) == ["movie.en.srt"]
    assert names(sidecars.find_sidecars(tmp_path / "movie.2.mp4")) == ["movie.2.en.srt"]


def test_a_new_sidecar_is_found_in_a_folder_already_read(tmp_path: Path) -> None:
    (tmp_path / "movie.mp4").write_text("")
    assert sidecars.find_sidecars(tmp_path / "movie.mp4") == ()
    (tmp_path / "movie.srt").write_text(SRT)
    os.utime(tmp_path, ns=(1, 1))  # another change than the one before, on a disk with coarse times
    assert names(sidecars.find_sidecars(tmp_path / "movie.mp4")) == ["movie.srt"]


def test_bitmap_subtitles_are_found(tmp_path: Path) -> None:
    for name in ("movie.idx", "movie.sub", "movie.en.sup", "other.sup"):
        (tmp_path / name).write_bytes(b"x")
    assert names(sidecars.find_bitmap_sidecars(tmp_path / "movie.mkv")) == ["movie.en.sup", "movie.idx"]


@pytest.mark.parametrize(
    ("name", "language"),
    [
        *(("m.srt", None), ("m.eng.srt", "en"), ("a.b.pt-BR.forced.srt", "pt"), ("m.hi.srt", "hi"), ("m.2.srt", None)),
        *(("m.en.hi.srt", "en"), ("my.so.cool.movie.srt", None), ("m.nb-NO.vtt", "no"), ("m.2.en.srt", "en")),
    ],
)
def test_the_language_stands_at_the_end_of_the_name(name: str, language: str | None) -> None:
    assert sidecars.sidecar_language(Path(name)) == language


@pytest.mark.parametrize("name", ["m.en.forced.srt", "m.forced.en.srt", "m.signs.ass"])
def test_subtitles_of_foreign_parts_are_partial(name: str) -> None:
    assert sidecars.is_partial(Path(name))


@pytest.mark.parametrize("name", ["m.en.srt", "forced.srt", "forced.march.en.srt"])
def test_other_subtitles_are_whole(name: str) -> None:
    assert not sidecars.is_partial(Path(name))
