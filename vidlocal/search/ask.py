"""Verb 4: from a question to an answer with citations (RAG).

    question ──search──> moments ──numbered, quoted──> text model ──> statements with [n] ──checked──> answer

The model gets text only, and returns text only. Statements without a citation of a given moment are dropped.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidlocal.engines.prompts import ask_prompts
from vidlocal.engines.prompts.ask_prompts import Statement
from vidlocal.engines.served.query_vector import QueryVector
from vidlocal.records import Moment
from vidlocal.search.run import MAX_JUDGED, SearchResult, search
from vidlocal.store.database import Library

if TYPE_CHECKING:
    from vidlocal.engines.base import TextEngine, VisionEngine

__all__ = ["NO_ANSWER", "Evidence", "Statement", "answer", "ask_image", "gather_evidence"]

NO_ANSWER = "The library does not say."

# More than any usual context can hold; cut down to the token budget.
_MAX_MOMENTS = 20


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence for an answer: number n is `moments[n - 1]`. `notice`: a sentence for people, or None."""

    moments: tuple[Moment, ...]
    notice: str | None = None


def gather_evidence(
    library: Library,
    question: str,
    *,
    num_ctx: int,
    videos: Collection[int] | None = None,
    query_vector: Callable[[str], QueryVector] | None = None,
    rerank: Callable[[SearchResult], SearchResult] = lambda result: result,
) -> Evidence:
    """Search for evidence, best first, as much as fits into `num_ctx` tokens with the answer; none if nothing matches.

    `rerank` may reorder the moments, and tell that nothing matches (`judging.apply`).
    """
    result = rerank(search(library, question, limit=MAX_JUDGED, videos=videos, query_vector=query_vector))
    if result.judged and not result.is_confident:
        return Evidence((), result.notice)
    return Evidence(ask_prompts.select_evidence(result.moments[:_MAX_MOMENTS], question, num_ctx), result.notice)


def answer(
    question: str,
    moments: Sequence[Moment],
    writer: "TextEngine",
    *,
    on_statement: Callable[[Statement], None] = lambda statement: None,
) -> tuple[Statement, ...]:
    """Return statements supported by `moments`; none if `moments` do not contain the answer.

    `on_statement` gets each statement at once. Raises the errors of the writer; a truncated answer counts as far as it
    got.
    """
    from vidlocal.engines.base import AnswerTruncated

    reader = ask_prompts.StatementParser(range(1, len(moments) + 1))
    unique: dict[str, Statement] = {}

    def add(statements: Sequence[Statement]) -> None:
        for statement in statements:
            if statement.text.casefold() not in unique:
                unique[statement.text.casefold()] = statement
                on_statement(statement)

    prompt = ask_prompts.ask_prompt(question, moments)
    with suppress(AnswerTruncated):
        writer.complete(ask_prompts.ASK_SYSTEM, prompt, on_token=lambda piece: add(reader.feed(piece)))
    add(reader.finish())
    return tuple(unique.values())


def ask_image(question: str, jpeg: bytes, vision: "VisionEngine") -> str:
    """Ask the vision model about an image. Returns an empty text if the image does not show the answer."""
    return ask_prompts.clean_statement(vision.ask_image(jpeg, ask_prompts.image_prompt(question)))
