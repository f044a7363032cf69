"""Escaping of untrusted text (speech, OCR, titles, model output) for prompts. Pure.

Such text may contain "ignore your instructions". Answers can only become text: models have no tools, files or network.
Here untrusted text also loses everything that could end the quotation: line breaks, quotation marks, and the brackets
of chat templates.
"""

from collections.abc import Sequence

from vidlocal.records import Passage, PassageKind, SeenPerson
from vidlocal.timecode import format_short_time

# Word for the source of a passage in prompts.
SOURCE_LABELS = {
    PassageKind.SPEECH: "said",
    PassageKind.TRANSLATION: "said",
    PassageKind.SUBTITLE: "said",
    PassageKind.SOUND: "heard",
    PassageKind.SCREEN_TEXT: "written",
    PassageKind.CHAPTER: "chapter",
    PassageKind.METADATA: "noted",
    PassageKind.SCENE: "seen",
    PassageKind.ACTION: "happens",
    PassageKind.NOTE: "noted",
    PassageKind.SUMMARY: "told",
    PassageKind.PICTURE: "seen",
    PassageKind.TITLE: "title",
}

_MAX_NAME_CHARS = 40
_MAX_PEOPLE, _MAX_TIMES = 8, 3

# Servers and chat templates interpret "<|end|>", "[INST]", "<<SYS>>" and "[img-0]" anywhere in a prompt.
_REPLACEMENTS = str.maketrans('[]{}<>|"`\\', "()()‹›/''/")


def quote(text: str, *, max_chars: int) -> str:
    """Return the text as one escaped line in quotation marks, truncated between words to `max_chars`."""
    return f'"{escape(text, max_chars=max_chars)}"'


def escape(text: str, *, max_chars: int) -> str:
    """Return the text as a line without template syntax and invisible characters, truncated to `max_chars`."""
    visible = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(visible.translate(_REPLACEMENTS).split())
    if len(line) <= max_chars:
        return line
    head = line[: max(0, max_chars - 1)]
    return (head.rsplit(maxsplit=1)[0] if " " in head[-40:] else head) + "…"


def format_notes(passages: Sequence[Passage], *, max_chars: int) -> str:
    """Return a line per passage, numbered from 1, with the start time: `3 0:12 said "..."`."""
    return "\n".join(
        f"{number} {format_short_time(passage.start)} {source_label(passage.kind, passage.speaker)} "
        + quote(passage.text, max_chars=max_chars)
        for number, passage in enumerate(passages, start=1)
    )


def format_seen(seen: Sequence[SeenPerson]) -> str:
    """Return people and times, at most 8 people with 3 times each: `Anna at 0:12 and 1:40; Tom at 0:20`."""
    times: dict[str, list[str]] = {}
    for person in seen:
        times.setdefault(escape(person.name, max_chars=_MAX_NAME_CHARS), []).append(format_short_time(person.start))
    return "; ".join(
        f"{name} at {' and '.join(list(dict.fromkeys(clocks))[:_MAX_TIMES])}"
        for name, clocks in list(times.items())[:_MAX_PEOPLE]
    )


def source_label(kind: PassageKind, speaker: str | None) -> str:
    """Return the word for the source of a passage, with the escaped name of its speaker: `said by Mary`."""
    named = "" if not speaker else f" by {escape(speaker, max_chars=_MAX_NAME_CHARS)}"
    return f"{SOURCE_LABELS[kind]}{named}"


def estimate_tokens(text: str) -> int:
    """Return an upper bound of the number of tokens.

    A third of the ASCII characters (models need a quarter for English, more for digits), plus one for each byte of
    other characters, the worst case of a byte-level vocabulary.
    """
    ascii_count = sum(character.isascii() for character in text)
    return -(-ascii_count // 3) + len(text.encode("utf-8", "replace")) - ascii_count
