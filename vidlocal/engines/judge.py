"""Interface of judges of search results."""

from typing import Protocol


class Judge(Protocol):
    """A model that tells if a text answers a query. Used by several threads at once.

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
