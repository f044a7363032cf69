"""What the text models of the pretended Ollama server make of notes: the words that stand in them."""

import re
from collections import Counter
from typing import Any

Json = dict[str, Any]

NOTE = re.compile(r'^(\d+) (\d+:\d\d(?::\d\d)?) (\w+) "(.*)"$', re.MULTILINE)
SYNONYMS = {"kid": "child", "automobile": "car", "novia": "bride", "picture": "photo"}
_PEOPLE = {"bride", "groom", "priest", "child", "kid", "guest", "speaker", "grandmother", "novia"}
_PLACES = {"church", "beach", "kitchen", "garden", "street", "park"}
_EVENTS = {"wedding", "birthday", "lecture", "travel", "match"}
_FEELING = {"dance": 0.9, "kiss": 0.8, "vow": 0.6}


def write(schema: Json, prompt: str) -> Json:
    """The fields of an answer about the notes or words in `prompt`; none for a schema of another kind."""
    fields = schema.get("properties", {})
    if "pairs" in fields:
        return {"pairs": _pairs(prompt)}
    notes = NOTE.findall(prompt)
    if "chapters" in fields:
        return _chapters(notes)
    return _section(notes) if "lines" in fields else {}


def _section(notes: list[tuple[str, str, str, str]]) -> Json:
    text = " ".join(words for *_, words in notes).lower()
    found = Counter(word for word in re.findall(r"[^\W\d_]{3,}", text))
    common = [word for word, _ in found.most_common(8)]
    here = set(re.findall(r"[^\W\d_]+", text))
    first, last = notes[0][3], notes[-1][3]
    return {
        "title": " ".join(re.findall(r"[^\W\d_]+", first)[:4]).capitalize() or "Untitled part",
        "summary": f"It begins so: {first} It ends so: {last}",
        "tags": common,
        "people": sorted(here & _PEOPLE),
        "objects": [],
        "places": sorted(here & _PLACES),
        "keywords": common[:3],
        "event_type": next(iter(sorted(here & _EVENTS)), ""),
        "excitement": max([0.2, *(value for stem, value in _FEELING.items() if stem in text)]),
        "lines": [int(number) for number, *_ in notes[:3]],
    }


def _chapters(notes: list[tuple[str, str, str, str]]) -> Json:
    """A chapter for every two parts."""
    titles = [words.split(":")[0] for *_, words in notes]
    return {
        "summary": "First comes this: " + titles[0] + ". In the end there is this: " + titles[-1] + ".",
        "chapters": [{"title": titles[at], "first": at + 1} for at in range(0, len(titles), 2)],
        "lines": list(range(1, len(notes) + 1)),
    }


def _pairs(prompt: str) -> list[Json]:
    lines = {line.split(":")[0]: re.findall(r'"([^"]*)"', line) for line in prompt.splitlines()}
    new, in_use = lines.get("New words", []), lines.get("Words in use", [])
    known = {*new, *in_use}
    return [{"new": word, "same_as": SYNONYMS[word]} for word in new if SYNONYMS.get(word) in known]
