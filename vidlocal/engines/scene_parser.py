"""From what a vision model says to a SceneAnswer, or AnswerRejected. Pure."""

import json
import math
import re

from vidlocal.engines.base import SchemaMismatch
from vidlocal.errors import AnswerRejected
from vidlocal.records import SceneAnswer

MAX_DESCRIPTION_CHARACTERS = 2_000
_MAX_WORD_CHARACTERS = 60
_MAX_WORDS = 20
_MAX_TEXT_CHARACTERS = 500

_PICTURE = r"(?:image|photo(?:graph)?|picture|frame|still|screenshot|snapshot|video frame|video still|scene)"
_SHOWS = (
    r"(?:(?:also |clearly |vividly )?(?:shows?|depicts?|features?|captures?|displays?|presents?|portrays?|contains?|"
    r"illustrates?)|is (?:showing|depicting|of)|appears to (?:show|depict|be)|seems to (?:show|depict|be))"
)
# "Sure! Here is a description of the scene:", "The image shows", "In this photo, we can see"
_OPENINGS = (
    re.compile(r"^(?:sure|certainly|of course|okay)[!,.]\s*", re.I),
    re.compile(r"^here(?:'s| is| are)\b[^.:\n]{0,80}:\s*", re.I),
    re.compile(r"^(?:scene )?description:\s*", re.I),
    re.compile(rf"^(?:this|the|an?) (?:\w+ ){{0,2}}{_PICTURE} {_SHOWS}\s+(?:that )?", re.I),
    re.compile(rf"^in (?:this|the) (?:\w+ )?{_PICTURE}(?: here)?,?\s+", re.I),
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
# Words of our own prompt, and what a grammar makes of a model that has nothing to say.
_BOILERPLATE = re.compile(
    r"two or three sentences about|who or what is there|describe (?:this|the) scene|search words|"
    r"^(?:string|description|n/?a|none|null|unknown|untitled|nothing|todo|\W*)$",
    re.I,
)
_LOOP = re.compile(r"(.{3,80}?)\1{4,}", re.S)
_BLANKS = frozenset(
    {"", "string", "none", "n/a", "na", "null", "unknown", "empty", "unclear", "not applicable", "nothing"}
)


def parse_scene(text: str) -> SceneAnswer:
    """The answer of a model that was asked for JSON. NotTheSchema where a plain question may do better."""
    found = parse_object(text)
    raw = found.get("description")
    if not isinstance(raw, str):
        raise SchemaMismatch("The answer has no description.")
    try:
        description = parse_description(raw)
    except UnusableAnswer as error:
        raise SchemaMismatch(str(error)) from error
    return SceneAnswer(
        description=description,
        tags=parse_words(found.get("tags")),
        objects=parse_words(found.get("objects")),
        people_count=_count(found.get("people_count")),
        relationships=parse_words(found.get("relationships")),
        emotions=parse_words(found.get("emotions")),
        setting=parse_line(found.get("setting")),
        visible_text=parse_line(found.get("visible_text")),
        event_type=parse_line(found.get("event_type")),
        excitement=parse_fraction(found.get("excitement")),
    )


class UnusableAnswer(AnswerRejected):
    """Empty, endless or going in circles: what a grammar can do to a model that is no match for it."""


def parse_description(text: str) -> str:
    """A description of the scene as it is stored: cleaned. AnswerRejected when there is none in the text."""
    if "\ufffd" in text:
        raise AnswerRejected("The answer is not valid UTF-8.")
    said = remove_preamble(text)
    if _REFUSAL.match(said) or _REFUSAL_ANYWHERE.search(said) or _REFUSAL.match(text.strip()):
        raise AnswerRejected("The model says it cannot see the picture.")
    if len(said) < 3 or _BOILERPLATE.search(said):
        raise UnusableAnswer("The description is empty.")
    if len(said) > MAX_DESCRIPTION_CHARACTERS:
        raise UnusableAnswer("The description runs on without end.")
    if is_repetitive(said):
        raise UnusableAnswer("The description repeats itself.")
    return said


def remove_preamble(text: str) -> str:
    """The text without markup, line breaks and openings such as "The image shows": the scene itself."""
    said = " ".join(text.replace("**", "").replace("`", "").split()).strip("\"“”' ")
    for opening in _OPENINGS:
        shorter = opening.sub("", said, count=1)
        if shorter != said and shorter:
            said = shorter[0].upper() + shorter[1:]
    return _IN_THE_IMAGE.sub("", said)


def is_repetitive(text: str) -> bool:
    """Whether a text goes in circles: something said five times running, or hardly a new run of three words."""
    if _LOOP.search(text):
        return True
    words = text.casefold().split()
    runs = list(zip(words, words[1:], words[2:], strict=False))
    return len(runs) >= 12 and len(set(runs)) < 0.5 * len(runs)


def parse_object(text: str) -> dict[str, object]:
    """The JSON object in the text: all of it, or what stands between the first and the last brace."""
    start, end = text.find("{"), text.rfind("}")
    try:
        found = json.loads(text[start : end + 1]) if 0 <= start < end else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SchemaMismatch("The answer is not the JSON object that was asked for.")
    return found


def parse_words(value: object) -> tuple[str, ...]:
    """Short texts from a list, or from one text with commas; blanks, repeats and what is too long are left out."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return ()
    texts = (parse_line(next(iter(one.values()), "") if isinstance(one, dict) else one) for one in value)
    kept = (text for text in texts if text and len(text) <= _MAX_WORD_CHARACTERS)
    return tuple(dict.fromkeys(kept))[:_MAX_WORDS]


def parse_line(value: object) -> str:
    """A short text without line breaks; blank where the model only says that there is none."""
    if isinstance(value, list):
        value = ", ".join(str(one) for one in value if isinstance(one, str | int | float))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = " ".join(str(value).replace("\ufffd", " ").split())
    if text.casefold().rstrip(".") in _BLANKS or is_repetitive(text):
        return ""
    return text[:_MAX_TEXT_CHARACTERS]


def _count(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 0 <= number <= 10_000 else None


def parse_fraction(value: object) -> float | None:
    """0 to 1. Models asked for that also say 7 of 10, or 70 of 100."""
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
