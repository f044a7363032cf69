"""CLIP text encoder for queries, run in a thread beside the rest of a search.

Loading the model takes 1.3 s of processor time, several times more than a search. So a thread encodes the query, the
search waits at most WAIT_S, and the vector is cached in the library. Heavy imports happen in the thread.
"""

from collections.abc import Callable, Collection
from contextlib import ExitStack, suppress
from queue import Empty, SimpleQueue
from threading import Thread

from vidlocal.engines.served.query_vector import QueryVector
from vidlocal.errors import EngineError, EngineUnreachable, ModelMissing, StoreError, VidlocalError
from vidlocal.settings import Settings
from vidlocal.store.content import frame_vectors
from vidlocal.store.database import Library
from vidlocal.store.history import searches

WAIT_S = 4.0


class ClipQueryEncoder:
    """A `vidlocal.search.run.PictureVector` with a cache. `wait_s`: longest wait for an answer, seconds."""

    def __init__(self, library: Library, settings: Settings, *, wait_s: float = WAIT_S) -> None:
        self._library = library
        self._settings = settings
        self._wait_s = wait_s
        self._computed: tuple[str, QueryVector] | None = None

    def __call__(self, query: str) -> Callable[[], QueryVector]:
        """Start to encode a query. The returned function waits for the vector, or raises EngineError."""
        cached = searches.stored_vector(self._library, frame_vectors.keys(self._library), query)
        if cached is not None:
            return lambda: QueryVector(*cached)
        answers: SimpleQueue[QueryVector | EngineError] = SimpleQueue()
        keys = frame_vectors.keys(self._library)
        Thread(target=_encode, args=(self._settings, keys, query, answers), daemon=True).start()
        return lambda: self._wait(query, answers)

    def remember(self) -> None:
        """Store the computed vector for the next search with the same query. Best effort; call last."""
        if self._computed is not None:
            query, vector = self._computed
            with suppress(StoreError):
                searches.store_vector(self._library, vector.key, query, vector.values)

    def _wait(self, query: str, answers: "SimpleQueue[QueryVector | EngineError]") -> QueryVector:
        try:
            answer = answers.get(timeout=self._wait_s)
        except Empty:
            raise EngineUnreachable(
                f"CLIP took longer than {self._wait_s:g} s to load. Search again, or disable image search: "
                "vidlocal config search_pictures false"
            ) from None
        if isinstance(answer, EngineError):
            raise answer
        self._computed = query, answer
        return answer


def _encode(
    settings: Settings, keys: Collection[str], query: str, answers: "SimpleQueue[QueryVector | EngineError]"
) -> None:
    """Open, use and close the engine in one thread.

    On Linux the child process ends with the thread that started it.
    """
    from vidlocal.app.engines.clip import open_query_clip

    with ExitStack() as stack:
        try:
            engine = open_query_clip(stack, settings, keys)
            if isinstance(engine, str):
                raise ModelMissing(engine)
            vector = engine.embed_text(query)
            answers.put(QueryVector(engine.key, tuple(vector.tolist())))
        except VidlocalError as error:
            answers.put(error if isinstance(error, EngineError) else EngineError(str(error)))
