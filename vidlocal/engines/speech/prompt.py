"""The prompt of Whisper: likely names and terms. Pure.

Whisper continues its prompt in the same style: from a list in lower case it learns neither names nor sentences. Base
hears "over the grimsel" without a prompt and with `marlene, grimsel`, "over the Grimsel" with `Marlene, Grimsel.`
"""

from collections.abc import Sequence
from string import capwords

from vidlocal.engines.prompts.prompt_escape import escape

# Whisper takes at most 224 tokens of text before the speech.
MAX_CHARS = 400
_MAX_NAME_CHARS = 40


def speech_prompt(terms: str, names: Sequence[str]) -> str:
    """Return terms, separated by commas, and names as a line of at most 400 characters; empty without any.

    Names of the library, in lower case, are capitalized. Terms come first and keep their case.
    """
    words = [escape(term, max_chars=_MAX_NAME_CHARS) for term in terms.split(",")]
    words += [capwords(escape(name, max_chars=_MAX_NAME_CHARS)) for name in names]
    chosen: dict[str, str] = {}
    length = 0
    for word in filter(None, words):
        length += len(word) + 2
        if word.casefold() not in chosen and length <= MAX_CHARS:
            chosen[word.casefold()] = word
    return ", ".join(chosen.values()) + "." if chosen else ""
