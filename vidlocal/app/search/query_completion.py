"""Completion of a query: filters, and their values in the library."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from vidlocal.folding import fold
from vidlocal.records import PassageKind
from vidlocal.render.sanitize import one_line
from vidlocal.store import completion_source
from vidlocal.timecode import format_short_time

_FILTERS = {
    "video:": "only this video",
    "kind:": "only this kind of passage",
    "tag:": "only moments with this tag",
    "lang:": "only in this language",
    "speaker:": "only what this speaker says",
    "person:": "only while this person is seen",
    "-person:": "only while this person is not seen",
    "place:": "recorded in this city or country",
    "near:": "recorded within this distance",
    "camera:": "recorded with this camera",
    "before:": "recorded before this day, month or year",
    "after:": "recorded on or after this day, month or year",
    "at:": "in this part of the video",
    "time:": "recorded at this time of day",
}
_NAMES = {
    "speaker": completion_source.speakers,
    "person": completion_source.people,
    "-person": completion_source.people,
    "place": completion_source.places,
    "camera": completion_source.cameras,
}
_MAX_CANDIDATES = 200


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word to complete to. After `:`, `@` or `=` at the end the word goes on."""

    word: str
    description: str = ""


def matching_candidates(available: Iterable[Candidate], typed: str) -> list[Candidate]:
    """Return at most 200 printable candidates with the prefix `typed`.

    Quotes, case and accents do not count: tag:first completes to tag:"first dance", noe to Noël.
    """
    prefix = _match_key(typed)
    matching = (candidate for candidate in available if _match_key(candidate.word).startswith(prefix))
    return [candidate for candidate in islice(matching, _MAX_CANDIDATES) if candidate.word.isprintable()]


def query_candidates(typed: str, home: Path) -> list[Candidate]:
    """Return the filters, or the values of the filter at the start of `typed`."""
    name, colon, value = typed.partition(":")
    if not colon:
        return [Candidate(word, description) for word, description in _FILTERS.items()]
    values = _filter_values(name.lower(), value.lstrip('"'), home)
    return [Candidate(f"{name}:{item.word}", item.description) for item in values]


def video_candidates(typed: str, home: Path, *, without: str = "") -> Iterator[Candidate]:
    """Yield every video by title; by id if a number was typed, or the title is ambiguous or unsafe as a word.

    A title with a character of `without` is unsafe.
    """
    videos = completion_source.videos(home)
    ids_by_name: dict[str, set[int]] = {}
    for video in videos:
        for name in (video.title, video.file, str(video.id)):
            ids_by_name.setdefault(fold(name), set()).add(video.id)
    for video in videos:
        title, length = video.title, format_short_time(video.duration)
        is_safe = title.isprintable() and not title.startswith("-") and title.strip() and not set(title) & set(without)
        is_unique = ids_by_name[fold(title)] == {video.id}
        if is_safe and is_unique:
            yield Candidate(title, f"{video.id}, {length}")
        if not is_safe or not is_unique or typed.isdecimal():
            yield Candidate(str(video.id), f"{one_line(title)}, {length}")


def _match_key(word: str) -> str:
    return fold(word.replace('"', ""))


def _filter_values(name: str, value: str, home: Path) -> Iterator[Candidate]:
    """Yield the values of a query filter, quoted if with spaces."""
    if name == "kind":
        yield from map(Candidate, PassageKind)
    elif name == "lang":
        yield from map(Candidate, completion_source.languages(home))
    elif name in ("before", "after"):
        yield from map(Candidate, completion_source.recording_times(home))
    elif name == "tag":
        for tag in completion_source.tags(home, value.lower(), limit=_MAX_CANDIDATES):
            if not set(tag) & set('"“”'):
                yield Candidate(_quote(tag))
    elif name in _NAMES:
        for known_name in _NAMES[name](home):
            if not set(known_name) & set('"“”'):
                yield Candidate(_quote(known_name))
    elif name == "video":
        for video in video_candidates(value, home, without='"“”'):
            yield Candidate(_quote(video.word), video.description)


def _quote(value: str) -> str:
    return f'"{value}"' if " " in value else value
