"""Check of captions by a decision model."""

from typing import Protocol

from vidlocal.errors import AnswerRejected, EngineError


class CaptionJudge(Protocol):
    """A model for the probability of a caption fitting an image. Raises the errors of all engines."""

    @property
    def name(self) -> str: ...

    def caption_probability(self, jpeg: bytes, caption: str) -> float:
        """Return the probability of a caption fitting an image (JPEG bytes), 0 to 1."""
        ...


class CaptionCheck:
    """Checks captions by a decision model. Used by several threads at once. Never raises; errors disable the check.

    `redone`: captions that did not fit, and were asked for again.
    """

    # Below, a caption is more probably wrong than the judge is.
    MIN_PROBABILITY = 0.3

    def __init__(self, judge: CaptionJudge) -> None:
        self.name = judge.name
        self.redone = 0
        self._judge: CaptionJudge | None = judge

    def probability(self, jpeg: bytes, caption: str) -> float:
        """Return the probability of a caption fitting an image; 1 without an answer."""
        if self._judge is None:
            return 1.0
        try:
            return self._judge.caption_probability(jpeg, caption)
        except AnswerRejected:
            return 1.0
        except EngineError:
            self._judge = None
            return 1.0
