"""Text recognition (OCR) in frames: the models bundled in RapidOCR, in a child process."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from difflib import SequenceMatcher
from hashlib import blake2b
from types import TracebackType
from typing import Protocol, Self, cast

from vidlocal.process import SerialThread, Worker

ENGINE = "rapidocr"

# Below this score, most text found in scenes without text is foliage and fabric.
_MIN_SCORE = 0.6

# Short texts and single characters are often false positives in ornaments and window frames; real ones score high.
_SHORT_TEXT_CHARS = 4
_MIN_SHORT_SCORE = 0.8
_MIN_CHARACTER_SCORE = 0.9

# A page of small print takes 2 s; the first frame also waits for the models.
_TIMEOUT_S = 120.0

# Two readings of the same text can differ in single letters.
_MIN_SIMILARITY = 0.85


@dataclass(frozen=True, slots=True)
class OcrLine:
    """A recognized line of text. `score` is 0 to 1; the box is in pixels."""

    text: str
    score: float
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class ScreenText:
    """Recognized text of a frame, a line per line on screen, top to bottom. `score` is 0 to 1."""

    text: str
    score: float
    model: str


class OcrEngine(Protocol):
    """Interface for text recognition."""

    def read(self, jpeg: bytes) -> ScreenText | None:
        """Recognize the text in a JPEG; None if there is none.

        Raises MediaError for a corrupt image, ToolError if the recognizer failed. The next call restarts it.
        """
        ...


class PrefetchingOcr(OcrEngine, Protocol):
    """An OCR engine with read-ahead."""

    def warm_up(self) -> None:
        """Load the models, without waiting."""
        ...

    def forget_prefetched(self) -> None:
        """Drop unread results."""
        ...

    def prefetch(self, jpeg: bytes) -> None:
        """Start to read a JPEG, without waiting. `read` then returns the result."""
        ...


class RapidOcr:
    """OcrEngine with RapidOCR. A context manager: the child starts with the first frame and ends on exit.

    A crash or hang (WorkerCrashed, WorkerTimedOut) affects only one frame. Needs up to 300 MB, 0.02 to 0.1 s of
    processor time for most frames and 2 s for a page of small print. Calls are made by a thread of its own, so that
    `prefetch` reads frames while others are decoded.
    """

    def __init__(self, *, threads: int = 2) -> None:
        self._threads = threads
        self._worker = Worker("vidlocal.signals.screen_text_child", name="Text recognition")
        self._thread = SerialThread("ocr")
        self._prefetched: dict[bytes, Future[ScreenText | None]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.forget_prefetched()
        self._worker.interrupt()
        self._thread.submit(self._worker.close)
        self._thread.shutdown()

    def warm_up(self) -> None:
        """Start the child and load the models, without waiting."""
        self._thread.submit(self._worker.call, {"threads": self._threads, "warm_up": True}, timeout=_TIMEOUT_S)

    def prefetch(self, jpeg: bytes) -> None:
        """Start to read a JPEG, without waiting. `read` then returns the result."""
        self._prefetched[_digest(jpeg)] = self._thread.submit(self._call, jpeg)

    def forget_prefetched(self) -> None:
        """Drop unread results."""
        for future in self._prefetched.values():
            future.cancel()
        self._prefetched.clear()

    def read(self, jpeg: bytes) -> ScreenText | None:
        future = self._prefetched.pop(_digest(jpeg), None) or self._thread.submit(self._call, jpeg)
        return future.result()

    def _call(self, jpeg: bytes) -> ScreenText | None:
        reply = self._worker.call({"threads": self._threads}, payload=jpeg, timeout=_TIMEOUT_S)
        lines = cast(list[tuple[str, float, tuple[float, float, float, float]]], reply.values["lines"])
        return join_lines([OcrLine(text, score, *box) for text, score, box in lines], model=str(reply.values["model"]))


def join_lines(lines: Sequence[OcrLine], *, model: str) -> ScreenText | None:
    """Join reliable lines in reading order: rows from top to bottom, each from left to right.

    None without reliable lines, or with only single characters.
    """
    reliable = [line for line in lines if _is_reliable(line)]
    if not any(len(line.text.strip()) > 1 for line in reliable):
        return None
    rows = [" ".join(line.text.strip() for line in row) for row in _rows(reliable)]
    return ScreenText("\n".join(rows), sum(line.score for line in reliable) / len(reliable), model)


def is_same_text(text: str, other: str) -> bool:
    """True for two readings of the same text: nearly the same letters, and exactly the same digits."""
    if text == other:
        return True
    if _digits(text) != _digits(other):
        return False
    matcher = SequenceMatcher(None, text.casefold(), other.casefold(), autojunk=False)
    return (
        matcher.real_quick_ratio() >= _MIN_SIMILARITY
        and matcher.quick_ratio() >= _MIN_SIMILARITY
        and matcher.ratio() >= _MIN_SIMILARITY
    )


def _digest(jpeg: bytes) -> bytes:
    return blake2b(jpeg, digest_size=16).digest()


def _is_reliable(line: OcrLine) -> bool:
    text = line.text.strip()
    if not any(letter.isalnum() for letter in text):
        return False
    if len(text) == 1:
        return line.score >= _MIN_CHARACTER_SCORE
    return line.score >= (_MIN_SHORT_SCORE if len(text) <= _SHORT_TEXT_CHARS else _MIN_SCORE)


def _rows(lines: Sequence[OcrLine]) -> list[list[OcrLine]]:
    """Group lines into rows by vertical position, each row from left to right."""
    rows: list[list[OcrLine]] = []
    for line in sorted(lines, key=lambda line: line.top + line.bottom):
        middle = (line.top + line.bottom) / 2
        if rows and rows[-1][0].top < middle < rows[-1][0].bottom:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.left) for row in rows]


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())
