"""Verb 4: from a question to an answer that names its grounds.

    question ──search──> moments ──numbered, quoted──> text model ──> statements with [n] ──checked──> answer

The model sees nothing but words that were found, and all it can do is say words. What it says counts only where it
cites a moment that it was given.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidlocal.engines import ask_prompts
from vidlocal.engines.ask_prompts import Statement
from vidlocal.engines.query_vector import QueryVector
from vidlocal.records import Moment
from vidlocal.search.run import search
from vidlocal.store.database import Library

if TYPE_CHECKING:
    from vidlocal.engines.base import TextEngine, VisionEngine

__all__ = ["SILENT", "Evidence", "Statement", "answer", "gather_evidence", "look"]

SILENT = "The library does not say."

# More than fit into any usual context; the budget cuts them down.
_MOST_MOMENTS = 20


@dataclass(frozen=True, slots=True)
class Evidence:
    """The moments behind an answer: number n is `moments[n - 1]`. `notice` is a sentence for the person, or None."""

    moments: tuple[Moment, ...]
    notice: str | None = None


def gather_evidence(
    library: Library,
    question: str,
    *,
    num_ctx: int,
    videos: Collection[int] | None = None,
    query_vector: Callable[[str], QueryVector] | None = None,
) -> Evidence:
    """What the library has on a question, best first, as much as fits `num_ctx` tokens with the answer."""
    found = search(library, question, limit=_MOST_MOMENTS, videos=videos, query_vector=query_vector)
    return Evidence(ask_prompts.evidence(found.moments, question, num_ctx), found.notice)


def answer(
    question: str,
    moments: Sequence[Moment],
    writer: "TextEngine",
    *,
    show: Callable[[Statement], None] = lambda statement: None,
) -> tuple[Statement, ...]:
    """The statements that `moments` bear out; none when they do not answer the question. `show` gets each at once.

    Raises what the writer raises, but an answer that was cut off counts as far as it got.
    """
    from vidlocal.engines.base import AnswerCut

    reader = ask_prompts.Reader(range(1, len(moments) + 1))
    kept: dict[str, Statement] = {}

    def keep(statements: Sequence[Statement]) -> None:
        for statement in statements:
            if statement.text.casefold() not in kept:
                kept[statement.text.casefold()] = statement
                show(statement)

    prompt = ask_prompts.ask_prompt(question, moments)
    with suppress(AnswerCut):
        writer.say(ask_prompts.ASK_SYSTEM, prompt, hear=lambda piece: keep(reader.take(piece)))
    keep(reader.finish())
    return tuple(kept.values())


def look(question: str, jpeg: bytes, vision: "VisionEngine") -> str:
    """What the vision model says about one picture; empty when the picture does not show it."""
    return ask_prompts.said(vision.ask(jpeg, ask_prompts.look_prompt(question)))
