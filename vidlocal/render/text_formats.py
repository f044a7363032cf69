"""Write clips as plain text and Markdown. Pure."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from vidlocal.render.clips import Clip
from vidlocal.render.sanitize import one_line
from vidlocal.timecode import format_time

# Special characters of CommonMark, including HTML.
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+!|~&-])")


def txt(clips: Sequence[Clip]) -> str:
    """A line per clip with the time in front, grouped by video."""
    return "".join(_paragraphs(clips, "{}\n", "{}  {}\n", str))


def markdown(clips: Sequence[Clip]) -> str:
    """A heading for each video and a list of clips. Markup in texts is escaped."""
    return "".join(_paragraphs(clips, "## {}\n\n", "- **{}** {}\n", escape_markdown))


def _paragraphs(clips: Sequence[Clip], heading: str, item: str, write: Callable[[str], str]) -> Iterator[str]:
    for number, ((title, _), group) in enumerate(groupby(clips, key=lambda clip: (clip.title, clip.path))):
        yield ("\n" if number else "") + heading.format(write(one_line(title)))
        for clip in group:
            yield item.format(format_time(clip.start), write(one_line(_with_people(clip))))


def _with_people(clip: Clip) -> str:
    return f"{clip.line} ({', '.join(clip.people)})" if clip.people else clip.line


def escape_markdown(text: str) -> str:
    """Escape the special characters of Markdown."""
    return _MARKUP.sub(r"\\\1", text)
