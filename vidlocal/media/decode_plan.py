"""Which frames have to be decoded so that one every so many seconds can be had. Pure."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np

from vidlocal.media.timeline import TIME_TOLERANCE_S, Timeline, Times

# "One every n seconds" holds as long as no two chosen frames are further apart than this times n.
MAX_GAP_RATIO = 1.5
# Starting ffmpeg and seeking costs what decoding about this many seconds does; shorter stretches of dense
# key frames between sparse ones are not worth it.
_MIN_PASS_S = 10.0
_MIN_PASS_FRAMES = 5
_MAX_RANGES = 24
_MIN_SPACING_RATIO = 0.75
# Each is a term that ffmpeg works out for every frame.
_MAX_LONG_FRAMES = 300
_MIN_FRAMES_FOR_LONG = 3


class SkipLevel(Enum):
    """What is decoded; the value is ffmpeg's -skip_frame."""

    KEY_FRAMES = "nokey"
    REFERENCE_FRAMES = "noref"
    ALL_FRAMES = "default"

    @property
    def next(self) -> "SkipLevel | None":
        """The next level, which finds more and costs more; None at the last."""
        return {SkipLevel.KEY_FRAMES: SkipLevel.REFERENCE_FRAMES, SkipLevel.REFERENCE_FRAMES: SkipLevel.ALL_FRAMES}.get(
            self
        )


@dataclass(frozen=True, slots=True)
class DecodeRange:
    """A stretch of the video that one run of ffmpeg decodes, from a key frame at `start` up to `end`.

    Of the frames decoded at `level`, those are chosen that come `spacing` seconds or more after the one before,
    and those at `held`: they stay in view for long, such as the slides of a screen recording.
    """

    start: float
    end: float
    level: SkipLevel
    spacing: float
    long_frames: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class _Run:
    """Consecutive key frames that are all dense enough, or all not."""

    start: float
    end: float
    dense: bool


def plan_decoding(timeline: Timeline, *, every: float) -> tuple[DecodeRange, ...]:
    """The parts to decode, in order, without overlap, from the first picture to the last.

    Key frames alone where no gap between them exceeds 1.5 times `every`, reference frames elsewhere: whoever
    decodes goes on to everything where those turn out to be too few. `every` 0 is one part of everything.
    """
    if every <= 0:
        return (DecodeRange(0.0, timeline.end, SkipLevel.ALL_FRAMES, 0.0),)
    if len(timeline.key_times) == 0:
        return (_part(timeline, _Run(0.0, timeline.end, dense=False), every),)
    runs = list(_runs(timeline, every))
    if not timeline.can_seek and len(runs) > 1:
        runs = [_Run(runs[0].start, runs[-1].end, dense=False)]
    return tuple(_part(timeline, run, every) for run in _few(runs, every))


def min_spacing(timeline: Timeline, start: float, end: float, every: float) -> float:
    """How far apart chosen frames must at least be, when all of them are decoded, to come nearest to `every`."""
    return max(every / 2, every - timeline.median_spacing(start, end) / 2)


def _runs(timeline: Timeline, every: float) -> Iterator[_Run]:
    """Runs of equal density, from the first key frame to the last picture."""
    edges = [*timeline.key_times.tolist(), timeline.end]
    if not _is_dense(timeline, float(timeline.times[0]), edges[0], every):
        edges.insert(0, float(timeline.times[0]))
    start, dense = edges[0], None
    for before, after in itertools.pairwise(edges):
        enough = _is_dense(timeline, before, after, every)
        if dense is not None and enough is not dense:
            yield _Run(start, before, dense)
            start = before
        dense = enough
    yield _Run(start, edges[-1], dense is not False)


def _is_dense(timeline: Timeline, before: float, after: float, every: float) -> bool:
    # Where nothing is shown between two key frames, no decoding would find more.
    return after - before <= MAX_GAP_RATIO * every + TIME_TOLERANCE_S or not timeline.has_frame_between(before, after)


def _few(runs: list[_Run], every: float) -> list[_Run]:
    """The runs with those joined that are too short to be worth a pass of their own."""
    worth = max(_MIN_PASS_S, _MIN_PASS_FRAMES * every)
    joined = _join(runs, worth)
    while len(joined) > _MAX_RANGES:
        worth *= 2
        joined = _join(runs, worth)
    return joined


def _join(runs: list[_Run], worth: float) -> list[_Run]:
    if len(runs) == 1:
        return runs
    joined: list[_Run] = []
    for run in runs:
        dense = run.dense and run.end - run.start >= worth
        if joined and joined[-1].dense == dense:
            joined[-1] = _Run(joined[-1].start, run.end, dense)
        else:
            joined.append(_Run(run.start, run.end, dense))
    return joined


def _part(timeline: Timeline, run: _Run, every: float) -> DecodeRange:
    if not run.dense:
        spacing = min_spacing(timeline, run.start, run.end, every)
        return DecodeRange(
            run.start, run.end, SkipLevel.REFERENCE_FRAMES, spacing, _held(timeline, run, spacing, every)
        )
    first, last = np.searchsorted(timeline.key_times, [run.start, run.end])
    keys = timeline.key_times[first : last + 1]
    return DecodeRange(run.start, run.end, SkipLevel.KEY_FRAMES, _key_spacing(keys, run.end, every))


def _held(timeline: Timeline, run: _Run, spacing: float, every: float) -> tuple[float, ...]:
    """Times of frames that stay longer than `every` but come too soon after another to be chosen anyway."""
    first, last = np.searchsorted(timeline.times, [run.start, run.end])
    times = timeline.times[first : last + 1]
    if len(times) < _MIN_FRAMES_FOR_LONG:
        return ()
    stays, follows = np.diff(times)[1:], np.diff(times)[:-1]
    held = np.flatnonzero((stays > every) & (follows < spacing))
    longest = held[np.argsort(-stays[held], kind="stable")[:_MAX_LONG_FRAMES]]
    return tuple(np.sort(times[longest + 1]).tolist())


def _key_spacing(keys: Times, end: float, every: float) -> float:
    """The largest spacing at which choosing among these key frames leaves no gap that another choice would not.

    Choosing is greedy, as ffmpeg does it: it cannot look ahead. 0 takes every key frame.
    """
    usual = float(np.median(np.diff(keys))) if len(keys) > 1 else 0.0
    widest = max(_MIN_SPACING_RATIO * every, every - usual / 2)
    for tenth in range(10):
        spacing = widest * (1 - tenth / 10)
        if not _leaves_gap(keys, end, spacing, MAX_GAP_RATIO * every + TIME_TOLERANCE_S):
            return spacing
    return 0.0


def _leaves_gap(keys: Times, end: float, spacing: float, limit: float) -> bool:
    index = 0
    while index < len(keys):
        following = max(index + 1, int(np.searchsorted(keys, keys[index] + spacing)))
        reached = float(keys[following]) if following < len(keys) else end
        if reached - float(keys[index]) > limit and following > index + 1:
            return True
        index = following
    return False
