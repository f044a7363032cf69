"""Times of the packets of a stream. Runs in the child process."""

import math
import re
from array import array
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vidlocal.media.probe.aspect_changes import AspectChanges
from vidlocal.media.probe.timestamp_repair import ClockCorrections, PacketHistogram
from vidlocal.media.timeline import Times

# Written by DivX and Xvid into files with two frames in one packet.
_PACKED = re.compile(rb"DivX\d+(?:b|Build)\d+p")
MAX_DTS_STEP_S = 10.0  # ffmpeg's dts_delta_threshold
_MAX_STEP_BACK_S = 0.5
_MAX_DECODER_DELAY_S = 1.0


@dataclass(slots=True)
class Track:
    """Times of the packets of a stream, in seconds on the container's clock, and the first decoded frame."""

    stream: Any
    times: "array[float]" = field(default_factory=lambda: array("d"))
    key_times: "array[float]" = field(default_factory=lambda: array("d"))
    segments: list[list[float]] = field(default_factory=list)
    histogram: PacketHistogram = field(default_factory=PacketHistogram)
    count: int = 0
    end: float = -math.inf
    start: float = math.inf
    last_dts: float = -math.inf
    first_dts: float = math.inf
    damaged_times: Times = field(default_factory=lambda: np.empty(0))
    damaged_packets: int = 0
    zero_filled_packets: int = 0
    decode_attempts: int = 0
    first_frame: Any = None
    codec: str = ""
    is_packed: bool = False
    aspects: AspectChanges = field(init=False)

    def __post_init__(self) -> None:
        self.codec = str(self.stream.codec_context.codec.canonical_name)
        self.aspects = AspectChanges(self.codec)
        self.is_packed = bool(_PACKED.search(bytes(self.stream.codec_context.extradata or b"")))

    @property
    def is_video(self) -> bool:
        return bool(self.stream.type == "video")

    def to_continuous(self, time: float, dts: float, *, may_jump: bool) -> float:
        """Map a packet's time to a clock without jumps, and extend `segments`, the spans between jumps."""
        if not self.segments:
            self.segments.append([time, time, 0.0])
        elif may_jump and not -_MAX_STEP_BACK_S <= dts - self.last_dts <= MAX_DTS_STEP_S:
            self.segments.append([time, time, time - self.end])
        segment = self.segments[-1]
        segment[0], segment[1] = min(segment[0], time), max(segment[1], time)
        self.last_dts = dts
        return time - segment[2]

    def remove_decoder_delay(self) -> None:
        """Start the video with the first packet. Reordered frames wait for the decoder in AVI, but sound does not."""
        delay = self.start - self.first_dts
        if self.is_video and 0 < delay <= _MAX_DECODER_DELAY_S:
            self.times = array("d", np.asarray(self.times) - delay)
            self.key_times = array("d", np.asarray(self.key_times) - delay)
            self.segments = [[first, last, offset + delay] for first, last, offset in self.segments]
            self.start, self.end = self.start - delay, self.end - delay

    def apply_corrections(self, corrections: ClockCorrections) -> None:
        """Remove damaged times and shift the rest; update segments, start and end."""
        times, key_times = np.asarray(self.times), np.asarray(self.key_times)
        shifts = corrections.shifts_at(times)
        self.damaged_times = times[np.isnan(shifts)]
        self.segments = [
            [float(times[shifts == shift].min()), float(times[shifts == shift].max()), float(shift)]
            for shift in np.unique(shifts[~np.isnan(shifts)])
        ]
        self.times, self.key_times = _corrected(times, corrections), _corrected(key_times, corrections)
        self.start, self.end = corrections.corrected_span(self.histogram)


def _corrected(times: Times, corrections: ClockCorrections) -> "array[float]":
    corrected = times - corrections.shifts_at(times)
    return array("d", corrected[~np.isnan(corrected)])
