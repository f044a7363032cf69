"""The query language: phrases, exclusions and filters in a line of text. Pure.

    "cut the cake"          these words in this order
    -cake, -"wedding cake"  without passages of these words
    video:wedding           videos with this in their title or file name, or with this number
    kind:speech             this kind of passage
    tag:dance               videos or frames with this tag
    lang:es                 passages in this language
    speaker:mary            said by the speaker with this name, a part of it, or this number
    person:anna             while this person is seen; several: all of them, within 15 s
    -person:tom             while this person is not seen
    place:lisbon            recorded in this city or country, in any language, or seen at this kind of place
    near:38.7,-9.1,20km     recorded within this distance (10 km by default)
    camera:iphone           recorded with a camera with this in its name
    before:2024-06          recorded before this day, month or year
    after:2024-06           recorded in or after this day, month or year
    at:10:00-12:00          between these times of the video; one end may be omitted
    time:18:00-23:00        recorded between these times of day, also past midnight

Anything else is treated as plain words: every text is a valid query. A filter with an invalid value, such as kind:foo,
is listed in `Query.invalid`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from vidlocal import timecode
from vidlocal.geography import GeoPoint
from vidlocal.records import PassageKind

# Further filters are treated as plain words.
MAX_FILTERS = 32

_token = re.compile(r'(?P<without>-)?(?:(?P<name>[A-Za-z]+):)?(?:["“”](?P<quoted>[^"“”]*)["“”](?=\s|$)|(?P<plain>\S+))')
_day = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")
_hours = re.compile(r"(\d{1,2})(?::(\d{2}))?[-–](\d{1,2})(?::(\d{2}))?")
_language = re.compile(r"([A-Za-z]{2,3})(?:[-_]\w+)?")
_near = re.compile(r"(-?\d{1,3}(?:\.\d+)?),(-?\d{1,3}(?:\.\d+)?)(?:,(\d{1,5}(?:\.\d+)?)(?:km)?)?")
_NEAR_KM = 10.0
_MINUTES_OF_DAY = 24 * 60


@dataclass(slots=True)
class Query:
    """A parsed query. `words` includes phrases, but no filters.

    `span`: seconds of the video. `time_of_day`: minutes of the day, the second on the next day if not after the first.
    `near`: a point, and a distance in kilometres. `before`, `after`: years, months or days, ISO 8601. `invalid`: a
    sentence for each filter with an invalid value.
    """

    words: str
    phrases: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    kinds: list[PassageKind] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    speakers: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    cameras: list[str] = field(default_factory=list)
    near: tuple[GeoPoint, float] | None = None
    before: str | None = None
    after: str | None = None
    span: tuple[float, float] | None = None
    time_of_day: tuple[int, int] | None = None
    invalid: list[str] = field(default_factory=list)

    @property
    def has_filters(self) -> bool:
        """True with a selecting filter; exclusions alone select nothing."""
        lists = (self.videos, self.kinds, self.tags, self.languages, self.speakers, self.places, self.cameras)
        people = (self.people, self.absent)
        ranges = (self.near, self.before, self.after, self.span, self.time_of_day)
        return any(lists) or any(people) or any(value is not None for value in ranges)

    @property
    def is_empty(self) -> bool:
        """True without any filter or word, only blanks and punctuation."""
        return not self.has_filters and not any(_is_word_character(letter) for letter in self.words)


def parse(text: str) -> Query:
    """Parse a query. A query with only exclusions searches for these words instead."""
    text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")  # drop half surrogate pairs
    query = Query("")
    words: list[str] = []
    filters, position = 0, 0
    while filters < MAX_FILTERS and (match := _token.search(text, position)):
        position = match.end()
        is_special = _add_token(query, match)
        filters += is_special
        if not is_special or (match["quoted"] is not None and not match["name"] and not match["without"]):
            words.append(match["quoted"] if is_special else match[0])
    query.words = " ".join([*words, text[position:]]).strip()
    if query.excluded and not query.words and not query.has_filters:
        return Query(text.strip())
    return query


def _add_token(query: Query, match: re.Match[str]) -> bool:
    """Add a phrase, exclusion or filter to `query`. Returns False for a plain word, without adding anything."""
    name, quoted = match["name"], match["quoted"]
    value = quoted if quoted is not None else match["plain"]
    if not any(map(_is_word_character, value)):
        return False
    if name is not None:
        add_filter = (_EXCLUSIONS if match["without"] else _FILTERS).get(name.lower())
        if add_filter is None:
            return False
        if add_filter(query, value):
            return True
        query.invalid.append(f"{match[0]}: searched as words, because {value} is not {_EXPECTED[name.lower()]}.")
        return False
    if match["without"]:
        if not value.startswith("-"):
            query.excluded.append(value)
            return True
    elif quoted is not None:
        query.phrases.append(value)
        return True
    return False


def _is_word_character(letter: str) -> bool:
    return letter.isalnum() or not (letter.isascii() or letter.isspace())


def _add_to(values: Callable[[Query], list[str]]) -> Callable[[Query, str], bool]:
    def add(query: Query, value: str) -> bool:
        values(query).append(value)
        return True

    return add


def _add_kind(query: Query, value: str) -> bool:
    kind = value.lower().replace("-", "_")
    if kind not in list(PassageKind):
        return False
    query.kinds.append(PassageKind(kind))
    return True


def _add_tag(query: Query, value: str) -> bool:
    query.tags.append(value.lower())
    return True


def _add_lang(query: Query, value: str) -> bool:
    match = _language.fullmatch(value)
    if match is None:
        return False
    query.languages.append(match[1].lower())
    return True


def _add_near(query: Query, value: str) -> bool:
    match = _near.fullmatch(value)
    point = GeoPoint.checked(float(match[1]), float(match[2])) if match else None
    if match is None or point is None:
        return False
    query.near = (point, float(match[3] or _NEAR_KM))
    return True


def _add_before(query: Query, value: str) -> bool:
    if not _is_day(value):
        return False
    query.before = value if query.before is None else min(query.before, value)
    return True


def _add_after(query: Query, value: str) -> bool:
    if not _is_day(value):
        return False
    query.after = value if query.after is None else max(query.after, value)
    return True


def _add_at(query: Query, value: str) -> bool:
    try:
        query.span = timecode.parse_span(value)
    except ValueError:
        return False
    return True


def _add_time(query: Query, value: str) -> bool:
    match = _hours.fullmatch(value)
    if match is None:
        return False
    first, last = ((int(match[n]), int(match[n + 1] or 0)) for n in (1, 3))
    start, end = (60 * hours + minutes for hours, minutes in (first, last))
    if max(first[1], last[1]) > 59 or max(start, end) > _MINUTES_OF_DAY or start == end:
        return False
    query.time_of_day = (start, end)
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
    "video": _add_to(lambda query: query.videos),
    "kind": _add_kind,
    "tag": _add_tag,
    "lang": _add_lang,
    "speaker": _add_to(lambda query: query.speakers),
    "person": _add_to(lambda query: query.people),
    "place": _add_to(lambda query: query.places),
    "near": _add_near,
    "camera": _add_to(lambda query: query.cameras),
    "before": _add_before,
    "after": _add_after,
    "at": _add_at,
    "time": _add_time,
}

_EXCLUSIONS = {"person": _add_to(lambda query: query.absent)}

_EXPECTED = {
    "kind": f"one of {', '.join(PassageKind)}",
    "lang": "a language code, such as en",
    "near": "a point and a distance, such as 38.7,-9.1,20km",
    "before": "a day, month or year, such as 2024-06",
    "after": "a day, month or year, such as 2024-06",
    "at": "a time span, such as 10:00-12:00",
    "time": "a span of the day, such as 18:00-23:00",
}
