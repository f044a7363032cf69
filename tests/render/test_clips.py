"""Every export format is read back by a real parser."""

import csv
import io
import json
import re
from fractions import Fraction
from xml.etree import ElementTree as Xml

import opentimelineio
import pytest

from vidlocal.errors import UsageError
from vidlocal.media.subtitles import subtitle_formats
from vidlocal.render import captions, data_formats, edl, fcpxml, otio, text_formats
from vidlocal.render.clips import Clip, file_url, parse_frame_rate

NASTY = "=1+1 <b>&amp;\x1b[31m\n\n2\n00:00:09,000 --> 00:00:10,000\nadded \uffff [x](y) \ud800"
CLIPS = [
    Clip("wedding", "/videos/wedding day.mp4", 12.0, 15.5, "She walks.", ("speech",), 0.5, 1, 60.0),
    Clip("wedding", "/videos/wedding day.mp4", 20.0, 20.0, NASTY, ("scene", "speech"), 0.25, 1, 60.0),
    Clip("\x1b]0;x\x07", "/videos/\udcff\ud800.mp4", 1.0, 3.0, "- 2024", ("scene",)),
]
RATE = Fraction(30000, 1001)


@pytest.mark.parametrize("write", [captions.srt, captions.vtt])
def test_captions_are_read_back(write: object) -> None:
    text = write(CLIPS[:2])  # type: ignore[operator]
    first, second = subtitle_formats.parse_subtitles(text)
    assert (first.start, first.end, first.lines) == (12.0, 15.5, ("She walks.",))
    assert (second.start, second.end) == (20.0, 21.0)
    assert "added" in second.lines[0]
    assert "\x1b" not in text


def test_csv_has_a_row_per_clip_and_no_formula() -> None:
    names, *rows = csv.reader(io.StringIO(data_formats.csv_table(CLIPS), newline=""))
    assert names == ["video", "path", "start", "end", "kinds", "score", "text", "speaker"]
    assert [row[2:6] for row in rows] == [
        ["12.000", "15.500", "speech", "0.5000"],
        ["20.000", "20.000", "scene speech", "0.2500"],
        ["1.000", "3.000", "scene", ""],
    ]
    assert rows[1][6].startswith("'=1+1")


def test_json_is_read_back_unchanged() -> None:
    moments = json.loads(data_formats.json(CLIPS))["moments"]
    assert [moment["text"] for moment in moments] == [clip.text for clip in CLIPS]
    assert [json.loads(line) for line in data_formats.jsonl(CLIPS).splitlines()] == moments


def test_the_events_of_an_edl_are_contiguous() -> None:
    lines = edl.edl(CLIPS, title="cut", rate=RATE).splitlines()
    assert lines[:2] == ["TITLE: cut", "FCM: NON-DROP FRAME"]
    code = r"(\d\d:\d\d:\d\d:\d\d)"
    events = [
        match.groups()
        for line in lines
        if (match := re.fullmatch(rf"(\d{{3}})  AX {{6}} AA/V  C {{8}}{code} {code} {code} {code}", line))
    ]
    assert [event[0] for event in events] == ["001", "002", "003"]
    assert events[0][1:] == ("00:00:12:00", "00:00:15:15", "01:00:00:00", "01:00:03:15")
    assert [event[3] for event in events[1:]] == [event[4] for event in events[:-1]]
    assert all(line[:2] == "* " or line[:3].isdecimal() for line in lines[3:])


def test_an_edl_with_too_many_events_is_an_error() -> None:
    with pytest.raises(UsageError, match="999"):
        edl.edl(CLIPS[:1] * 1000, title="x", rate=RATE)


def test_the_clips_of_fcpxml_have_assets() -> None:
    root = Xml.fromstring(fcpxml.fcpxml(CLIPS, title="cut", rate=RATE))
    clips = root.findall(".//spine/asset-clip")
    assert {clip.get("ref") for clip in clips} == {asset.get("id") for asset in root.findall(".//asset")}
    assert clips[0].find("note").text == "She walks."  # type: ignore[union-attr]
    seconds = [Fraction((clip.get("duration") or "").rstrip("s")) for clip in clips]
    assert seconds[0] == pytest.approx(3.5, abs=0.04)
    assert Fraction((clips[2].get("offset") or "").rstrip("s")) == sum(seconds[:2])
    assert root.find(".//media-rep").get("src") == "file:///videos/wedding%20day.mp4"  # type: ignore[union-attr]


def test_otio_is_read_by_its_own_library() -> None:
    timeline = opentimelineio.adapters.read_from_string(otio.otio(CLIPS, title="cut", rate=RATE), "otio_json")
    clips = list(timeline.find_clips())
    assert clips[0].metadata["vidlocal"]["text"] == "She walks."
    assert clips[0].source_range.duration.to_seconds() == pytest.approx(3.5, abs=0.04)
    assert clips[0].available_range().duration.to_seconds() == pytest.approx(60.0, abs=0.04)


def test_markdown_in_texts_is_escaped() -> None:
    text = text_formats.markdown(CLIPS)
    assert text.count("\n## ") == 1
    assert r"\[x\]\(y\)" in text
    assert "\x1b" not in text + text_formats.txt(CLIPS)


def test_rates_are_exact() -> None:
    assert parse_frame_rate("29.97") == RATE
    assert parse_frame_rate("25") == 25
    for wrong in ("0", "x", "1/0", "1e9", "nan"):
        with pytest.raises(ValueError, match="invalid frame rate"):
            parse_frame_rate(wrong)


def test_a_url_has_the_bytes_of_the_name() -> None:
    assert file_url("/a b/\udcff.mp4") == "file:///a%20b/%FF.mp4"
