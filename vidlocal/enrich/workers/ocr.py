"""Text on screen: the representative frames read one by one, what they say stored as passages with their spans."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from vidlocal.errors import MediaError, ToolError
from vidlocal.records import Frame, Job, Passage, PassageKind
from vidlocal.signals.screen_text import ENGINE, OcrEngine, ScreenText, is_same_text
from vidlocal.store.content import frames, passages, videos
from vidlocal.store.database import Library
from vidlocal.store.queue import checkpoints, jobs

STEP = "read"

# The same text in two shots is one passage when it was out of sight no longer than this; in one shot always.
_LONGEST_PAUSE = 20.0

# A picture that the reader fails on is tried once more and then left out. So many in a row: it is the reader.
_FAILURES_IN_A_ROW = 3


def read_screen_text(
    library: Library, job: Job, ocr: OcrEngine, *, on_progress: Callable[[float], None] = lambda done: None
) -> int:
    """Read the frames of the job's video, and finish the job. Returns how many passages were made.

    What was read is stored as soon as the text changes, with a checkpoint: an interrupted run goes on there.
    ToolError when the reader fails on one picture after the other; the job is left as it was claimed.
    """
    until = checkpoints.get(library, job.video_id, STEP)
    if until == 0.0:
        passages.delete_of_kind(library, job.video_id, PassageKind.SCREEN_TEXT)  # of an earlier reading of this video
    waiting = [frame for frame in frames.representatives(library, job.video_id) if frame.time >= until]
    made = 0
    showing: _Showing | None = None
    for frame, found in _read(library, ocr, waiting, on_progress):
        grown = _grown(showing, frame, found, frames.visible_until(library, frame))
        if grown is None or showing is None or grown.since is not showing.since:
            made += _store(library, job, showing, until=frame.time)
        showing = grown
    with library.writing():
        made += _store(library, job, showing, until=0.0)
        checkpoints.clear(library, job.video_id, STEP)
        jobs.finish(library, job)
    return made


@dataclass(frozen=True, slots=True)
class _Showing:
    """A text that is on screen: since which frame, until when, and its best reading so far."""

    since: Frame
    last: Frame
    until: float
    best: ScreenText


def _grown(showing: _Showing | None, frame: Frame, found: ScreenText | None, until: float) -> _Showing | None:
    """What is on screen after the next frame: the same text for longer, another one, or none."""
    if found is None:
        return None
    if showing is None or not _goes_on(showing, frame, found):
        return _Showing(since=frame, last=frame, until=until, best=found)
    better = found if found.score > showing.best.score else showing.best
    return replace(showing, last=frame, until=max(until, showing.until), best=better)


def _goes_on(showing: _Showing, frame: Frame, found: ScreenText) -> bool:
    near = frame.shot == showing.last.shot or frame.time - showing.until <= _LONGEST_PAUSE
    return near and is_same_text(showing.best.text, found.text)


def _read(
    library: Library, reader: OcrEngine, waiting: Sequence[Frame], report: Callable[[float], None]
) -> Iterator[tuple[Frame, ScreenText | None]]:
    """Each frame with its text; frames that cannot be read count as blank."""
    failures = 0
    for done, frame in enumerate(waiting, start=1):
        try:
            found = _read_frame(library, reader, frame)
            failures = 0
        except MediaError:
            found = None
        except ToolError:
            failures += 1
            if failures >= _FAILURES_IN_A_ROW:
                raise
            found = None
        yield frame, found
        report(done / len(waiting))


def _read_frame(library: Library, reader: OcrEngine, frame: Frame) -> ScreenText | None:
    jpeg = frames.read_image(library, frame)
    try:
        return reader.read(jpeg)
    except ToolError:  # a crash may be the fault of the picture before
        return reader.read(jpeg)


def _store(library: Library, job: Job, showing: _Showing | None, *, until: float) -> int:
    """Store a text that has ended, if any, and that everything before `until` is read. How many were stored."""
    with library.writing():
        if videos.get(library, job.video_id) is None:  # removed while it was read
            return 0
        checkpoints.put(library, job.video_id, STEP, until)
        return 0 if showing is None else len(passages.add(library, job.video_id, [_passage(showing)]))


def _passage(showing: _Showing) -> Passage:
    return Passage(
        start=showing.since.time,
        end=showing.until,
        kind=PassageKind.SCREEN_TEXT,
        text=showing.best.text,
        engine=ENGINE,
        model=showing.best.model,
        frame_id=showing.since.id,
    )
