"""Presentation times of a video's frames, from the packets."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vidlocal.media.picture_filters import StoredPicture

# Times closer than this are equal: container clocks have a resolution of a millisecond or finer.
TIME_TOLERANCE_S = 0.0005

Times = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClockSegment:
    """A part of the file with a constant clock: presentation time is stored time minus `offset`.

    Nearly all files have a single segment; concatenated recordings and clocks that wrap around have more.
    """

    first: float
    last: float
    offset: float


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """Frame times of the indexed video stream.

    `times` and `key_times` are the sorted presentation times of all frames and of the key frames, in seconds from the
    container's start_time. `can_seek` is true if a seek lands exactly on a key frame. `has_times` is false if ffmpeg's
    times of decoded frames are late by a constant. `picture` is the format of the pixels. `damaged_times` are the
    stored times of frames left out because their presentation time is unknown.
    """

    times: Times
    key_times: Times
    segments: tuple[ClockSegment, ...]
    can_seek: bool = True
    has_times: bool = True
    picture: StoredPicture = field(default_factory=StoredPicture)
    damaged_times: Times = field(default_factory=lambda: np.empty(0))

    @property
    def end(self) -> float:
        """Time of the last frame."""
        return float(self.times[-1]) if len(self.times) else 0.0

    def median_spacing(self, start: float, end: float) -> float:
        """Median time between frames from `start` to `end`; 0 for fewer than two frames."""
        within = self.times[np.searchsorted(self.times, start) : np.searchsorted(self.times, end, side="right")]
        return float(np.median(np.diff(within))) if len(within) > 1 else 0.0

    def has_frame_between(self, start: float, end: float) -> bool:
        """True if a frame lies between the two times, both exclusive."""
        first = np.searchsorted(self.times, start + TIME_TOLERANCE_S, side="right")
        return bool(first < len(self.times) and self.times[first] < end - TIME_TOLERANCE_S)

    def is_damaged(self, stored: float) -> bool:
        """True if the frame with this stored time has a damaged timestamp."""
        return bool(np.any(np.abs(self.damaged_times - stored) <= TIME_TOLERANCE_S))

    def key_frame_at(self, time: float) -> float:
        """Time of the last key frame not after `time`, else of the first; 0 without key frames."""
        index = int(np.searchsorted(self.key_times, time + TIME_TOLERANCE_S, side="right")) - 1
        return float(self.key_times[max(index, 0)]) if len(self.key_times) else 0.0


class PresentationClock:
    """Converts stored times of frames, in decoding order, to presentation times."""

    def __init__(self, segments: tuple[ClockSegment, ...]) -> None:
        self._segments = segments
        self._current = 0
        self._before = float("-inf")

    def to_presentation(self, stored: float) -> float:
        """Presentation time of the next frame."""
        while self._current + 1 < len(self._segments) and not self._is_in_segment(stored):
            self._current += 1
            self._before = float("-inf")
        self._before = stored
        return stored - self._segments[self._current].offset

    def _is_in_segment(self, stored: float) -> bool:
        segment = self._segments[self._current]
        return self._before < stored and segment.first - TIME_TOLERANCE_S <= stored <= segment.last + TIME_TOLERANCE_S
