"""Plan the frames to decode for a given sampling interval. Pure."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np

from vidlocal.media.timeline import TIME_TOLERANCE_S, Timeline, Times

# Maximum gap between two sampled frames, as a multiple of the interval.
MAX_GAP_RATIO = 1.5
# Starting ffmpeg and seeking takes as long as decoding about this many seconds, so shorter runs of dense key frames
# between sparse ones are not worth a pass.
_MIN_PASS_S = 10.0
_MIN_PASS_FRAMES = 5
_MAX_RANGES = 24
_MIN_SPACING_RATIO = 0.75
# Each is a term in an expression evaluated by ffmpeg for every frame.
_MAX_LONG_FRAMES = 300
_MIN_FRAMES_FOR_LONG = 3


class SkipLevel(Enum):
    """Frames to decode. The values are arguments of ffmpeg's -skip_frame."""

    KEY_FRAMES = "nokey"
    REFERENCE_FRAMES = "noref"
    ALL_FRAMES = "default"

    @property
    def next(self) -> "SkipLevel | None":
        """The next, more complete and slower level; None after ALL_FRAMES."""
        return _NEXT.get(self)


_NEXT = {SkipLevel.KEY_FRAMES: SkipLevel.REFERENCE_FRAMES, SkipLevel.REFERENCE_FRAMES: SkipLevel.ALL_FRAMES}


@dataclass(frozen=True, slots=True)
class DecodeRange:
    """A part of the video decoded in a run of ffmpeg, from a key frame at `start` up to `end`.

    Of the frames decoded at `level`, ffmpeg selects those at least `spacing` seconds after the previous selected frame,
    and those at the times of `long_frames`, which stay visible for long, such as slides of a screen recording.
    """

    start: float
    end: float
    level: SkipLevel
    spacing: float
    long_frames: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class _Run:
    """Consecutive key frames, all dense enough to be sampled alone or all too sparse."""

    start: float
    end: float
    dense: bool


def plan_decoding(timeline: Timeline, *, every: float) -> tuple[DecodeRange, ...]:
    """Ranges to decode, in order, without overlap, from the first frame to the last.

    Key frames suffice where no gap between them exceeds 1.5 times `every`; elsewhere reference frames are decoded, and
    the decoder continues with all frames if those are too sparse. `every` 0 gives one range of all frames.
    """
    if every <= 0:
        return (DecodeRange(0.0, timeline.end, SkipLevel.ALL_FRAMES, 0.0),)
    if len(timeline.key_times) == 0:
        return (_decode_range(timeline, _Run(0.0, timeline.end, dense=False), every),)
    runs = list(_runs(timeline, every))
    if not timeline.can_seek and len(runs) > 1:
        runs = [_Run(runs[0].start, runs[-1].end, dense=False)]
    return tuple(_decode_range(timeline, run, every) for run in _merge_short_runs(runs, every))


def min_spacing(timeline: Timeline, start: float, end: float, every: float) -> float:
    """Minimum spacing of selected frames for an average spacing close to `every`, if all frames are decoded."""
    return max(every / 2, every - timeline.median_spacing(start, end) / 2)


def _runs(timeline: Timeline, every: float) -> Iterator[_Run]:
    """Runs of equal density, from the first key frame to the last frame."""
    edges = [*timeline.key_times.tolist(), timeline.end]
    if not _is_dense(timeline, float(timeline.times[0]), edges[0], every):
        edges.insert(0, float(timeline.times[0]))
    start, dense = edges[0], None
    for before, after in itertools.pairwise(edges):
        gap_is_dense = _is_dense(timeline, before, after, every)
        if dense is not None and gap_is_dense is not dense:
            yield _Run(start, before, dense)
            start = before
        dense = gap_is_dense
    yield _Run(start, edges[-1], dense is not False)


def _is_dense(timeline: Timeline, before: float, after: float, every: float) -> bool:
    # Without frames between two key frames, decoding more finds nothing.
    return after - before <= MAX_GAP_RATIO * every + TIME_TOLERANCE_S or not timeline.has_frame_between(before, after)


def _merge_short_runs(runs: list[_Run], every: float) -> list[_Run]:
    """Merge dense runs too short for a pass into neighbouring sparse runs, until at most _MAX_RANGES remain."""
    min_length = max(_MIN_PASS_S, _MIN_PASS_FRAMES * every)
    merged = _merge_runs(runs, min_length)
    while len(merged) > _MAX_RANGES:
        min_length *= 2
        merged = _merge_runs(runs, min_length)
    return merged


def _merge_runs(runs: list[_Run], min_length: float) -> list[_Run]:
    if len(runs) == 1:
        return runs
    merged: list[_Run] = []
    for run in runs:
        dense = run.dense and run.end - run.start >= min_length
        if merged and merged[-1].dense == dense:
            merged[-1] = _Run(merged[-1].start, run.end, dense)
        else:
            merged.append(_Run(run.start, run.end, dense))
    return merged


def _decode_range(timeline: Timeline, run: _Run, every: float) -> DecodeRange:
    if not run.dense:
        spacing = min_spacing(timeline, run.start, run.end, every)
        return DecodeRange(
            run.start, run.end, SkipLevel.REFERENCE_FRAMES, spacing, _long_frames(timeline, run, spacing, every)
        )
    first, last = np.searchsorted(timeline.key_times, [run.start, run.end])
    keys = timeline.key_times[first : last + 1]
    return DecodeRange(run.start, run.end, SkipLevel.KEY_FRAMES, _key_spacing(keys, run.end, every))


def _long_frames(timeline: Timeline, run: _Run, spacing: float, every: float) -> tuple[float, ...]:
    """Times of frames visible for longer than `every` but too close to the previous frame for regular selection."""
    first, last = np.searchsorted(timeline.times, [run.start, run.end])
    times = timeline.times[first : last + 1]
    if len(times) < _MIN_FRAMES_FOR_LONG:
        return ()
    durations, gaps_before = np.diff(times)[1:], np.diff(times)[:-1]
    candidates = np.flatnonzero((durations > every) & (gaps_before < spacing))
    longest = candidates[np.argsort(-durations[candidates], kind="stable")[:_MAX_LONG_FRAMES]]
    return tuple(np.sort(times[longest + 1]).tolist())


def _key_spacing(keys: Times, end: float, every: float) -> float:
    """Largest spacing for greedy key-frame selection without gaps longer than 1.5 x `every`. 0 selects all key frames.

    ffmpeg selects greedily, because it cannot look ahead.
    """
    median = float(np.median(np.diff(keys))) if len(keys) > 1 else 0.0
    largest = max(_MIN_SPACING_RATIO * every, every - median / 2)
    for tenth in range(10):
        spacing = largest * (1 - tenth / 10)
        if not _has_gap(keys, end, spacing, MAX_GAP_RATIO * every + TIME_TOLERANCE_S):
            return spacing
    return 0.0


def _has_gap(keys: Times, end: float, spacing: float, limit: float) -> bool:
    index = 0
    while index < len(keys):
        selected = max(index + 1, int(np.searchsorted(keys, keys[index] + spacing)))
        time = float(keys[selected]) if selected < len(keys) else end
        if time - float(keys[index]) > limit and selected > index + 1:
            return True
        index = selected
    return False
