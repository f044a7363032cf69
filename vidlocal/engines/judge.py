"""Interfaces of judges of search results."""

from typing import Protocol


class Judge(Protocol):
    """A model for the probability of a text matching a query. Used by several threads at once.

    Raises the errors of all engines (`engines.base`).
    """

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    def probability(self, query: str, text: str) -> float:
        """Return the probability of `text` matching `query`, 0 to 1.

        `text` comes from `rerank_prompts.describe_moment`. Raises AnswerRejected for an unclear answer.
        """
        ...


class ImageJudge(Protocol):
    """A judge of images for a query. Raises the errors of all engines."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    def image_probability(self, jpeg: bytes, query: str) -> float:
        """Return the probability of an image (JPEG bytes) matching `query`, 0 to 1.

        Raises AnswerRejected for an unclear answer.
        """
        ...
