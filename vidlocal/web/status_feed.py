"""The status of the library for all open pages, read once per interval."""

import asyncio
import time
from collections.abc import Awaitable, Callable


class StatusFeed:
    """Keeps the last status as text. Pages share a reading within `interval_s`."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._lock = asyncio.Lock()
        self._text = ""
        self._read_at = float("-inf")

    async def text(self, read: Callable[[], Awaitable[str]]) -> str:
        """Return the status, read again if older than the interval."""
        async with self._lock:
            if time.monotonic() >= self._read_at + self._interval_s:
                self._text = await read()
                self._read_at = time.monotonic()
            return self._text
