"""Parser for answers about sequences and notes. Raises AnswerRejected for unusable answers. Pure.

Citations of notes that were not in the prompt are dropped; an answer without other citations is rejected.
"""

import re
from collections.abc import Collection, Sequence

from vidlocal.engines.base import SchemaMismatch
from vidlocal.engines.prompts import scene_parser
from vidlocal.engines.prompts.scene_parser import UnusableAnswer
from vidlocal.errors import AnswerRejected
from vidlocal.model_answers import ActionAnswer, ChaptersAnswer, SectionAnswer
from vidlocal.records import TagKind

_FOOTAGE = r"(?:video|clip|section|part|footage|film|recording|sequence|series of \w+|pictures?|images?|frames?|notes?)"
_PREAMBLE = re.compile(
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
_MAX_ACTION_TAGS = 5
_MAX_CHAPTERS = 40
_MAX_TITLE_CHARACTERS = 80
_MAX_EVENT_CHARACTERS = 40

_TAG_KINDS = {
    "tags": TagKind.TAG,
    "people": TagKind.PERSON,
    "objects": TagKind.OBJECT,
    "places": TagKind.PLACE,
    "keywords": TagKind.KEYWORD,
}


def parse_action(text: str) -> ActionAnswer:
    """Parse a JSON answer about a sequence. Raises SchemaMismatch if plain sentences may work better."""
    fields = scene_parser.parse_object(text)
    action = fields.get("action")
    if fields.get("happens") is False or (isinstance(action, str) and _is_nothing(action)):
        return ActionAnswer("")
    if not isinstance(action, str):
        raise SchemaMismatch("The answer has no action.")
    try:
        return ActionAnswer(_sentence(action), scene_parser.parse_words(fields.get("tags"))[:_MAX_ACTION_TAGS])
    except UnusableAnswer as error:
        raise SchemaMismatch(str(error)) from error


def parse_plain_action(text: str) -> ActionAnswer:
    """Parse plain sentences about a sequence."""
    return ActionAnswer("" if _NOTHING.match(scene_parser.remove_preamble(text)) else _sentence(text))


def parse_section(text: str, passage_ids: Sequence[int]) -> SectionAnswer:
    """Parse an answer about a section. `passage_ids`: ids of the passages of notes 1, 2, 3 ..."""
    fields = scene_parser.parse_object(text)
    words = [(kind, word) for name, kind in _TAG_KINDS.items() for word in scene_parser.parse_words(fields.get(name))]
    notes = range(1, len(passage_ids) + 1)
    return SectionAnswer(
        title=scene_parser.parse_line(fields.get("title")).rstrip(".")[:_MAX_TITLE_CHARACTERS],
        summary=_prose(fields.get("summary")),
        citations=tuple(passage_ids[number - 1] for number in _citations(fields.get("lines"), notes)),
        words=tuple(words),
        event_type=scene_parser.parse_line(fields.get("event_type")).lower()[:_MAX_EVENT_CHARACTERS],
        excitement=scene_parser.parse_fraction(fields.get("excitement")),
    )


def parse_chapters(text: str, count: int) -> ChaptersAnswer:
    """Parse an answer about `count` sections. Chapters with an unknown or repeated first section are dropped."""
    fields = scene_parser.parse_object(text)
    titles = _chapter_titles(fields.get("chapters"), count)
    if not titles:
        raise SchemaMismatch("The answer has no chapters.")
    starts = sorted(titles)[:_MAX_CHAPTERS]
    titles[1] = titles.get(1) or titles[starts[0]]  # the first chapter starts with the video
    starts = sorted({1, *(starts if 1 in starts else starts[1:])})
    return ChaptersAnswer(
        summary=_prose(fields.get("summary")),
        chapters=tuple((titles[start], start - 1) for start in starts),
        citations=tuple(number - 1 for number in _citations(fields.get("lines"), range(1, count + 1))),
    )


def _chapter_titles(chapters: object, count: int) -> dict[int, str]:
    """Return titles by number of the first section."""
    titles: dict[int, str] = {}
    for chapter in chapters if isinstance(chapters, list) else ():
        if isinstance(chapter, dict):
            first, title = _number(chapter.get("first")), scene_parser.parse_line(chapter.get("title"))
            if first is not None and 1 <= first <= count and title and first not in titles:
                titles[first] = title[:_MAX_TITLE_CHARACTERS]
    return titles


def parse_synonyms(text: str, new: Collection[str], in_use: Collection[str]) -> dict[str, str]:
    """Map new words to synonyms in use. Other words are dropped."""
    pairs = scene_parser.parse_object(text).get("pairs")
    if not isinstance(pairs, list):
        raise SchemaMismatch("The answer has no pairs.")
    new_words = {word.casefold(): word for word in new}
    used_words = {word.casefold(): word for word in in_use}
    synonyms: dict[str, str] = {}
    for pair in pairs:
        if isinstance(pair, dict):
            word = scene_parser.parse_line(pair.get("new")).casefold()
            synonym = scene_parser.parse_line(pair.get("same_as")).casefold()
            if word in new_words and synonym in used_words and word != synonym:
                synonyms.setdefault(new_words[word], used_words[synonym])
    return synonyms


def _sentence(text: str) -> str:
    sentence = scene_parser.parse_description(_PREAMBLE.sub("", scene_parser.remove_preamble(text), count=1))
    if _ECHO.search(sentence):
        raise UnusableAnswer("The answer repeats the question.")
    return sentence[0].upper() + sentence[1:]


def _prose(value: object) -> str:
    if not isinstance(value, str):
        raise SchemaMismatch("The answer has no summary.")
    return _sentence(value)


def _is_nothing(text: str) -> bool:
    return not scene_parser.parse_line(text) or _NOTHING.match(text.strip()) is not None


def _citations(value: object, valid: range) -> tuple[int, ...]:
    """Return the distinct valid numbers. Raises AnswerRejected without any."""
    numbers = [_number(item) for item in (value if isinstance(value, list) else [value])]
    citations = tuple(dict.fromkeys(number for number in numbers if number is not None and number in valid))
    if not citations:
        raise AnswerRejected("The answer cites none of the given lines.")
    return citations


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    match = re.fullmatch(r"\s*(?:line|note|part)?\s*#?(\d{1,6})(?:\.0)?\.?\s*", str(value), re.I)
    return int(match[1]) if match else None
