"""Parse SubRip, WebVTT, SubViewer (YouTube) and SubStation Alpha leniently: invalid lines are skipped.

pysubs2 is not used: its WebVTT reader treats notes, style blocks, cue identifiers and word timestamps (all present in
captions from YouTube) as text, and keeps entities.
"""

import html
import re
from collections.abc import Iterator
from itertools import pairwise

from vidlocal.media.subtitles.cues import RawCue

# Drawings and clip commands make long lines; longer ones are damage or attacks. Spoken text is far shorter.
_MAX_LINE_CHARS = 20_000
_MAX_TEXT_CHARS = 2_000
_MAX_CUE_LINES = 40

_TIME = r"(?:(\d{1,4}):)?(\d{1,3}):(\d{1,2})(?:[.,:](\d{1,6}))?"
_TIMING = re.compile(rf"\s*(-?){_TIME}\s*-->\s*(-?){_TIME}")
_SUBVIEWER_TIMING = re.compile(rf"\s*(-?){_TIME},(-?){_TIME}\s*$")
_ASS_TIME = re.compile(r"\s*(-?)(\d{1,4}):(\d{1,2}):(\d{1,2})(?:[.,:](\d{1,6}))?\s*")
# Readings above ideographs, and the name of a speaker.
_RUBY_TEXT = re.compile(r"<(rt|rp)\b[^<>]{0,300}>.*?(?:</\1>|(?=<r[tp]\b|</ruby>)|$)", re.DOTALL)
_VOICE = re.compile(r"<v(?:\.[^\s<>]{0,100})?[ \t]+([^<>\n]{1,100})>")
_MAX_VOICES = 20
_LINE_END = re.compile(r"\r*\n|\r")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,300}>|<\d[\d:.]{3,20}>")
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")

_ASS_COLUMNS = ("layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text")


def parse_subtitles(text: str) -> list[RawCue]:
    """Cues of a subtitle file, in file order. Empty for other formats."""
    lines = [line[:_MAX_LINE_CHARS] for line in _LINE_END.split(text.lstrip("\ufeff"))]
    if any(line.startswith("Dialogue:") for line in lines) and (cues := list(_substation(lines))):
        return cues
    is_webvtt = lines[0].lstrip().startswith("WEBVTT")
    return list(_timed_blocks(lines, _TIMING, webvtt=is_webvtt)) or list(
        _timed_blocks(lines, _SUBVIEWER_TIMING, webvtt=True)
    )


def _timed_blocks(lines: list[str], timing: re.Pattern[str], *, webvtt: bool) -> Iterator[RawCue]:
    """Cues of SubRip, WebVTT and SubViewer: a timing line and the text up to the next timing line.

    `webvtt`: text ends with an empty line.
    """
    timings = [(number, match) for number, line in enumerate(lines) if (match := timing.match(line))]
    ends = [*(number for number, _ in timings), len(lines)][1:]
    for (number, match), until in zip(timings, ends, strict=False):
        below = lines[number + 1 : min(until, number + 1 + _MAX_CUE_LINES)]
        body = _webvtt_body(below) if webvtt else _subrip_body(below, last=until == len(lines))
        start, end = _seconds(*match.groups()[:5]), _seconds(*match.groups()[5:])
        for speaker, part in _voices("\n".join(body)):
            yield RawCue(start, end, _plain_lines(part.split("\n")), speaker)


def _webvtt_body(below: list[str]) -> list[str]:
    """Lines up to the first empty line; notes, styles or the next cue identifier follow.

    YouTube begins a cue with a line that is one space. Where a program stripped that, an empty line comes first, and
    the text, unlike an identifier, has another one behind it.
    """
    first = next((number for number, line in enumerate(below) if line.strip()), 0)
    text = below[first:]
    if first and ("" not in text or text[0].startswith(("NOTE", "STYLE", "REGION"))):
        return []
    return text[: text.index("")] if "" in text else text


def _subrip_body(below: list[str], *, last: bool) -> list[str]:
    """Lines up to the number of the next cue, even an incomplete cue. Empty lines inside a cue are allowed."""
    for number, (line, after) in enumerate(pairwise(below)):
        if not line.strip() and after.strip().isdecimal():
            return below[:number]
    if not last and below and below[-1].strip().isdecimal():
        return below[:-1]
    return below


def _voices(text: str) -> Iterator[tuple[str | None, str]]:
    """Yield the parts of a cue with the name of their speaker, None before the first name."""
    parts = _VOICE.split(text, maxsplit=_MAX_VOICES) if "<v" in text else [text]
    if parts[0].strip() or len(parts) == 1:
        yield None, parts[0]
    for name, part in zip(parts[1::2], parts[2::2], strict=True):
        name = " ".join(_INVISIBLE.sub(" ", html.unescape(name)).split())
        said, _, rest = part.partition("</v>")
        yield name if any(letter.isalnum() for letter in name) else None, said
        if rest.strip():
            yield None, rest


def _substation(lines: list[str]) -> Iterator[RawCue]:
    columns: tuple[str, ...] = _ASS_COLUMNS
    for line in lines:
        key, _, value = line.partition(":")
        if key == "Format" and "text" in value.lower():
            columns = tuple(name.strip().lower() for name in value.split(","))
        elif key == "Dialogue":
            fields = dict(zip(columns, value.split(",", len(columns) - 1), strict=False))
            start = _ASS_TIME.fullmatch(fields.get("start", ""))
            end = _ASS_TIME.fullmatch(fields.get("end", ""))
            if start and end:
                body = _strip_overrides(fields.get("text", ""))
                yield RawCue(_seconds(*start.groups()), _seconds(*end.groups()), _plain_lines(body.split("\n")))


def _strip_overrides(text: str) -> str:
    r"""Remove `{...}` blocks, and drawings between `{\p1}` and `{\p0}`, from a SubStation text."""
    words, position, drawing = [], 0, False
    while (opening := text.find("{", position)) >= 0 and (closing := text.find("}", opening)) >= 0:
        words.append("" if drawing else text[position:opening])
        scales = re.findall(r"\\p(\d+)", text[opening:closing])
        drawing = bool(scales[-1].strip("0")) if scales else drawing
        position = closing + 1
    torn = len(text) > _MAX_TEXT_CHARS and "{" in text[position:]
    words.append("" if drawing or torn else text[position:])
    return re.sub(r"\\[Nn]", "\n", "".join(words)).replace(r"\h", " ")


def _plain_lines(body: list[str]) -> tuple[str, ...]:
    """Lines as plain text, without tags, entities, invisible characters and lines without letters or digits."""
    plain = []
    marked_up = "\n".join(body)
    if "<" in marked_up:
        marked_up = _RUBY_TEXT.sub("", marked_up)
    for line in re.split(r"\n|\[br\]", marked_up):
        words = _TAG.sub("", _strip_overrides(line) if "{\\" in line or "{y:" in line.lower() else line)
        words = " ".join(_INVISIBLE.sub(" ", html.unescape(words)).split())
        if any(character.isalnum() for character in words):
            plain.append(words[:_MAX_TEXT_CHARS])
    return tuple(line for line, after in pairwise([*plain, ""]) if line != after)


def _seconds(sign: str, hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    value = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction or 0}")
    return -value if sign else value
