"""Formats of files, read in a child process and cached."""

import asyncio
from pathlib import Path

from vidlocal.media.files import read_stamp
from vidlocal.media.probe.prober import Prober, StreamFormats
from vidlocal.process import SerialThread
from vidlocal.records import FileStamp

_MAX_CACHED = 500


class StreamProber:
    """Reads the formats of files, from a single thread: a child process ends with the thread of its start."""

    def __init__(self) -> None:
        self._thread = SerialThread("stream prober")
        self._prober = Prober()
        self._cached: dict[Path, tuple[FileStamp, StreamFormats]] = {}

    async def formats(self, path: Path) -> StreamFormats:
        """Return the formats of a file. Raises MediaError."""
        return await asyncio.wrap_future(self._thread.submit(self._read, path))

    def close(self) -> None:
        """End the child process and the thread."""
        self._thread.submit(self._prober.__exit__, None, None, None)
        self._thread.shutdown()

    def _read(self, path: Path) -> StreamFormats:
        stamp = read_stamp(path)
        cached = self._cached.get(path)
        if cached is not None and cached[0] == stamp:
            return cached[1]
        formats = self._prober.formats(path)
        if len(self._cached) >= _MAX_CACHED:
            del self._cached[next(iter(self._cached))]
        self._cached[path] = (stamp, formats)
        return formats
