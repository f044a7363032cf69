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
_MIN_CLUSTER_GAP_S = 10.0
_BIN_S = 5.0
# No header vouches for a gap of more than a day, and none for sound that goes on a minute after all pictures ended.
_MAX_GAP_S = 86_400.0
_MAX_AUDIO_GAP_S = 60.0
# A file that does not tell its length may hold a still picture for so long.
_MAX_STILL_S = 3_600.0
# Lengths in headers are rounded, and do not always count the last packet.
_HEADER_TOLERANCE_S = 0.5
_HEADER_TOLERANCE_RATIO = 0.02
# Packets are stored in the order they are decoded, which is that of their times but for so many.
_MAX_REORDERED_PACKETS = 32


@dataclass(slots=True)
class PacketRun:
    """Packets of one track without a gap. `end` is when the last one ends; packets count from 0 within the track."""

    start: float
    end: float
    first: int
    last: int
    count: int = 1

    def merge(self, other: "PacketRun") -> None:
        self.start, self.end = min(self.start, other.start), max(self.end, other.end)
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.count += other.count


class PacketHistogram:
    """What the packets of one track fill, in grains of some seconds: a long film takes little memory."""

    def __init__(self) -> None:
        self._bins: dict[int, PacketRun] = {}
        self._count = 0

    def add(self, time: float, end: float) -> None:
        """The next packet of the file. A long film has half a million, so nothing is made for each."""
        key = int(time // _BIN_S)
        grain = self._bins.get(key)
        if grain is None:
            self._bins[key] = PacketRun(time, end, self._count, self._count)
        else:
            grain.start, grain.end = min(grain.start, time), max(grain.end, end)
            grain.last = self._count
            grain.count += 1
        self._count += 1

    def bins(self) -> list[PacketRun]:
        return sorted(self._bins.values(), key=lambda grain: grain.start)


@dataclass(slots=True)
class _Cluster:
    """What lies together on the clock of the file. `tracks` are the stretches of each track, by its index."""

    start: float
    end: float
    count: int = 0
    tracks: dict[int, PacketRun] = field(default_factory=dict)

    def add(self, track: int, grain: PacketRun) -> None:
        self.end = max(self.end, grain.end)
        self.count += grain.count
        mine = self.tracks.setdefault(track, PacketRun(grain.start, grain.end, grain.first, grain.last, 0))
        mine.merge(grain)

    def is_stored_before(self, other: "_Cluster") -> bool:
        shared = self.tracks.keys() & other.tracks.keys()
        return all(self.tracks[track].last - _MAX_REORDERED_PACKETS <= other.tracks[track].first for track in shared)


@dataclass(frozen=True, slots=True, eq=False)
class ClockCorrections:
    """What to make of a file's times: from each of `starts` on, `shifts` is to be taken away; NaN: believe none."""

    starts: Times
    shifts: Times

    @property
    def is_empty(self) -> bool:
        return not np.any(self.shifts)

    def shifts_at(self, times: Times) -> Times:
        """What to take away from each time; NaN where it is not to be believed at all."""
        found: Times = self.shifts[np.maximum(np.searchsorted(self.starts, times, side="right") - 1, 0)]
        return found

    def corrected_span(self, tally: PacketHistogram) -> tuple[float, float]:
        """When a track begins and ends, as far as its times are believed; the wrong way round when none are."""
        grains = tally.bins()
        starts, ends = np.array([grain.start for grain in grains]), np.array([grain.end for grain in grains])
        shifts = self.shifts_at(starts)
        believed = ~np.isnan(shifts)
        return (
            float(np.min(starts - shifts, initial=np.inf, where=believed)),
            float(np.max(ends - shifts, initial=-np.inf, where=believed)),
        )


def estimate_corrections(
    video: Sequence[PacketHistogram], audio: Sequence[PacketHistogram], *, header_duration: float | None
) -> ClockCorrections:
    """Which times of a file to believe, from what its tracks fill and the length that its header promises, if any.

    Times whose packets lie between packets of quite another time are left out. Where the file goes on after a gap that
    nothing vouches for, its clock is taken to go on without one.
    """
    islands = _clusters([*video, *audio])
    kept = _longest_in_order(islands)
    has_pictures = any(tally.bins() for tally in video)
    shifts = dict.fromkeys((island.start for island in islands), math.nan)
    shift, before = 0.0, None
    for island in kept:
        is_late_sound = has_pictures and min(island.tracks) >= len(video)
        if before is not None:
            gap, after = island.start - before.end, island.start - shift - kept[0].start
            shift += 0.0 if _is_plausible_gap(gap, after, header_duration, is_late_sound=is_late_sound) else gap
        shifts[island.start] = shift
        before = island
    return ClockCorrections(np.array(list(shifts)), np.array(list(shifts.values())))


def _clusters(tallies: Sequence[PacketHistogram]) -> list[_Cluster]:
    """What the tracks fill together, in order of time."""
    grains = [(grain, track) for track, tally in enumerate(tallies) for grain in tally.bins()]
    islands: list[_Cluster] = []
    for grain, track in sorted(grains, key=lambda pair: pair[0].start):
        if not islands or grain.start - islands[-1].end > _MIN_CLUSTER_GAP_S:
            islands.append(_Cluster(grain.start, grain.end))
        islands[-1].add(track, grain)
    return islands


def _longest_in_order(islands: Sequence[_Cluster]) -> list[_Cluster]:
    """The islands that are stored in the order of their times: of two that are not, the one with more packets."""
    kept: list[_Cluster] = []
    for island in islands:
        while kept and not kept[-1].is_stored_before(island) and kept[-1].count < island.count:
            kept.pop()
        if not kept or kept[-1].is_stored_before(island):
            kept.append(island)
    return kept


def _is_plausible_gap(gap: float, after: float, promised: float | None, *, is_late_sound: bool) -> bool:
    """Whether a gap is likely to be one. `after` is when the file goes on, counted from its first packet."""
    if gap > _MAX_GAP_S or (is_late_sound and gap > _MAX_AUDIO_GAP_S):
        return False
    if promised is None:
        return gap <= _MAX_STILL_S
    return after <= promised + max(_HEADER_TOLERANCE_S, _HEADER_TOLERANCE_RATIO * promised)
