"""When each picture of a video is shown, as its packets say it."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

# Two times closer than this are one: container clocks tick in milliseconds or finer.
TIME_TOLERANCE_S = 0.0005

Times = npt.NDArray[np.float64]

# ffmpeg filters that turn a stored picture upright; nothing else is taken from the child that reads the file.
ROTATION_FILTERS = frozenset(
    {"transpose=clock", "transpose=cclock", "transpose=clock_flip", "transpose=cclock_flip", "hflip", "vflip"}
)


@dataclass(frozen=True, slots=True)
class ClockSegment:
    """A stretch of the file on one clock: stored time minus `offset` is the time a player shows.

    Nearly every file has one segment; recordings joined end to end and clocks that wrap around have more.
    """

    first: float
    last: float
    offset: float


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """The packets of the one video stream that is looked at.

    `times` and `keys` are the presentation times of all pictures and of the key frames, in seconds from the
    container's start_time, sorted. `can_seek` says whether a seek lands exactly on a key frame. `turns` are the
    filters that make the picture upright. `doubtful` are times, as the file stores them, of pictures that are left out:
    nobody can say when they are shown.
    """

    times: Times
    key_times: Times
    segments: tuple[ClockSegment, ...]
    can_seek: bool = True
    rotation_filters: tuple[str, ...] = ()
    damaged_times: Times = field(default_factory=lambda: np.empty(0))

    @property
    def end(self) -> float:
        """The time of the last picture."""
        return float(self.times[-1]) if len(self.times) else 0.0

    def median_spacing(self, start: float, end: float) -> float:
        """The usual time from one picture to the next within a stretch; 0 when it holds fewer than two."""
        within = self.times[np.searchsorted(self.times, start) : np.searchsorted(self.times, end, side="right")]
        return float(np.median(np.diff(within))) if len(within) > 1 else 0.0

    def has_frame_between(self, start: float, end: float) -> bool:
        """Whether any picture lies between the two times, neither included."""
        first = np.searchsorted(self.times, start + TIME_TOLERANCE_S, side="right")
        return bool(first < len(self.times) and self.times[first] < end - TIME_TOLERANCE_S)

    def is_damaged(self, stored: float) -> bool:
        """Whether the picture that is stored with this time is left out."""
        return bool(np.any(np.abs(self.damaged_times - stored) <= TIME_TOLERANCE_S))

    def key_frame_at(self, time: float) -> float:
        """The last key frame that is not after `time`, else the first; 0 when there are none."""
        index = int(np.searchsorted(self.key_times, time + TIME_TOLERANCE_S, side="right")) - 1
        return float(self.key_times[max(index, 0)]) if len(self.key_times) else 0.0


class PresentationClock:
    """Turns the stored times of pictures, in the order they are decoded, into times as a player shows them."""

    def __init__(self, segments: tuple[ClockSegment, ...]) -> None:
        self._segments = segments
        self._current = 0
        self._before = float("-inf")

    def to_presentation(self, stored: float) -> float:
        """The shown time of the next picture."""
        while self._current + 1 < len(self._segments) and not self._is_in_segment(stored):
            self._current += 1
            self._before = float("-inf")
        self._before = stored
        return stored - self._segments[self._current].offset

    def _is_in_segment(self, stored: float) -> bool:
        segment = self._segments[self._current]
        return self._before < stored and segment.first - TIME_TOLERANCE_S <= stored <= segment.last + TIME_TOLERANCE_S
