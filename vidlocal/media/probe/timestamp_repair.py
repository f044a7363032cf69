"""Detect and correct damaged packet timestamps.

A flipped bit can move one timestamp by years. Such outliers have no packets around them and the stream continues at the
old time. Pure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vidlocal.media.timeline import Times

# Packets closer together than this belong to a cluster.
_MIN_CLUSTER_GAP_S = 10.0
_BIN_S = 5.0
# Longer gaps are never real, whatever the header says: a day without packets, or a minute without video before audio.
_MAX_GAP_S = 86_400.0
_MAX_AUDIO_GAP_S = 60.0
# Longest plausible still image in a file without a duration in the header.
_MAX_STILL_S = 3_600.0
# Durations in headers are rounded, and some omit the last packet.
_HEADER_TOLERANCE_S = 0.5
_HEADER_TOLERANCE_RATIO = 0.02
# Packets are stored in decoding order, which differs from presentation order by at most this many packets.
_MAX_REORDERED_PACKETS = 32


@dataclass(slots=True)
class PacketRun:
    """Packets of a track without a gap. `end` is the end of the last packet; `first` and `last` count from 0."""

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
    """Packets of a track in bins of _BIN_S seconds, to limit memory for long videos."""

    def __init__(self) -> None:
        self._bins: dict[int, PacketRun] = {}
        self._count = 0

    def add(self, time: float, end: float) -> None:
        """Count the next packet of the file. Allocates nothing per packet: a long film has half a million."""
        key = int(time // _BIN_S)
        run = self._bins.get(key)
        if run is None:
            self._bins[key] = PacketRun(time, end, self._count, self._count)
        else:
            run.start, run.end = min(run.start, time), max(run.end, end)
            run.last = self._count
            run.count += 1
        self._count += 1

    def bins(self) -> list[PacketRun]:
        return sorted(self._bins.values(), key=lambda run: run.start)


@dataclass(slots=True)
class _Cluster:
    """Packets of all tracks close together in time. `tracks` has the run of each track by index."""

    start: float
    end: float
    count: int = 0
    tracks: dict[int, PacketRun] = field(default_factory=dict)

    def add(self, track: int, run: PacketRun) -> None:
        self.end = max(self.end, run.end)
        self.count += run.count
        merged = self.tracks.setdefault(track, PacketRun(run.start, run.end, run.first, run.last, 0))
        merged.merge(run)

    def is_stored_before(self, other: "_Cluster") -> bool:
        shared = self.tracks.keys() & other.tracks.keys()
        return all(self.tracks[track].last - _MAX_REORDERED_PACKETS <= other.tracks[track].first for track in shared)


@dataclass(frozen=True, slots=True, eq=False)
class ClockCorrections:
    """Offsets to subtract from a file's timestamps: `shifts[i]` from `starts[i]` on. NaN marks damaged timestamps."""

    starts: Times
    shifts: Times

    @property
    def is_empty(self) -> bool:
        return not np.any(self.shifts)

    def shifts_at(self, times: Times) -> Times:
        """Offset to subtract from each time; NaN if the time is damaged."""
        shifts: Times = self.shifts[np.maximum(np.searchsorted(self.starts, times, side="right") - 1, 0)]
        return shifts

    def corrected_span(self, histogram: PacketHistogram) -> tuple[float, float]:
        """Corrected start and end of a track; (inf, -inf) if all timestamps are damaged."""
        bins = histogram.bins()
        starts, ends = np.array([run.start for run in bins]), np.array([run.end for run in bins])
        shifts = self.shifts_at(starts)
        is_valid = ~np.isnan(shifts)
        return (
            float(np.min(starts - shifts, initial=np.inf, where=is_valid)),
            float(np.max(ends - shifts, initial=-np.inf, where=is_valid)),
        )


def estimate_corrections(
    video: Sequence[PacketHistogram], audio: Sequence[PacketHistogram], *, header_duration: float | None
) -> ClockCorrections:
    """Estimate corrections from the packets of all tracks and the duration in the header, if any.

    Timestamps far from those of the packets stored around them are marked as damaged. Implausible gaps are closed by
    shifting everything after them.
    """
    clusters = _clusters([*video, *audio])
    ordered = _longest_in_order(clusters)
    has_video = any(histogram.bins() for histogram in video)
    shifts = dict.fromkeys((cluster.start for cluster in clusters), math.nan)
    shift, before = 0.0, None
    for cluster in ordered:
        is_late_audio = has_video and min(cluster.tracks) >= len(video)
        if before is not None:
            gap, after = cluster.start - before.end, cluster.start - shift - ordered[0].start
            shift += 0.0 if _is_plausible_gap(gap, after, header_duration, is_late_audio=is_late_audio) else gap
        shifts[cluster.start] = shift
        before = cluster
    return ClockCorrections(np.array(list(shifts)), np.array(list(shifts.values())))


def _clusters(histograms: Sequence[PacketHistogram]) -> list[_Cluster]:
    """Clusters of packets of all tracks, in order of time."""
    bins = [(run, track) for track, histogram in enumerate(histograms) for run in histogram.bins()]
    clusters: list[_Cluster] = []
    for run, track in sorted(bins, key=lambda pair: pair[0].start):
        if not clusters or run.start - clusters[-1].end > _MIN_CLUSTER_GAP_S:
            clusters.append(_Cluster(run.start, run.end))
        clusters[-1].add(track, run)
    return clusters


def _longest_in_order(clusters: Sequence[_Cluster]) -> list[_Cluster]:
    """Clusters stored in the order of their times. Of two in the wrong order, keep the cluster with more packets."""
    ordered: list[_Cluster] = []
    for cluster in clusters:
        while ordered and not ordered[-1].is_stored_before(cluster) and ordered[-1].count < cluster.count:
            ordered.pop()
        if not ordered or ordered[-1].is_stored_before(cluster):
            ordered.append(cluster)
    return ordered


def _is_plausible_gap(gap: float, after: float, header_duration: float | None, *, is_late_audio: bool) -> bool:
    """True for a plausible gap. `after`: time of the next packet, counted from the first packet."""
    if gap > _MAX_GAP_S or (is_late_audio and gap > _MAX_AUDIO_GAP_S):
        return False
    if header_duration is None:
        return gap <= _MAX_STILL_S
    return after <= header_duration + max(_HEADER_TOLERANCE_S, _HEADER_TOLERANCE_RATIO * header_duration)
