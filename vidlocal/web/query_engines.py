"""CLIP for queries, loaded once for all requests."""

from collections.abc import Callable, Collection
from contextlib import ExitStack
from functools import partial

from vidlocal.app.engines.clip import open_query_clip
from vidlocal.engines.base import ClipEngine
from vidlocal.engines.served.query_vector import QueryVector
from vidlocal.errors import EngineUnreachable, ModelMissing
from vidlocal.process import SerialThread
from vidlocal.search.query_vectors import PictureVector
from vidlocal.settings import Settings
from vidlocal.store.content import frame_vectors
from vidlocal.store.database import Library

_MAX_CACHED = 1000
_WAIT_S = 10.0


class QueryEngines:
    """The CLIP text encoder in a child process. A single thread calls it, because the child ends with its thread."""

    def __init__(self) -> None:
        self._thread = SerialThread("clip")
        self._stack = ExitStack()
        self._engine: ClipEngine | None = None
        self._cached: dict[str, QueryVector] = {}

    def pictures(self, library: Library, settings: Settings) -> PictureVector | None:
        """Return the encoder for a search; None if image search is off or the library has no frame vectors."""
        if not settings.search_pictures or not frame_vectors.keys(library):
            return None
        return partial(self._start, settings, frame_vectors.keys(library))

    def close(self) -> None:
        """End the child process and the thread."""
        self._thread.submit(self._stack.close)
        self._thread.shutdown()

    def _start(self, settings: Settings, keys: Collection[str], query: str) -> Callable[[], QueryVector]:
        """Start to encode a query. The returned function waits for the vector, or raises EngineError."""
        cached = self._cached.get(query)
        if cached is not None:
            return lambda: cached
        future = self._thread.submit(self._encode, settings, keys, query)

        def wait() -> QueryVector:
            try:
                return future.result(timeout=_WAIT_S)
            except TimeoutError:
                raise EngineUnreachable(f"CLIP took longer than {_WAIT_S:g} s. Search again.") from None

        return wait

    def _encode(self, settings: Settings, keys: Collection[str], query: str) -> QueryVector:
        if self._engine is None:
            engine = open_query_clip(self._stack, settings, keys)
            if isinstance(engine, str):
                raise ModelMissing(engine)
            self._engine = engine
        vector = QueryVector(self._engine.key, tuple(self._engine.embed_text(query).tolist()))
        if len(self._cached) >= _MAX_CACHED:
            del self._cached[next(iter(self._cached))]
        self._cached[query] = vector
        return vector
