"""Files for other programs: their content, and the seal of unedited files."""

from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from vidlocal.records import Chapter
from vidlocal.render import sidecar_files
from vidlocal.render.sidecar_files import VideoNotes
from vidlocal.seal import Seal, read_seal

NOTES = VideoNotes(
    title="Anna & Tom",
    duration=125.0,
    recorded_at="2019-06-02T10:00:00Z",
    summary="The *bride* walks <down> the aisle.",
    tags=("wedding", "first dance"),
    people=("Aunt Mary",),
    chapters=(Chapter(0.0, 60.5, "The church; part=1", "Guests arrive.", ()), Chapter(60.5, 125.0, "Dance", "", ())),
)
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
WRITERS = [sidecar_files.markdown, sidecar_files.xmp, sidecar_files.nfo, sidecar_files.ffmetadata]


@pytest.mark.parametrize("write", WRITERS)
def test_the_seal_is_valid_until_the_file_is_edited(write: Callable[[VideoNotes], str]) -> None:
    content = write(NOTES)
    assert content == write(NOTES)
    assert read_seal(content) is Seal.VALID
    assert read_seal(content.replace("Anna", "Hanna")) is Seal.BROKEN
    assert read_seal(content.replace("vidlocal:", "")) is Seal.MISSING


def test_markdown_has_summary_chapters_people_and_tags() -> None:
    text = sidecar_files.markdown(NOTES)
    assert text.startswith(
        "# Anna \\& Tom\n\n2019\\-06\\-02\n\nThe \\*bride\\* walks \\<down\\> the aisle.\n\n## Chapters\n"
    )
    assert "- **0:00:00.0 The church; part=1**: Guests arrive.\n- **0:01:00.5 Dance**\n" in text
    assert "**People:** Aunt Mary\n\n**Tags:** wedding, first dance\n" in text


def test_xmp_has_keywords_and_people() -> None:
    root = ElementTree.fromstring(sidecar_files.xmp(NOTES))
    lists = {part.tag: [item.text for item in part.iter(f"{RDF}li")] for part in root.iter() if part.tag != f"{RDF}RDF"}
    assert lists["{http://purl.org/dc/elements/1.1/}subject"] == ["wedding", "first dance", "Aunt Mary"]
    assert lists["{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}PersonInImage"] == ["Aunt Mary"]
    assert lists["{http://purl.org/dc/elements/1.1/}description"] == [NOTES.summary]


def test_nfo_has_plot_with_chapters_tags_and_people() -> None:
    root = ElementTree.fromstring(sidecar_files.nfo(NOTES))
    assert root.findtext("title") == "Anna & Tom"
    assert root.findtext("plot") == f"{NOTES.summary}\n0:00:00.0 The church; part=1\n0:01:00.5 Dance"
    assert (root.findtext("runtime"), root.findtext("premiered")) == ("2", "2019-06-02")
    assert [tag.text for tag in root.iter("tag")] == ["wedding", "first dance"]
    assert root.findtext("actor/name") == "Aunt Mary"


def test_characters_that_xml_forbids_are_left_out() -> None:
    for write in (sidecar_files.xmp, sidecar_files.nfo):
        root = ElementTree.fromstring(write(VideoNotes(title="a\x00b\x1b", duration=1.0, summary="c\ufffed")))
        assert {"ab", "cd"} <= {(part.text or "").strip() for part in root.iter()}


def test_ffmetadata_escapes_special_characters() -> None:
    assert "START=0\nEND=60500\ntitle=The church\\; part\\=1\n" in sidecar_files.ffmetadata(NOTES)
