"""Threads with an open library each, for the calls of requests."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, local
from typing import TypeVar

from vidlocal.errors import StoreError
from vidlocal.store.database import Library

_T = TypeVar("_T")

THREADS = 6


class LibraryPool:
    """Runs calls with a library. A connection of SQLite belongs to a thread, so each thread opens its own.

    A library that was moved, replaced or damaged is opened anew by the next call.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="library")
        self._local = local()

    async def run(self, call: Callable[[Library], _T]) -> _T:
        """Run a call in a thread. Raises its errors, and StoreError if the library cannot be opened."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._call, call)

    def close(self) -> None:
        """Close all libraries, and end the threads."""
        barrier = Barrier(THREADS)
        for _ in range(THREADS):
            self._threads.submit(self._close_at, barrier)
        self._threads.shutdown()

    def _call(self, call: Callable[[Library], _T]) -> _T:
        library = self._open()
        try:
            return call(library)
        except StoreError:
            self._close()
            raise

    def _open(self) -> Library:
        library: Library | None = getattr(self._local, "library", None)
        if library is not None:
            try:
                library.require_in_place()
            except StoreError:
                self._close()
            else:
                return library
        self._local.library = opened = Library.open(self._home)
        return opened

    def _close(self) -> None:
        library: Library | None = getattr(self._local, "library", None)
        if library is not None:
            self._local.library = None
            library.close()

    def _close_at(self, barrier: Barrier) -> None:
        """Close the library of this thread, once all threads are here."""
        barrier.wait()
        self._close()
