"""What a person asks for, read from one line of text. Pure.

    "cut the cake"          these words in this order
    -cake, -"wedding cake"  not where this is said, written or shown
    video:wedding           only videos with this in their title or file name, or of this number
    kind:speech             only this kind of passage
    tag:dance               only what was tagged so
    lang:es                 only what is in this language
    before:2024-06          recorded before that day, month or year began
    after:2024-06           recorded in it or later
    at:10:00-12:00          between these times of the video; one end may be left out
    time:18:00-23:00        recorded between these times of day, past midnight too

Whatever cannot be read like that is words to look for: there is no such thing as a wrong query.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from vidlocal import timecode
from vidlocal.records import PassageKind

# Reading stops here; the rest is plain words. Nobody writes so many by hand.
MOST_FILTERS = 32

_token = re.compile(r'(?P<without>-)?(?:(?P<name>[A-Za-z]+):)?(?:["“”](?P<quoted>[^"“”]*)["“”](?=\s|$)|(?P<plain>\S+))')
_day = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")
_hours = re.compile(r"(\d{1,2})(?::(\d{2}))?[-–](\d{1,2})(?::(\d{2}))?")
_language = re.compile(r"([A-Za-z]{2,3})(?:[-_]\w+)?")
_MINUTES_OF_DAY = 24 * 60


@dataclass(slots=True)
class Query:
    """What to look for and what it is narrowed to. Nothing of a filter is in `words`, all of a phrase is.

    `at` is in seconds of the video. `time` is in minutes of the day; a second one that is not after the first is on
    the next day. `before` and `after` are years, months or days, ISO 8601.
    """

    words: str
    phrases: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    kinds: list[PassageKind] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    before: str | None = None
    after: str | None = None
    at: tuple[float, float] | None = None
    time: tuple[int, int] | None = None

    @property
    def narrows(self) -> bool:
        """Whether a filter says what is wanted, even without any word. What is unwanted does not say it."""
        named = (self.videos, self.kinds, self.tags, self.languages)
        return any(named) or any(one is not None for one in (self.before, self.after, self.at, self.time))

    @property
    def says_nothing(self) -> bool:
        """Whether there is neither a filter nor a word: only blanks, stops and quotes."""
        return not self.narrows and not any(_is_of_a_word(letter) for letter in self.words)


def parse(text: str) -> Query:
    """The query that a text is. A text of nothing but unwanted words is taken for words to look for."""
    text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")  # half a character is none
    query = Query("")
    words: list[str] = []
    filters, position = 0, 0
    while filters < MOST_FILTERS and (match := _token.search(text, position)):
        position = match.end()
        read = _read(query, match)
        filters += read
        if not read or (match["quoted"] is not None and not match["name"] and not match["without"]):
            words.append(match["quoted"] if read else match[0])
    query.words = " ".join([*words, text[position:]]).strip()
    if query.without and not query.words and not query.narrows:
        return Query(text.strip())
    return query


def _read(query: Query, match: re.Match[str]) -> bool:
    """Whether the token was a phrase, an unwanted one or a filter; the query then has it."""
    name, quoted = match["name"], match["quoted"]
    value = quoted if quoted is not None else match["plain"]
    if not any(map(_is_of_a_word, value)):
        return False
    if name is not None:
        reader = _FILTERS.get(name.lower())
        return reader is not None and not match["without"] and reader(query, value)
    if match["without"]:
        if not value.startswith("-"):
            query.without.append(value)
            return True
    elif quoted is not None:
        query.phrases.append(value)
        return True
    return False


def _is_of_a_word(letter: str) -> bool:
    return letter.isalnum() or not (letter.isascii() or letter.isspace())


def _video(query: Query, value: str) -> bool:
    query.videos.append(value)
    return True


def _kind(query: Query, value: str) -> bool:
    known = value.lower().replace("-", "_")
    if known not in list(PassageKind):
        return False
    query.kinds.append(PassageKind(known))
    return True


def _tag(query: Query, value: str) -> bool:
    query.tags.append(value.lower())
    return True


def _lang(query: Query, value: str) -> bool:
    match = _language.fullmatch(value)
    if match is None:
        return False
    query.languages.append(match[1].lower())
    return True


def _before(query: Query, value: str) -> bool:
    if not _is_day(value):
        return False
    query.before = value if query.before is None else min(query.before, value)
    return True


def _after(query: Query, value: str) -> bool:
    if not _is_day(value):
        return False
    query.after = value if query.after is None else max(query.after, value)
    return True


def _at(query: Query, value: str) -> bool:
    first, dash, last = value.replace("–", "-").partition("-")
    try:
        start = timecode.parse_time(first) if first else 0.0
        end = (timecode.parse_time(last) if last else float("inf")) if dash else start
    except ValueError:
        return False
    if not 0 <= start <= end or start == float("inf"):
        return False
    query.at = (start, end)
    return True


def _time(query: Query, value: str) -> bool:
    match = _hours.fullmatch(value)
    if match is None:
        return False
    first, last = ((int(match[n]), int(match[n + 1] or 0)) for n in (1, 3))
    start, end = (60 * hours + minutes for hours, minutes in (first, last))
    if max(first[1], last[1]) > 59 or max(start, end) > _MINUTES_OF_DAY or start == end:
        return False
    query.time = (start, end)
    return True


def _is_day(value: str) -> bool:
    match = _day.fullmatch(value)
    if match is None or not value.isascii():
        return False
    try:
        date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        return False
    return True


_FILTERS: dict[str, Callable[[Query, str], bool]] = {
    "video": _video,
    "kind": _kind,
    "tag": _tag,
    "lang": _lang,
    "before": _before,
    "after": _after,
    "at": _at,
    "time": _time,
}
