"""When each picture of a video is shown, as its packets say it."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

# Two times closer than this are one: container clocks tick in milliseconds or finer.
SAME_TIME = 0.0005

Times = npt.NDArray[np.float64]

# ffmpeg filters that turn a stored picture upright; nothing else is taken from the child that reads the file.
TURNS = frozenset(
    {"transpose=clock", "transpose=cclock", "transpose=clock_flip", "transpose=cclock_flip", "hflip", "vflip"}
)


@dataclass(frozen=True, slots=True)
class Segment:
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
    keys: Times
    segments: tuple[Segment, ...]
    can_seek: bool = True
    turns: tuple[str, ...] = ()
    doubtful: Times = field(default_factory=lambda: np.empty(0))

    @property
    def end(self) -> float:
        """The time of the last picture."""
        return float(self.times[-1]) if len(self.times) else 0.0

    def spacing(self, start: float, end: float) -> float:
        """The usual time from one picture to the next within a stretch; 0 when it holds fewer than two."""
        within = self.times[np.searchsorted(self.times, start) : np.searchsorted(self.times, end, side="right")]
        return float(np.median(np.diff(within))) if len(within) > 1 else 0.0

    def shows_between(self, start: float, end: float) -> bool:
        """Whether any picture lies between the two times, neither included."""
        first = np.searchsorted(self.times, start + SAME_TIME, side="right")
        return bool(first < len(self.times) and self.times[first] < end - SAME_TIME)

    def is_doubtful(self, stored: float) -> bool:
        """Whether the picture that is stored with this time is left out."""
        return bool(np.any(np.abs(self.doubtful - stored) <= SAME_TIME))

    def key_at(self, time: float) -> float:
        """The last key frame that is not after `time`, else the first; 0 when there are none."""
        index = int(np.searchsorted(self.keys, time + SAME_TIME, side="right")) - 1
        return float(self.keys[max(index, 0)]) if len(self.keys) else 0.0


class Clock:
    """Turns the stored times of pictures, in the order they are decoded, into times as a player shows them."""

    def __init__(self, segments: tuple[Segment, ...]) -> None:
        self._segments = segments
        self._current = 0
        self._before = float("-inf")

    def shown(self, stored: float) -> float:
        """The shown time of the next picture."""
        while self._current + 1 < len(self._segments) and not self._fits(stored):
            self._current += 1
            self._before = float("-inf")
        self._before = stored
        return stored - self._segments[self._current].offset

    def _fits(self, stored: float) -> bool:
        segment = self._segments[self._current]
        return self._before < stored and segment.first - SAME_TIME <= stored <= segment.last + SAME_TIME
