"""What the words of a query look like to the model of pictures, asked while the rest of a search goes on.

Loading the model takes 1.3 s of processor time, several times what a search takes. So it is asked in a thread, is
waited for no longer than WAIT_S, and what it said of a query is kept in the library. Nothing heavy is imported before.
"""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from queue import Empty, SimpleQueue
from threading import Thread

from vidlocal.engines.query_vector import QueryVector
from vidlocal.errors import EngineError, EngineUnreachable, ModelMissing, StoreError, VidlocalError
from vidlocal.settings import Settings
from vidlocal.store.content import frame_vectors
from vidlocal.store.database import Library
from vidlocal.store.history import searches

WAIT_S = 4.0


class PictureWords:
    """A `vidlocal.search.PictureVector` that remembers. `wait_s` bounds how long an answer is waited for."""

    def __init__(self, library: Library, chosen: Settings, *, wait_s: float = WAIT_S) -> None:
        self._library = library
        self._chosen = chosen
        self._wait_s = wait_s
        self._learnt: tuple[str, QueryVector] | None = None

    def __call__(self, query: str) -> Callable[[], QueryVector]:
        """Begin to find out what a query looks like. What is returned waits for it, or raises EngineError."""
        known = searches.remembered_vector(self._library, frame_vectors.keys(self._library), query)
        if known is not None:
            return lambda: QueryVector(*known)
        answers: SimpleQueue[QueryVector | EngineError] = SimpleQueue()
        Thread(target=_ask, args=(self._chosen, query, answers), daemon=True).start()
        return lambda: self._wait(query, answers)

    def remember(self) -> None:
        """Keep what was learnt, for the next search for the same. Best effort: the last thing a search does."""
        if self._learnt is not None:
            query, vector = self._learnt
            with suppress(StoreError):
                searches.remember_vector(self._library, vector.key, query, vector.values)

    def _wait(self, query: str, answers: "SimpleQueue[QueryVector | EngineError]") -> QueryVector:
        try:
            answer = answers.get(timeout=self._wait_s)
        except Empty:
            raise EngineUnreachable(
                f"Their model took longer than {self._wait_s:g} s to load. Search again, or leave pictures out with: "
                "vidlocal config search_pictures false"
            ) from None
        if isinstance(answer, EngineError):
            raise answer
        self._learnt = query, answer
        return answer


def _ask(chosen: Settings, query: str, answers: "SimpleQueue[QueryVector | EngineError]") -> None:
    """The whole life of the engine: on Linux its child ends with the thread that started it."""
    from vidlocal.app.clip_engine import open_pictures

    with ExitStack() as stack:
        try:
            engine = open_pictures(stack, chosen)
            if isinstance(engine, str):
                raise ModelMissing(engine)
            vector = engine.embed_text(query)
            answers.put(QueryVector(engine.key, tuple(vector.tolist())))
        except VidlocalError as error:
            answers.put(error if isinstance(error, EngineError) else EngineError(str(error)))
