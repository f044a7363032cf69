"""Look up spans of time by time, such as the turns of voices. Pure."""

from bisect import bisect_left
from collections.abc import Iterable

Turn = tuple[float, float, int]


class Turns:
    """Spans (start, end, owner), sorted for look-ups in logarithmic time."""

    def __init__(self, turns: Iterable[Turn]) -> None:
        self._turns = sorted(turns)
        self._starts = [start for start, _, _ in self._turns]
        self._longest = max((end - start for start, end, _ in self._turns), default=0.0)

    @property
    def owners(self) -> frozenset[int]:
        """All owners."""
        return frozenset(owner for _, _, owner in self._turns)

    def between(self, start: float, end: float) -> list[Turn]:
        """List the spans overlapping a span of time, in order."""
        first, last = bisect_left(self._starts, start - self._longest), bisect_left(self._starts, end)
        return [turn for turn in self._turns[first:last] if turn[1] > start]

    def shares(self, start: float, end: float) -> dict[int, float]:
        """Return the seconds of each owner within a span of time."""
        seconds: dict[int, float] = {}
        for first, last, owner in self.between(start, end):
            seconds[owner] = seconds.get(owner, 0.0) + min(last, end) - max(first, start)
        return seconds
