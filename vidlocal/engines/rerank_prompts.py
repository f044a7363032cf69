"""Prompt for reranking: does an image show the query? And the parser of the answer. Pure."""

import json

from vidlocal.engines import scene_parser
from vidlocal.engines.base import SchemaMismatch

# Increment when the prompt or the schema changes: stored answers to older versions are not reused.
RERANK_VERSION = "1"

# Types only, as in `prompts`. The description comes first, because models judge better after describing.
RERANK_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"what": {"type": "string"}, "shows": {"type": "boolean"}},
    "required": ["what", "shows"],
}

MAX_QUERY_CHARACTERS = 300


def question(query: str) -> str:
    """Return the question about one image. `query`: any text."""
    quoted = json.dumps(" ".join(query[:MAX_QUERY_CHARACTERS].split()), ensure_ascii=False)
    return (
        f"Somebody looks for this: {quoted}. Does this scene show it? Answer as JSON with these fields:\n"
        "what: one sentence about what exactly can be seen of it, or what is there instead.\n"
        "shows: true if the scene shows it, false if it does not or if it cannot be told."
    )


def parse_answer(text: str) -> tuple[bool, str]:
    """Return the judgement of the model, and a description. Raises AnswerRejected for an unclear answer."""
    fields = scene_parser.parse_object(text)
    shows, what = fields.get("shows"), fields.get("what")
    if not isinstance(shows, bool) or not isinstance(what, str):
        raise SchemaMismatch("The answer does not say whether the scene shows it.")
    return shows, scene_parser.parse_description(what)
