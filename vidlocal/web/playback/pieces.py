"""Pieces of films as fragmented MP4, streamed from ffmpeg while encoding, and cached.

A piece has the times of the whole film, so that a player appends pieces in any order. It is sent from the first
fragment on. When the browser goes away, ffmpeg ends.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from threading import Event, Lock

from vidlocal.errors import MediaError
from vidlocal.media.ffmpeg import error_line
from vidlocal.process import Stream
from vidlocal.web.playback.sources import SourceKind

MAX_PIECE_S = 60.0
# At once, for all browsers. Encoding uses several threads.
MAX_PROCESSES = 3
MAX_CACHE_BYTES = 2 << 30

_STALL_S, _TIMEOUT_S = 60.0, 1800.0
# Parts waiting for a slow reader; ffmpeg waits then, too.
_MAX_WAITING_PARTS = 16


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a film: `start` and `end` in seconds, its `command`, and the hash of the file for the cache."""

    path: Path
    content_hash: str
    command: tuple[str, ...]
    kind: SourceKind
    start: float
    end: float

    @property
    def name(self) -> str:
        return f"{self.kind}-{round(self.start * 1000)}-{round(self.end * 1000)}.mp4"


class PieceMaker:
    """Makes pieces, at most MAX_PROCESSES at once, and caches up to MAX_CACHE_BYTES in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads = ThreadPoolExecutor(MAX_PROCESSES, thread_name_prefix="piece")
        self._streams: set[_PieceStream] = set()
        self._lock = Lock()

    def cached(self, piece: Piece) -> Path | None:
        """Return the file of a cached piece, marked as used; None if there is none."""
        path = self._folder / piece.content_hash / piece.name
        try:
            os.utime(path)
        except OSError:
            return None
        return path

    async def stream(self, piece: Piece) -> AsyncIterator[bytes]:
        """Yield a new piece in parts while encoding; a complete piece goes into the cache.

        Raises MediaError or ToolError before the first part; a failure after it ends the piece early.
        """
        loop = asyncio.get_running_loop()
        stream = _PieceStream(piece, loop, self._draft(piece))
        self._streams.add(stream)
        self._threads.submit(stream.run)
        try:
            while True:
                part = await stream.parts.get()
                if isinstance(part, Exception):
                    raise part
                if not part:
                    return
                yield part
        finally:
            stream.cancel()
            self._streams.discard(stream)
            await loop.run_in_executor(None, self._limit_size)

    def close(self) -> None:
        """End all processes and threads."""
        for stream in list(self._streams):
            stream.cancel()
        self._threads.shutdown(cancel_futures=True)

    def _draft(self, piece: Piece) -> Path | None:
        """Return a new file for a piece in the cache; None on failure, as the cache is optional."""
        folder = self._folder / piece.content_hash
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            return None
        return folder / f".{token_hex(8)}.{piece.name}"

    def _limit_size(self) -> None:
        """Delete the pieces used longest ago, beyond the limit."""
        with self._lock, suppress(OSError):
            files = [(path.stat().st_mtime, path.stat().st_size, path) for path in self._folder.glob("*/*.mp4")]
            excess = sum(size for _, size, _ in files) - MAX_CACHE_BYTES
            for _, size, path in sorted(files):
                if excess <= 0:
                    return
                path.unlink()
                excess -= size


class _PieceStream:
    """A running ffmpeg, read by a thread, and the parts on their way to the event loop."""

    def __init__(self, piece: Piece, loop: asyncio.AbstractEventLoop, draft: Path | None) -> None:
        self.parts: asyncio.Queue[bytes | Exception] = asyncio.Queue(_MAX_WAITING_PARTS)
        self._piece = piece
        self._loop = loop
        self._draft = draft
        self._is_cancelled = Event()
        self._stream: Stream | None = None

    def cancel(self) -> None:
        """End ffmpeg, from any thread. Does nothing after the end."""
        self._is_cancelled.set()
        if self._stream is not None:
            self._stream.interrupt()
        with suppress(asyncio.QueueEmpty):  # the thread may wait for room
            while True:
                self.parts.get_nowait()

    def run(self) -> None:
        """Run ffmpeg to the end. Never raises: errors go to the reader."""
        try:
            if not self._is_cancelled.is_set():
                self._read()
        except Exception as error:
            self._put(error)
        finally:
            if self._draft is not None:
                self._draft.unlink(missing_ok=True)

    def _read(self) -> None:
        with Stream(self._piece.command, stall_timeout=_STALL_S, timeout=_TIMEOUT_S) as stream:
            self._stream = stream
            count, is_kept = 0, self._draft is not None
            while not self._is_cancelled.is_set() and (part := stream.read_some()):
                count += len(part)
                is_kept = is_kept and self._keep(part)
                self._put(part)
            if self._is_cancelled.is_set():
                return
            code = stream.finish()
        if code and not count:
            raise MediaError(f"{self._piece.path.name}: cannot be played: {error_line(stream.stderr)}.")
        if not code and is_kept:
            self._publish()
        self._put(b"")

    def _keep(self, part: bytes) -> bool:
        """Append a part to the draft. Returns False on a full disk: playback continues without the cache."""
        assert self._draft is not None
        try:
            with open(self._draft, "ab") as file:
                file.write(part)
        except OSError:
            return False
        return True

    def _publish(self) -> None:
        assert self._draft is not None
        with suppress(OSError):
            self._draft.replace(self._draft.with_name(self._piece.name))

    def _put(self, part: bytes | Exception) -> None:
        """Hand a part to the reader, and wait for room; a reader stalled for _STALL_S loses the piece."""
        waiting = asyncio.run_coroutine_threadsafe(self.parts.put(part), self._loop)
        deadline = time.monotonic() + _STALL_S
        while not self._is_cancelled.is_set() and time.monotonic() < deadline:
            with suppress(TimeoutError):
                waiting.result(timeout=1.0)
                return
        waiting.cancel()
        self._is_cancelled.set()
