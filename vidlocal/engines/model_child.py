"""Models of a kind in a child process, safe from its crashes and hangs."""

from types import TracebackType
from typing import Self

from vidlocal.errors import AnswerRejected, EngineError
from vidlocal.process import Reply, Worker, WorkerCrashed, WorkerTimedOut

LOAD_TIMEOUT_S = 300.0


class ModelChild:
    """A child process with models, `child` a module name. A context manager: the child ends on exit.

    The child starts with the first call; after a crash the next call starts a new one. A crash is the fault of the
    `subject`, such as an image (AnswerRejected), if the models were loaded, else of the models (EngineError). Not
    thread-safe.
    """

    def __init__(self, child: str, *, name: str, subject: str, load: dict[str, object], load_error: str) -> None:
        self._name = name
        self._subject = subject
        self._load_request = load
        self._load_error = load_error
        self._worker = Worker(child, name=name)
        self._is_loaded = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.close()
        self._is_loaded = False

    def _call(self, request: dict[str, object], payload: bytes, timeout: float) -> Reply:
        """Load the models if necessary, and send a request. `timeout`: in seconds, without loading."""
        self._load()
        try:
            return self._worker.call(request, payload=payload, timeout=timeout)
        except (WorkerCrashed, WorkerTimedOut) as error:
            self._is_loaded = False
            failure = "crashed" if isinstance(error, WorkerCrashed) else f"timed out after {timeout:.0f} s"
            raise AnswerRejected(f"{self._name} {failure} on {self._subject} of this video.") from error

    def _load(self) -> None:
        if self._is_loaded:
            return
        try:
            self._worker.call({"do": "load", **self._load_request}, timeout=LOAD_TIMEOUT_S)
        except (WorkerCrashed, WorkerTimedOut) as error:
            raise EngineError(self._load_error) from error
        self._is_loaded = True
