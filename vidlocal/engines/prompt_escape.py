"""Words of other people on their way into a prompt: quoted, so that they stay something to report on. Pure.

Speech, text on screen, titles and what models made of them may say "ignore your instructions". Nothing a model
answers can do more than become text (no tools, no files, no addresses are within its reach), and here such words
also lose what could make them look like anything but a quotation: line breaks, quotation marks, and the brackets that
chat templates use as signs of their own.
"""

from collections.abc import Sequence

from vidlocal.records import Passage, PassageKind
from vidlocal.timecode import format_short_time

# What a passage is called in a prompt.
SOURCE_LABELS = {
    PassageKind.SPEECH: "said",
    PassageKind.SUBTITLE: "said",
    PassageKind.SCREEN_TEXT: "written",
    PassageKind.SCENE: "seen",
    PassageKind.ACTION: "happens",
    PassageKind.NOTE: "noted",
    PassageKind.SUMMARY: "told",
    PassageKind.PICTURE: "seen",
}

# "<|end|>", "[INST]", "<<SYS>>" and "[img-0]" are read by servers and templates, wherever they stand.
_SIGNS = str.maketrans('[]{}<>|"`\\', "()()‹›/''/")


def quote(text: str, *, max_chars: int) -> str:
    """The text as one line in quotation marks, at most `most` characters long, cut at a word."""
    return f'"{escape(text, max_chars=max_chars)}"'


def escape(text: str, *, max_chars: int) -> str:
    """The text as one line without characters that mean something to a template or cannot be seen."""
    plain = " ".join("".join(one if one.isprintable() else " " for one in text).translate(_SIGNS).split())
    if len(plain) <= max_chars:
        return plain
    head = plain[: max(0, max_chars - 1)]
    return (head.rsplit(maxsplit=1)[0] if " " in head[-40:] else head) + "…"


def format_notes(passages: Sequence[Passage], *, max_chars: int) -> str:
    """One numbered line per passage: `3 0:12 said "..."`. Numbers count from 1, times are of the beginning."""
    return "\n".join(
        f"{number} {format_short_time(passage.start)} {SOURCE_LABELS[passage.kind]} {quote(passage.text, max_chars=max_chars)}"
        for number, passage in enumerate(passages, start=1)
    )


def estimate_tokens(text: str) -> int:
    """No fewer tokens than a model makes of a text.

    A third of its plain characters (models need a quarter for English, more for digits), and one for every byte of
    the others, which is what is left to a model that does not know a script.
    """
    plain = sum(one.isascii() for one in text)
    return -(-plain // 3) + len(text.encode("utf-8", "replace")) - plain
