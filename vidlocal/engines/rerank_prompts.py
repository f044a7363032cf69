"""The question of a second look: does this scene show what somebody searches for? Pure."""

import json

from vidlocal.engines import scene_parser
from vidlocal.engines.base import SchemaMismatch

# Bump when the words or the schema change: what was answered to an older version is asked again.
RERANK_VERSION = "1"

# Types only, as in `prompts`. What is seen comes first: a model that has said it judges better.
RERANK_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"what": {"type": "string"}, "shows": {"type": "boolean"}},
    "required": ["what", "shows"],
}

MAX_QUERY_CHARACTERS = 300


def question(query: str) -> str:
    """What the vision model is asked about one scene. `wanted` is what somebody searches for, any text."""
    quoted = json.dumps(" ".join(query[:MAX_QUERY_CHARACTERS].split()), ensure_ascii=False)
    return (
        f"Somebody looks for this: {quoted}. Does this scene show it? Answer as JSON with these fields:\n"
        "what: one sentence about what exactly can be seen of it, or what is there instead.\n"
        "shows: true if the scene shows it, false if it does not or if it cannot be told."
    )


def parse_answer(text: str) -> tuple[bool, str]:
    """Whether the scene shows it, and what exactly. AnswerRejected when the answer does not say."""
    found = scene_parser.parse_object(text)
    shows, what = found.get("shows"), found.get("what")
    if not isinstance(shows, bool) or not isinstance(what, str):
        raise SchemaMismatch("The answer does not say whether the scene shows it.")
    return shows, scene_parser.parse_description(what)
