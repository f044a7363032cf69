"""Write summary, chapters, tags and people of a video in the sidecar formats of other programs. Pure.

Every file carries a seal: a checksum of its content. A file with a valid seal was written by vidlocal and not edited
since, so that it may be replaced.
"""

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from vidlocal.records import Chapter
from vidlocal.render.sanitize import one_line
from vidlocal.render.text_formats import escape_markdown
from vidlocal.seal import sealed
from vidlocal.timecode import format_time

# Characters that XML 1.0 forbids.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Special characters of ffmetadata: https://ffmpeg.org/ffmpeg-formats.html#Metadata
_FFMETADATA = re.compile(r"([=;#\\\n])")


@dataclass(frozen=True, slots=True)
class VideoNotes:
    """Texts about a video. `recorded_at` is an ISO 8601 date, with or without time."""

    title: str
    duration: float
    recorded_at: str | None = None
    summary: str = ""
    tags: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    chapters: tuple[Chapter, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.summary or self.tags or self.people or self.chapters)


def markdown(notes: VideoNotes) -> str:
    """Title, date, summary, chapters, people and tags as Markdown."""
    parts = [f"# {escape_markdown(one_line(notes.title))}"]
    if notes.recorded_at:
        parts.append(escape_markdown(notes.recorded_at[:10]))
    if notes.summary:
        parts.append(escape_markdown(notes.summary))
    if notes.chapters:
        parts.append("## Chapters\n\n" + "\n".join(map(_markdown_chapter, notes.chapters)))
    for label, names in (("People", notes.people), ("Tags", notes.tags)):
        if names:
            parts.append(f"**{label}:** {', '.join(map(escape_markdown, names))}")
    return sealed(lambda seal: "\n\n".join([*parts, f"<!-- {seal} -->"]) + "\n")


def xmp(notes: VideoNotes) -> str:
    """XMP (ISO 16684-1) for digiKam, Lightroom and darktable: title, description, keywords and people."""
    people = _xmp_list("Iptc4xmpExt:PersonInImage", "Bag", notes.people)
    keywords = [*notes.tags, *notes.people]
    properties = [
        _xmp_text("dc:title", notes.title),
        _xmp_text("dc:description", notes.summary),
        _xmp_list("dc:subject", "Bag", keywords),
        _xmp_list("digiKam:TagsList", "Seq", keywords),
        people,
        f"   <xmp:CreateDate>{escape(notes.recorded_at)}</xmp:CreateDate>\n" if notes.recorded_at else "",
    ]
    body = "".join(properties)
    return sealed(
        lambda seal: (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
            f'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="{seal}">\n'
            ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
            '  <rdf:Description rdf:about=""\n'
            '    xmlns:dc="http://purl.org/dc/elements/1.1/"\n'
            '    xmlns:xmp="http://ns.adobe.com/xap/1.0/"\n'
            '    xmlns:digiKam="http://www.digikam.org/ns/1.0/"\n'
            '    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">\n'
            f"{body}"
            "  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n"
            '<?xpacket end="w"?>\n'
        )
    )


def nfo(notes: VideoNotes) -> str:
    """The NFO file of a film for Kodi and Jellyfin. NFO has no field for chapters: they end the plot.

    https://kodi.wiki/view/NFO_files/Movies
    """
    plot = "\n".join(filter(None, [notes.summary, *map(_plain_chapter, notes.chapters)]))
    fields = [
        _xml_element("title", notes.title),
        _xml_element("plot", plot) if plot else "",
        _xml_element("runtime", str(max(1, round(notes.duration / 60)))),
        _xml_element("premiered", notes.recorded_at[:10]) if notes.recorded_at else "",
        *(_xml_element("tag", tag) for tag in notes.tags),
        *(f"  <actor>\n  {_xml_element('name', name)}  </actor>\n" for name in notes.people),
    ]
    body = "".join(fields)
    header = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    return sealed(lambda seal: f"{header}\n<!-- {seal} -->\n<movie>\n{body}</movie>\n")


def ffmetadata(notes: VideoNotes) -> str:
    """Title and chapters in the metadata format of ffmpeg."""
    chapters = "".join(
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={round(1000 * chapter.start)}\nEND={round(1000 * chapter.end)}\n"
        f"title={_ffmetadata_value(chapter.title)}\n"
        for chapter in notes.chapters
    )
    return sealed(lambda seal: f";FFMETADATA1\n;{seal}\ntitle={_ffmetadata_value(notes.title)}\n{chapters}")


def _markdown_chapter(chapter: Chapter) -> str:
    text = f": {escape_markdown(one_line(chapter.text))}" if chapter.text else ""
    return f"- **{format_time(chapter.start)} {escape_markdown(one_line(chapter.title))}**{text}"


def _plain_chapter(chapter: Chapter) -> str:
    return f"{format_time(chapter.start)} {one_line(chapter.title)}"


def _xml_text(text: str) -> str:
    return escape(_NOT_XML.sub("", text))


def _xml_element(name: str, text: str) -> str:
    return f"  <{name}>{_xml_text(text)}</{name}>\n"


def _xmp_text(name: str, text: str) -> str:
    if not text:
        return ""
    language = quoteattr("x-default")
    return f"   <{name}><rdf:Alt><rdf:li xml:lang={language}>{_xml_text(text)}</rdf:li></rdf:Alt></{name}>\n"


def _xmp_list(name: str, kind: str, values: "list[str] | tuple[str, ...]") -> str:
    if not values:
        return ""
    items = "".join(f"<rdf:li>{_xml_text(value)}</rdf:li>" for value in values)
    return f"   <{name}><rdf:{kind}>{items}</rdf:{kind}></{name}>\n"


def _ffmetadata_value(text: str) -> str:
    return _FFMETADATA.sub(r"\\\1", one_line(text))
