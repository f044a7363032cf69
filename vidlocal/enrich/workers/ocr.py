"""OCR: recognize text in the representative frames, and store passages with time spans."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import cast

from vidlocal.errors import MediaError, ToolError
from vidlocal.records import Frame, Job, Passage, PassageKind
from vidlocal.signals.screen_text import ENGINE, OcrEngine, PrefetchingOcr, ScreenText, is_same_text
from vidlocal.store.content import frame_images, frames, passages, videos
from vidlocal.store.database import Library
from vidlocal.store.queue import checkpoints, jobs

STEP = "read"

# Maximum gap between two shots with the same text for one passage. Within one shot there is no limit.
_MAX_GAP_S = 20.0

# A frame is skipped after a second failure. This many skipped frames in a row are the fault of the OCR engine.
_MAX_CONSECUTIVE_FAILURES = 3


def read_screen_text(
    library: Library,
    job: Job,
    ocr: OcrEngine | PrefetchingOcr,
    *,
    ahead: int = 0,
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> int:
    """Run OCR on the frames of the job's video, and finish the job. Returns the number of new passages.

    A passage is stored as soon as the text changes, with a checkpoint, where an interrupted run continues. Raises
    ToolError if the engine fails on several frames in a row; the job stays claimed. `ahead`: frames that a
    PrefetchingOcr reads ahead.
    """
    until = checkpoints.get(library, job.video_id, STEP)
    if until == 0.0:
        passages.delete_of_kind(library, job.video_id, PassageKind.SCREEN_TEXT)  # of an earlier run
    remaining = [frame for frame in frames.representatives(library, job.video_id) if frame.time >= until]
    count = 0
    visible: _VisibleText | None = None
    for frame, text in _recognize(library, ocr, remaining, ahead, on_progress):
        current = _extend(visible, frame, text, frames.visible_until(library, frame))
        if current is None or visible is None or current.first is not visible.first:
            count += _store(library, job, visible, until=frame.time)
        visible = current
    with library.writing():
        count += _store(library, job, visible, until=0.0)
        checkpoints.clear(library, job.video_id, STEP)
        jobs.finish(library, job)
    return count


@dataclass(frozen=True, slots=True)
class _VisibleText:
    """A text on screen: first and last frame, end in seconds, and the best reading so far."""

    first: Frame
    last: Frame
    until: float
    best: ScreenText


def _extend(visible: _VisibleText | None, frame: Frame, text: ScreenText | None, until: float) -> _VisibleText | None:
    """Return the visible text after the next frame: the same text extended, a new text, or None."""
    if text is None:
        return None
    if visible is None or not _continues(visible, frame, text):
        return _VisibleText(first=frame, last=frame, until=until, best=text)
    best = text if text.score > visible.best.score else visible.best
    return replace(visible, last=frame, until=max(until, visible.until), best=best)


def _continues(visible: _VisibleText, frame: Frame, text: ScreenText) -> bool:
    is_near = frame.shot == visible.last.shot or frame.time - visible.until <= _MAX_GAP_S
    return is_near and is_same_text(visible.best.text, text.text)


def _recognize(
    library: Library,
    ocr: OcrEngine | PrefetchingOcr,
    remaining: Sequence[Frame],
    ahead: int,
    on_progress: Callable[[float], None],
) -> Iterator[tuple[Frame, ScreenText | None]]:
    """Yield each frame with the recognized text; unreadable frames count as blank."""
    failures = 0
    for number, frame in enumerate(remaining, start=1):
        text = None
        if ahead:
            _prefetch(library, cast(PrefetchingOcr, ocr), remaining, number, ahead)
        try:
            text = _recognize_frame(library, ocr, frame)
            failures = 0
        except MediaError:
            pass
        except ToolError:
            failures += 1
            if failures >= _MAX_CONSECUTIVE_FAILURES:
                raise
        yield frame, text
        on_progress(number / len(remaining))


def _prefetch(library: Library, ocr: PrefetchingOcr, remaining: Sequence[Frame], number: int, ahead: int) -> None:
    """Start to read frames ahead of frame `number`, counted from 1: first all, then one each."""
    first = number if number == 1 else number + ahead - 1
    for frame in remaining[first : number + ahead]:
        with suppress(MediaError):  # reported when it is its turn
            ocr.prefetch(frame_images.read(library, frame))


def _recognize_frame(library: Library, ocr: OcrEngine, frame: Frame) -> ScreenText | None:
    jpeg = frame_images.read(library, frame)
    try:
        return ocr.read(jpeg)
    except ToolError:  # the previous frame may have caused the crash
        return ocr.read(jpeg)


def _store(library: Library, job: Job, visible: _VisibleText | None, *, until: float) -> int:
    """Store a finished text, if any, and a checkpoint at `until`. Returns the number of stored passages."""
    with library.writing():
        if videos.get(library, job.video_id) is None:  # removed in the meantime
            return 0
        checkpoints.put(library, job.video_id, STEP, until)
        return 0 if visible is None else len(passages.add(library, job.video_id, [_passage(visible)]))


def _passage(visible: _VisibleText) -> Passage:
    return Passage(
        start=visible.first.time,
        end=visible.until,
        kind=PassageKind.SCREEN_TEXT,
        text=visible.best.text,
        engine=ENGINE,
        model=visible.best.model,
        frame_id=visible.first.id,
    )
