"""Parser for descriptions by vision models. Raises AnswerRejected for unusable answers. Pure."""

import json
import math
import re

from vidlocal.engines.base import SchemaMismatch
from vidlocal.errors import AnswerRejected
from vidlocal.model_answers import SceneAnswer

MAX_DESCRIPTION_CHARACTERS = 2_000
_MAX_WORD_CHARACTERS = 60
_MAX_WORDS = 20
_MAX_TEXT_CHARACTERS = 500
_MAX_PEOPLE = 10_000

# A text with this many runs of three words is repetitive if fewer than this share are distinct.
_MIN_RUNS = 12
_MIN_DISTINCT_RUNS = 0.5

_IMAGE = r"(?:image|photo(?:graph)?|picture|frame|still|screenshot|snapshot|video frame|video still|scene)"
_SHOWS = (
    r"(?:(?:also |clearly |vividly )?(?:shows?|depicts?|features?|captures?|displays?|presents?|portrays?|contains?|"
    r"illustrates?)|is (?:showing|depicting|of)|appears to (?:show|depict|be)|seems to (?:show|depict|be))"
)
# "Sure! Here is a description of the scene:", "The image shows", "In this photo, we can see"
_PREAMBLES = (
    re.compile(r"^(?:sure|certainly|of course|okay)[!,.]\s*", re.I),
    re.compile(r"^here(?:'s| is| are)\b[^.:\n]{0,80}:\s*", re.I),
    re.compile(r"^(?:scene )?description:\s*", re.I),
    re.compile(rf"^(?:this|the|an?) (?:\w+ ){{0,2}}{_IMAGE} {_SHOWS}\s+(?:that )?", re.I),
    re.compile(rf"^in (?:this|the) (?:\w+ )?{_IMAGE}(?: here)?,?\s+", re.I),
    re.compile(r"^(?:we|you|i) (?:can )?see (?:that )?", re.I),
)
_IN_THE_IMAGE = re.compile(r",?\s+in (?:this|the) (?:image|photo|photograph)(?=[\s.,;!]|$)", re.I)

_REFUSAL = re.compile(
    r"^(?:i'?\s?a?m (?:sorry|unable|not able)|sorry(?:[,.!]|,? (?:but|i)\b)|unfortunately|apologies|"
    r"i (?:can ?not|can't|do not|don't|am not|cannot) (?:\w+ )?(?:see|view|access|describe|assist|help|provide|process|"
    r"analy[sz]e|have|identify|fulfil)|(?:there is |there's )?no (?:image|picture|photo|visible)|"
    r"please (?:provide|upload|share|attach)|as an? (?:ai|language|text)\b|i need (?:an|the|to see)|"
    r"(?:the )?(?:image|picture|photo) (?:you|is not|was not|isn't|wasn't|cannot|could not|did not|has not))",
    re.I,
)
_REFUSAL_ANYWHERE = re.compile(
    r"as an ai (?:language )?model|text-based ai|"
    r"(?:unable|not able) to (?:see|view|process|access) (?:the |any |this )?(?:image|picture|photo)|"
    r"(?:cannot|can't|can not) (?:see|view|access) (?:the |any |this )?(?:image|picture|photo)|"
    r"(?:no|without an?) image (?:was |is |has been )?(?:provided|attached|uploaded)",
    re.I,
)
# Text of our prompt, and fillers that a grammar forces from a model without an answer.
_BOILERPLATE = re.compile(
    r"two or three sentences about|who or what is there|describe (?:this|the) scene|search words|"
    r"^(?:string|description|n/?a|none|null|unknown|untitled|nothing|todo|\W*)$",
    re.I,
)
# JSON, whole or cut off, in place of sentences.
_STRUCTURED = re.compile(r"\s*(?:```\w*\s*)?[\[{]\s*[\"\[{}\]]")
_LOOP = re.compile(r"(.{3,80}?)\1{4,}", re.S)
_BLANKS = frozenset(
    {"", "string", "none", "n/a", "na", "null", "unknown", "empty", "unclear", "not applicable", "nothing"}
)


class UnusableAnswer(AnswerRejected):
    """Empty, too long or repetitive answer, typical of a model overtaxed by a grammar."""


def parse_scene(text: str) -> SceneAnswer:
    """Parse a JSON answer. Raises SchemaMismatch if plain sentences may work better."""
    fields = parse_object(text)
    raw = fields.get("description")
    if not isinstance(raw, str):
        raise SchemaMismatch("The answer has no description.")
    try:
        description = parse_description(raw)
    except UnusableAnswer as error:
        raise SchemaMismatch(str(error)) from error
    return SceneAnswer(
        description=description,
        tags=parse_words(fields.get("tags")),
        objects=parse_words(fields.get("objects")),
        people_count=_count(fields.get("people_count")),
        relationships=parse_words(fields.get("relationships")),
        emotions=parse_words(fields.get("emotions")),
        setting=parse_line(fields.get("setting")),
        visible_text=parse_line(fields.get("visible_text")),
        event_type=parse_line(fields.get("event_type")),
        excitement=parse_fraction(fields.get("excitement")),
    )


def parse_description(text: str) -> str:
    """Return a clean description. Raises AnswerRejected for refusals, UnusableAnswer for empty or endless text."""
    if "\ufffd" in text:
        raise AnswerRejected("The answer is not valid UTF-8.")
    if _STRUCTURED.match(text):
        raise UnusableAnswer("The answer is JSON, not a sentence.")
    description = remove_preamble(text)
    is_refusal = _REFUSAL.match(description) or _REFUSAL_ANYWHERE.search(description) or _REFUSAL.match(text.strip())
    if is_refusal:
        raise AnswerRejected("The model answered that it cannot see the image.")
    if len(description) < 3 or _BOILERPLATE.search(description):
        raise UnusableAnswer("The description is empty.")
    if len(description) > MAX_DESCRIPTION_CHARACTERS:
        raise UnusableAnswer("The description is too long.")
    if is_repetitive(description):
        raise UnusableAnswer("The description is repetitive.")
    return description


def remove_preamble(text: str) -> str:
    """Remove markup, line breaks and openings such as "The image shows"."""
    description = " ".join(text.replace("**", "").replace("`", "").split()).strip("\"“”' ")
    for preamble in _PREAMBLES:
        shorter = preamble.sub("", description, count=1)
        if shorter != description and shorter:
            description = shorter[0].upper() + shorter[1:]
    return _IN_THE_IMAGE.sub("", description)


def is_repetitive(text: str) -> bool:
    """True for a phrase repeated five times in a row, or mostly repeated runs of three words."""
    if _LOOP.search(text):
        return True
    words = text.casefold().split()
    runs = list(zip(words, words[1:], words[2:], strict=False))
    return len(runs) >= _MIN_RUNS and len(set(runs)) < _MIN_DISTINCT_RUNS * len(runs)


def parse_object(text: str) -> dict[str, object]:
    """Parse the JSON object between the first and the last brace. Raises SchemaMismatch."""
    start, end = text.find("{"), text.rfind("}")
    try:
        value = json.loads(text[start : end + 1]) if 0 <= start < end else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise SchemaMismatch("The answer is not a JSON object.")
    return value


def parse_words(value: object) -> tuple[str, ...]:
    """Return short texts from a list or a comma-separated text, without blanks, duplicates and long texts."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return ()
    texts = (parse_line(next(iter(item.values()), "") if isinstance(item, dict) else item) for item in value)
    words = (text for text in texts if text and len(text) <= _MAX_WORD_CHARACTERS)
    return tuple(dict.fromkeys(words))[:_MAX_WORDS]


def parse_line(value: object) -> str:
    """Return a short text without line breaks; empty for placeholders such as "none"."""
    if isinstance(value, list):
        value = ", ".join(str(item) for item in value if isinstance(item, str | int | float))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = " ".join(str(value).replace("\ufffd", " ").split())
    if text.casefold().rstrip(".") in _BLANKS or is_repetitive(text):
        return ""
    return text[:_MAX_TEXT_CHARACTERS]


def _count(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 0 <= number <= _MAX_PEOPLE else None


def parse_fraction(value: object) -> float | None:
    """Return a fraction, 0 to 1. Models also answer on a scale of 10 or 100."""
    number = _number(value)
    if number is None or not 0 <= number <= 100:
        return None
    scale = 1 if number <= 1 else 10 if number <= 10 else 100
    return round(number / scale, 3)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(str(value).strip().rstrip("%"))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
