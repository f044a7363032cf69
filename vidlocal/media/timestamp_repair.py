"""The stretches of time that a file's packets fill, and which of them to believe.

One flipped bit in a time stamp promises years. Nothing is stored in between, and mostly the packets after it are where
they were: that gives it away. Pure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vidlocal.media.timeline import Times

# Packets of one track closer together than this are one stretch.
_GAP_S = 10.0
_GRAIN_S = 5.0
# No header vouches for a gap of more than a day, and none for sound that goes on a minute after all pictures ended.
_LONGEST_GAP_S = 86_400.0
_LONGEST_SILENCE_S = 60.0
# A file that does not tell its length may hold a still picture for so long.
_LONGEST_STILL_S = 3_600.0
# Lengths in headers are rounded, and do not always count the last packet.
_ROUNDED_S = 0.5
_ROUNDED_SHARE = 0.02
# Packets are stored in the order they are decoded, which is that of their times but for so many.
_REORDERED = 32


@dataclass(slots=True)
class Stretch:
    """Packets of one track without a gap. `end` is when the last one ends; packets count from 0 within the track."""

    start: float
    end: float
    first: int
    last: int
    count: int = 1

    def take(self, other: "Stretch") -> None:
        self.start, self.end = min(self.start, other.start), max(self.end, other.end)
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.count += other.count


class Tally:
    """What the packets of one track fill, in grains of some seconds: a long film takes little memory."""

    def __init__(self) -> None:
        self._grains: dict[int, Stretch] = {}
        self._count = 0

    def note(self, time: float, end: float) -> None:
        """The next packet of the file. A long film has half a million, so nothing is made for each."""
        key = int(time // _GRAIN_S)
        grain = self._grains.get(key)
        if grain is None:
            self._grains[key] = Stretch(time, end, self._count, self._count)
        else:
            grain.start, grain.end = min(grain.start, time), max(grain.end, end)
            grain.last = self._count
            grain.count += 1
        self._count += 1

    def grains(self) -> list[Stretch]:
        return sorted(self._grains.values(), key=lambda grain: grain.start)


@dataclass(slots=True)
class _Island:
    """What lies together on the clock of the file. `tracks` are the stretches of each track, by its index."""

    start: float
    end: float
    count: int = 0
    tracks: dict[int, Stretch] = field(default_factory=dict)

    def take(self, track: int, grain: Stretch) -> None:
        self.end = max(self.end, grain.end)
        self.count += grain.count
        mine = self.tracks.setdefault(track, Stretch(grain.start, grain.end, grain.first, grain.last, 0))
        mine.take(grain)

    def is_stored_before(self, other: "_Island") -> bool:
        shared = self.tracks.keys() & other.tracks.keys()
        return all(self.tracks[track].last - _REORDERED <= other.tracks[track].first for track in shared)


@dataclass(frozen=True, slots=True, eq=False)
class Beliefs:
    """What to make of a file's times: from each of `starts` on, `shifts` is to be taken away; NaN: believe none."""

    starts: Times
    shifts: Times

    @property
    def is_all_well(self) -> bool:
        return not np.any(self.shifts)

    def shifts_at(self, times: Times) -> Times:
        """What to take away from each time; NaN where it is not to be believed at all."""
        found: Times = self.shifts[np.maximum(np.searchsorted(self.starts, times, side="right") - 1, 0)]
        return found

    def span_of(self, tally: Tally) -> tuple[float, float]:
        """When a track begins and ends, as far as its times are believed; the wrong way round when none are."""
        grains = tally.grains()
        starts, ends = np.array([grain.start for grain in grains]), np.array([grain.end for grain in grains])
        shifts = self.shifts_at(starts)
        believed = ~np.isnan(shifts)
        return (
            float(np.min(starts - shifts, initial=np.inf, where=believed)),
            float(np.max(ends - shifts, initial=-np.inf, where=believed)),
        )


def believe(pictures: Sequence[Tally], sounds: Sequence[Tally], *, promised: float | None) -> Beliefs:
    """Which times of a file to believe, from what its tracks fill and the length that its header promises, if any.

    Times whose packets lie between packets of quite another time are left out. Where the file goes on after a gap that
    nothing vouches for, its clock is taken to go on without one.
    """
    islands = _islands([*pictures, *sounds])
    kept = _in_order(islands)
    has_pictures = any(tally.grains() for tally in pictures)
    shifts = dict.fromkeys((island.start for island in islands), math.nan)
    shift, before = 0.0, None
    for island in kept:
        is_late_sound = has_pictures and min(island.tracks) >= len(pictures)
        if before is not None:
            gap, after = island.start - before.end, island.start - shift - kept[0].start
            shift += 0.0 if _is_vouched_for(gap, after, promised, is_late_sound=is_late_sound) else gap
        shifts[island.start] = shift
        before = island
    return Beliefs(np.array(list(shifts)), np.array(list(shifts.values())))


def _islands(tallies: Sequence[Tally]) -> list[_Island]:
    """What the tracks fill together, in order of time."""
    grains = [(grain, track) for track, tally in enumerate(tallies) for grain in tally.grains()]
    islands: list[_Island] = []
    for grain, track in sorted(grains, key=lambda pair: pair[0].start):
        if not islands or grain.start - islands[-1].end > _GAP_S:
            islands.append(_Island(grain.start, grain.end))
        islands[-1].take(track, grain)
    return islands


def _in_order(islands: Sequence[_Island]) -> list[_Island]:
    """The islands that are stored in the order of their times: of two that are not, the one with more packets."""
    kept: list[_Island] = []
    for island in islands:
        while kept and not kept[-1].is_stored_before(island) and kept[-1].count < island.count:
            kept.pop()
        if not kept or kept[-1].is_stored_before(island):
            kept.append(island)
    return kept


def _is_vouched_for(gap: float, after: float, promised: float | None, *, is_late_sound: bool) -> bool:
    """Whether a gap is likely to be one. `after` is when the file goes on, counted from its first packet."""
    if gap > _LONGEST_GAP_S or (is_late_sound and gap > _LONGEST_SILENCE_S):
        return False
    if promised is None:
        return gap <= _LONGEST_STILL_S
    return after <= promised + max(_ROUNDED_S, _ROUNDED_SHARE * promised)
