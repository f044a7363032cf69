"""Text on screen: what stands written in a frame. RapidOCR in a child process, with the models of its own package."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from types import TracebackType
from typing import Protocol, Self, cast

from vidlocal.process import Worker

ENGINE = "rapidocr"

# Below this most of what is read in plain scenes is foliage and fabric.
_MIN_SCORE = 0.6

# Short texts, and single signs even more, are read into ornaments and window frames; real ones are certain.
_SHORT_TEXT_CHARS = 4
_MIN_SHORT_SCORE = 0.8
_MIN_CHARACTER_SCORE = 0.9

# A page of small print takes 3 s; the first picture waits for the import of the recogniser, too.
_TIMEOUT = 120.0

# Two readings of one text differ in a letter here and there.
_MIN_SIMILARITY = 0.85


@dataclass(frozen=True, slots=True)
class OcrLine:
    """One line as it was recognised. `score` is 0 to 1; the box is in pixels."""

    text: str
    score: float
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class ScreenText:
    """What stands written in a frame, a line per line, top to bottom. `score` is 0 to 1, `model` who read it."""

    text: str
    score: float
    model: str


class OcrEngine(Protocol):
    """Reads pictures."""

    def read(self, jpeg: bytes) -> ScreenText | None:
        """The text in a JPEG, None when there is none. MediaError for a damaged picture; ToolError when the
        reader itself failed, after which the next call starts afresh."""
        ...


class RapidOcr:
    """The Reader. A context manager: leaving it ends the child, which starts with the first picture.

    A crash or hang of the recogniser (WorkerCrashed, WorkerTimedOut) costs the one picture. It needs about 400 MB,
    25 ms for a picture without text and 0.1 to 0.6 s for one with.
    """

    def __init__(self, *, threads: int = 1) -> None:
        self._threads = threads
        self._worker = Worker("vidlocal.signals.screen_text_child", name="The reader of text on screen")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.close()

    def read(self, jpeg: bytes) -> ScreenText | None:
        reply = self._worker.call({"threads": self._threads}, payload=jpeg, timeout=_TIMEOUT)
        found = cast(list[tuple[str, float, tuple[float, float, float, float]]], reply.values["lines"])
        return join_lines([OcrLine(text, score, *box) for text, score, box in found], model=str(reply.values["model"]))


def join_lines(lines: Sequence[OcrLine], *, model: str) -> ScreenText | None:
    """The lines worth keeping, in the order of reading: rows from top to bottom, each from left to right.

    None when nothing is left, or nothing but single signs.
    """
    kept = [line for line in lines if _is_text(line)]
    if not any(len(line.text.strip()) > 1 for line in kept):
        return None
    rows = [" ".join(line.text.strip() for line in row) for row in _rows(kept)]
    return ScreenText("\n".join(rows), sum(line.score for line in kept) / len(kept), model)


def is_same_text(one: str, other: str) -> bool:
    """Whether two readings are of one text: nearly the same letters, and exactly the same numbers."""
    if one == other:
        return True
    if _digits(one) != _digits(other):
        return False
    matcher = SequenceMatcher(None, one.casefold(), other.casefold(), autojunk=False)
    return (
        matcher.real_quick_ratio() >= _MIN_SIMILARITY
        and matcher.quick_ratio() >= _MIN_SIMILARITY
        and matcher.ratio() >= _MIN_SIMILARITY
    )


def _is_text(line: OcrLine) -> bool:
    text = line.text.strip()
    if not any(letter.isalnum() for letter in text):
        return False
    if len(text) == 1:
        return line.score >= _MIN_CHARACTER_SCORE
    return line.score >= (_MIN_SHORT_SCORE if len(text) <= _SHORT_TEXT_CHARS else _MIN_SCORE)


def _rows(lines: Sequence[OcrLine]) -> list[list[OcrLine]]:
    """Lines whose middles lie within each other's height stand in one row."""
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
