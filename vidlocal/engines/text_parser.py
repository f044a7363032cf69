"""From what a model says of several frames, or of many notes, to an answer of ours, or AnswerRejected. Pure.

What a model cites is only believed where it was given: numbers of notes that were not shown to it are dropped, and
an answer that rests on nothing else is refused.
"""

import re
from collections.abc import Collection, Sequence

from vidlocal.engines import scene_parser
from vidlocal.engines.base import SchemaMismatch
from vidlocal.engines.scene_parser import UnusableAnswer
from vidlocal.errors import AnswerRejected
from vidlocal.records import ActionAnswer, ChaptersAnswer, SectionAnswer, TagKind

_FOOTAGE = r"(?:video|clip|section|part|footage|film|recording|sequence|series of \w+|pictures?|images?|frames?|notes?)"
_OPENING = re.compile(
    rf"^(?:in (?:this|the) {_FOOTAGE},?\s+|(?:this|the|these) (?:\w+ ){{0,2}}{_FOOTAGE}s? "
    r"(?:shows?|depicts?|captures?|features?|begins? with|describes?|portrays?)\s+(?:that )?)",
    re.I,
)
_NOTHING = re.compile(
    r"^(?:nothing (?:happens|changes|moves)|no (?:change|movement|action)\b|there is no (?:change|move))", re.I
)
_ECHO = re.compile(
    r"words in quotation marks|answer as json|who does what|two or three sentences|two to six words", re.I
)
_MOST_ACTION_TAGS = 5
_MOST_CHAPTERS = 40

_KINDS = {
    "tags": TagKind.TAG,
    "people": TagKind.PERSON,
    "objects": TagKind.OBJECT,
    "places": TagKind.PLACE,
    "keywords": TagKind.KEYWORD,
}


def parse_action(text: str) -> ActionAnswer:
    """What happens over several frames, from JSON. NotTheSchema where a plain question may do better."""
    found = scene_parser.parse_object(text)
    said = found.get("action")
    if found.get("happens") is False or (isinstance(said, str) and _is_nothing(said)):
        return ActionAnswer("")
    if not isinstance(said, str):
        raise SchemaMismatch("The answer has no action.")
    try:
        return ActionAnswer(_sentence(said), scene_parser.parse_words(found.get("tags"))[:_MOST_ACTION_TAGS])
    except UnusableAnswer as error:
        raise SchemaMismatch(str(error)) from error


def parse_plain_action(text: str) -> ActionAnswer:
    """What happens over several frames, from plain sentences."""
    return ActionAnswer("" if _NOTHING.match(scene_parser.remove_preamble(text)) else _sentence(text))


def parse_section(text: str, passage_ids: Sequence[int]) -> SectionAnswer:
    """What is made of the notes on one part. `given` are the ids of the passages behind notes 1, 2, 3 ..."""
    found = scene_parser.parse_object(text)
    words = [(kind, word) for name, kind in _KINDS.items() for word in scene_parser.parse_words(found.get(name))]
    return SectionAnswer(
        title=_title(found.get("title")),
        summary=_prose(found.get("summary")),
        citations=tuple(
            passage_ids[number - 1] for number in _cited(found.get("lines"), range(1, len(passage_ids) + 1))
        ),
        words=tuple(words),
        event_type=scene_parser.parse_line(found.get("event_type")).lower()[:40],
        excitement=scene_parser.parse_fraction(found.get("excitement")),
    )


def parse_chapters(text: str, count: int) -> ChaptersAnswer:
    """What is made of `count` parts. Chapters that begin nowhere, or at the same part as another, are dropped."""
    found = scene_parser.parse_object(text)
    titles: dict[int, str] = {}
    listed = found.get("chapters")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict):
            first, title = _number(one.get("first")), scene_parser.parse_line(one.get("title"))
            if first is not None and 1 <= first <= count and title and first not in titles:
                titles[first] = title[:80]
    if not titles:
        raise SchemaMismatch("The answer has no chapters.")
    begun = sorted(titles)[:_MOST_CHAPTERS]
    titles[1] = titles.get(1) or titles[begun[0]]  # the video begins where its first chapter does
    starts = sorted({1, *(begun if 1 in begun else begun[1:])})
    return ChaptersAnswer(
        summary=_prose(found.get("summary")),
        chapters=tuple((titles[start], start - 1) for start in starts),
        citations=tuple(number - 1 for number in _cited(found.get("lines"), range(1, count + 1))),
    )


def parse_synonyms(text: str, new: Collection[str], in_use: Collection[str]) -> dict[str, str]:
    """New words by the word in use that means the same; words that were not asked about are dropped."""
    found = scene_parser.parse_object(text).get("pairs")
    if not isinstance(found, list):
        raise SchemaMismatch("The answer has no pairs.")
    asked = {word.casefold(): word for word in new}
    known = {word.casefold(): word for word in in_use}
    same: dict[str, str] = {}
    for one in found:
        if isinstance(one, dict):
            left = scene_parser.parse_line(one.get("new")).casefold()
            right = scene_parser.parse_line(one.get("same_as")).casefold()
            if left in asked and right in known and left != right:
                same.setdefault(asked[left], known[right])
    return same


def _sentence(text: str) -> str:
    said = scene_parser.parse_description(_OPENING.sub("", scene_parser.remove_preamble(text), count=1))
    if _ECHO.search(said):
        raise UnusableAnswer("The answer repeats the question.")
    return said[0].upper() + said[1:]


def _prose(value: object) -> str:
    if not isinstance(value, str):
        raise SchemaMismatch("The answer has no summary.")
    return _sentence(value)


def _title(value: object) -> str:
    return scene_parser.parse_line(value).rstrip(".")[:80]


def _is_nothing(text: str) -> bool:
    return not scene_parser.parse_line(text) or _NOTHING.match(text.strip()) is not None


def _cited(value: object, given: range) -> tuple[int, ...]:
    """The numbers cited that were given, once each. AnswerRejected when only others were."""
    listed = value if isinstance(value, list) else [value]
    numbers = [_number(one) for one in listed]
    kept = tuple(dict.fromkeys(number for number in numbers if number is not None and number in given))
    if not kept:
        raise AnswerRejected("The answer names no line among those it was given as its grounds.")
    return kept


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    found = re.fullmatch(r"\s*(?:line|note|part)?\s*#?(\d{1,6})(?:\.0)?\.?\s*", str(value), re.I)
    return int(found[1]) if found else None
