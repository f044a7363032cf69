"""Files to index, decoded ahead by machines of a cluster with access to them."""

import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from vidlocal.cluster.engine_pool import EnginePool
from vidlocal.cluster.messages import SampledFile
from vidlocal.cluster.remote_engines import Machine
from vidlocal.errors import EngineError, MediaError
from vidlocal.ingest.prepared import PreparedFile
from vidlocal.media import files
from vidlocal.records import MediaKind
from vidlocal.store.staging import image_prefix

# Images per call: some MB.
_IMAGES_EACH = 64
_MAX_AHEAD = 16


class ClusterSampler:
    """A FileSampler. A context manager: deletes unused files at the end.

    `pool` returns the machines with shared files, None while there are none.
    """

    def __init__(self, pool: Callable[[], EnginePool | None], every: float) -> None:
        self._pool = pool
        self._every = every
        self._waiting: deque[Path] = deque()
        self._ahead: dict[Path, Future[PreparedFile | None]] = {}

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="vidlocal-")
        self._threads = ThreadPoolExecutor(_MAX_AHEAD, thread_name_prefix="decoded elsewhere")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._folder.cleanup()

    def start(self, paths: Sequence[Path]) -> None:
        """Note the files to index, in order."""
        self._waiting.extend(paths)

    def take(self, path: Path) -> PreparedFile | None:
        """Wait for a file decoded elsewhere, and return its frames; None for a file to decode here."""
        with suppress(ValueError):
            self._waiting.remove(path)
        future = self._ahead.pop(path, None)
        self._fill()
        if future is None or future.cancel():
            return None
        return future.result()

    def _fill(self) -> None:
        """Begin as many files as the machines take now."""
        pool = self._pool()
        if pool is None:
            return
        room = min(_MAX_AHEAD, pool.slots) - sum(not future.done() for future in self._ahead.values())
        for _ in range(max(0, room)):
            if not self._waiting or len(self._ahead) >= 2 * _MAX_AHEAD:
                return
            path = self._waiting.popleft()
            self._ahead[path] = self._threads.submit(self._prepare, pool, path)

    def _prepare(self, pool: EnginePool, path: Path) -> PreparedFile | None:
        """Decode a file on another machine. None if every machine fails: this one then decodes or reports it."""
        try:
            stamp = files.read_stamp(path)
            content_hash = files.content_hash(path)
            with pool.machine() as machine:
                sampled = machine.call(
                    "files", "sample", str(path), content_hash, self._every, image_prefix(content_hash)
                ).value
                if not isinstance(sampled, SampledFile) or sampled.probe.kind is not MediaKind.VIDEO:
                    return None
                folder = Path(tempfile.mkdtemp(dir=self._folder.name))
                self._fetch(machine, content_hash, sampled, folder)
        except (EngineError, MediaError, OSError):
            return None
        return PreparedFile(stamp, content_hash, sampled.probe, sampled.drafts, folder)

    def _fetch(self, machine: Machine, content_hash: str, sampled: SampledFile, folder: Path) -> None:
        names = [Path(draft.image).name for draft in sampled.drafts if draft.image is not None]
        for first in range(0, len(names), _IMAGES_EACH):
            part = names[first : first + _IMAGES_EACH]
            images = machine.call("files", "images", content_hash, tuple(part)).value
            for name, jpeg in zip(part, images if isinstance(images, tuple) else (), strict=True):
                (folder / name).write_bytes(jpeg)
        machine.call("files", "forget", content_hash)
