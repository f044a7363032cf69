"""Recording dates of files without such a tag, and of DV cassettes."""

import json
from pathlib import Path

import pytest

from tests.support import clips
from vidlocal.media.metadata.recording_date import with_date
from vidlocal.media.metadata.takeout import read_takeout
from vidlocal.media.probe.prober import Prober
from vidlocal.media.probe.stream_info import parse_date
from vidlocal.records import MediaKind, Probe


def date_of(path: Path, recorded_at: str | None = None) -> str | None:
    probe = Probe(MediaKind.VIDEO, 1.0, recorded_at=recorded_at)
    return with_date(path, probe, read_takeout(path)).recorded_at


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("VID-20190602-WA0001.mp4", "2019-06-02"),
        ("VID_20200102_030405.mp4", "2020-01-02T03:04:05"),
        ("PXL_20210304_101112123.mp4", "2021-03-04T10:11:12+00:00"),
        ("2018-07-08 09.10.11.mp4", "2018-07-08T09:10:11"),
        ("Screen Recording 2023-07-14 at 15.30.12.mov", "2023-07-14T15:30:12"),
        ("signal-2021-05-06-070809.mp4", "2021-05-06T07:08:09"),
        ("Avatar (2009).mp4", None),
        ("VID_20209902_030405.mp4", None),
        ("film.mp4", None),
    ],
)
def test_the_date_in_a_name_counts_where_the_file_holds_none(tmp_path: Path, name: str, date: str | None) -> None:
    assert date_of(tmp_path / name) == date
    assert date_of(tmp_path / name, "1999-12-31") == "1999-12-31"


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2024:02:29 10:00:00+01:00", "2024-02-29T10:00:00+01:00"),
        ("2024-02-30T10:00:00Z", None),
        ("2024-02-28T25:61:00Z", "2024-02-28"),
        ("2024-02-28T10:00:00+99:00", "2024-02-28"),
        ("٢٠٢٤-٠١-٠١", None),
    ],
)
def test_days_and_times_that_do_not_exist_are_no_date(text: str, date: str | None) -> None:
    assert parse_date(text) == date


@pytest.mark.parametrize("timestamp", ["9" * 5000, "1e999", "-1", '"x"', "null"])
def test_an_impossible_time_in_takeout_is_no_date(tmp_path: Path, timestamp: str) -> None:
    (tmp_path / "film.mp4.json").write_text(
        f'{{"photoTakenTime": {{"timestamp": {timestamp}}}, "geoData": {{"latitude": {timestamp}, "longitude": 1}}}}'
    )
    assert date_of(tmp_path / "film.mp4") is None


@pytest.mark.parametrize(
    ("name", "sidecar"),
    [
        ("IMG_1.jpg", "IMG_1.jpg.json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json"),
        ("IMG_1(2).jpg", "IMG_1.jpg(2).json"),
        ("IMG_1(2).jpg", "IMG_1.jpg.supplemental-metadata(2).json"),
        ("IMG_1-edited.jpg", "IMG_1.jpg.json"),
        ("IMG_1.MP4", "IMG_1.HEIC.json"),
        ("Screenshot-of-a-long-afternoon-at-the-sea.jpg", "Screenshot-of-a-long-afternoon-at-the-sea.jpg..json"),
        ("video.mp4", "video.json"),
    ],
)
def test_the_time_in_a_google_takeout_counts(tmp_path: Path, name: str, sidecar: str) -> None:
    taken = {"title": name, "photoTakenTime": {"timestamp": "1546347845", "formatted": "1 Jan 2019"}}
    (tmp_path / sidecar).write_text(json.dumps(taken))
    assert date_of(tmp_path / name) == "2019-01-01T13:04:05+00:00"


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"photoTakenTime": 5}', '{"photoTakenTime": {"timestamp": "' + "9" * 6_000 + '"}}', "[" * 99_999],
)
def test_another_json_file_gives_no_date(tmp_path: Path, content: str) -> None:
    (tmp_path / "film.mp4.json").write_text(content)
    assert date_of(tmp_path / "film.mp4") is None


@pytest.mark.parametrize("name", ["tape.dv", "tape.avi", "tape.mov"])
def test_the_date_of_a_dv_cassette_is_read(tmp_path: Path, name: str) -> None:
    picture = ("-f", "lavfi", "-i", "testsrc=size=720x576:rate=25:duration=1")
    sound = ("-f", "lavfi", "-i", "sine=440:duration=1:sample_rate=48000")
    date = ("-metadata", "creation_time=2004-07-14T15:30:12")
    clips.run(*picture, *sound, "-target", "pal-dv", *date, tmp_path / "source.dv")
    if name.endswith(".dv"):
        (tmp_path / "source.dv").rename(tmp_path / name)
    else:
        clips.run("-i", tmp_path / "source.dv", "-map_metadata", "-1", "-c", "copy", tmp_path / name)
    with Prober() as prober:
        assert prober.probe(tmp_path / name).recorded_at == "2004-07-14T15:30:12"
