"""Bounds on the length of answers, as part of their schema.

Without bounds small models fill a list or a text up to the token limit: Gemma 3 270M completed 0 of 5 answers about a
section within 768 tokens, and 5 of 5 with bounds. Some servers ignore bounds, or skip required fields with them, so
`are_kept` tests a model. The parsers check all lengths again.
"""

import json
from collections.abc import Callable, Mapping

from vidlocal.engines.base import RunnerFailed
from vidlocal.errors import AnswerRejected

Schema = dict[str, object]

_MAX_CHARACTERS = {"description": 600, "action": 400, "summary": 600, "what": 300, "visible_text": 200, "title": 80}
_MAX_OTHER_CHARACTERS = 60
_MAX_ITEMS = {"chapters": 24, "lines": 24, "pairs": 24, "files": 20, "objects": 12, "keywords": 10, "tags": 10}
_MAX_OTHER_ITEMS = 8

_TEST_PROMPT = "Name ten animals. Answer as JSON: words (a list) and count (a number)."
_TEST_ITEMS, _TEST_CHARACTERS = 3, 8
_TEST_SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "words": {
            "type": "array",
            "items": {"type": "string", "maxLength": _TEST_CHARACTERS},
            "maxItems": _TEST_ITEMS,
        },
        "count": {"type": "integer"},
    },
    "required": ["words", "count"],
}


def bounded(schema: Mapping[str, object], name: str = "") -> Schema:
    """Return the schema with a maximum length for every text and list. `name`: the described field."""
    kind = schema.get("type")
    if kind == "string":
        return {**schema, "maxLength": _MAX_CHARACTERS.get(name, _MAX_OTHER_CHARACTERS)}
    if kind == "array" and isinstance(items := schema.get("items"), dict):
        return {**schema, "items": bounded(items), "maxItems": _MAX_ITEMS.get(name, _MAX_OTHER_ITEMS)}
    if isinstance(properties := schema.get("properties"), dict):
        return {**schema, "properties": {name: bounded(field, name) for name, field in properties.items()}}
    return dict(schema)


def are_kept(ask: Callable[[str, Schema], str]) -> bool:
    """Return True if a model keeps the bounds of a schema and fills all fields. `ask` takes a prompt and a schema.

    A rejected request counts as False. Other errors are raised, also RunnerFailed, which is no answer.
    """
    try:
        answer = json.loads(ask(_TEST_PROMPT, _TEST_SCHEMA))
    except RunnerFailed:  # no answer
        raise
    except (AnswerRejected, ValueError, RecursionError):
        return False
    words = answer.get("words") if isinstance(answer, dict) else None
    if not isinstance(words, list) or not isinstance(answer.get("count"), int):
        return False
    return len(words) <= _TEST_ITEMS and all(isinstance(word, str) and len(word) <= _TEST_CHARACTERS for word in words)
