"""CLIP image and text embeddings by fastembed, in a child process: a crash does not harm the parent."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self, cast

import numpy as np

from vidlocal.engines.arrays import Vectors
from vidlocal.engines.base import ImageRejected
from vidlocal.engines.clip.clip_files import ClipModel
from vidlocal.engines.cpu import usable_cores
from vidlocal.errors import AnswerRejected, EngineError, VidlocalError
from vidlocal.process import Reply, Worker, WorkerCrashed, WorkerTimedOut

_CHILD = "vidlocal.engines.clip.clip_child"
_MAX_THREADS = 4

# 600 MB from a slow disk; an image takes a second on the slowest machines.
_LOAD_TIMEOUT_S = 300.0
_TIMEOUT_S = 60.0
_TIMEOUT_PER_IMAGE_S = 20.0


class ClipEncoder:
    """A ClipEngine. A context manager: the child process with the model ends on exit.

    The first call starts the child, which loads only the needed part: up to 740 MB for images, 410 MB for text. After a
    crash the next call starts a new child; a part that failed to load is not loaded again. Loading includes a test
    image: a crash there is the fault of the model (EngineError), a later one of the images (ImageRejected). Not
    thread-safe.
    """

    def __init__(self, model: ClipModel, *, threads: int | None = None) -> None:
        self._model = model
        self._threads = threads or min(_MAX_THREADS, usable_cores())
        self._worker = Worker(_CHILD, name="CLIP")
        self._loaded: set[str] = set()
        self._load_errors: dict[str, str] = {}

    @property
    def key(self) -> str:
        return self._model.key

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child. The next call starts a new child."""
        self._worker.close()
        self._loaded.clear()

    def embed_images(self, jpegs: Sequence[bytes]) -> Vectors:
        """Embed images (bytes of files): one unit row each, float32, n x 512.

        Raises AnswerRejected for the whole batch if an image is unreadable, ImageRejected if the model fails on one.
        """
        self._load("images")
        request: dict[str, object] = {"do": "images", "sizes": [len(jpeg) for jpeg in jpegs]}
        timeout = _TIMEOUT_S + _TIMEOUT_PER_IMAGE_S * len(jpegs)
        try:
            reply = self._call(request, b"".join(jpegs), timeout)
        except (WorkerCrashed, WorkerTimedOut) as error:
            failure = "timed out" if isinstance(error, WorkerTimedOut) else "failed"
            raise ImageRejected(f"CLIP {failure} on an image.") from error
        return _vectors(reply, len(jpegs))

    def embed_text(self, text: str) -> Vectors:
        """Embed a text, best in English, in the space of the images: a unit vector of 512 float32."""
        self._load("text")
        try:
            valid = text.encode("utf-8", "replace").decode()
            reply = self._call({"do": "text", "text": valid}, b"", _TIMEOUT_S)
        except (WorkerCrashed, WorkerTimedOut) as error:
            raise EngineError(f"CLIP failed on the text {text[:80]!r}.") from error
        return cast(Vectors, _vectors(reply, 1)[0])

    def _load(self, part: str) -> None:
        """Load a part, once. Raises EngineError, for all later calls too."""
        if part in self._loaded:
            return
        if part in self._load_errors:
            raise EngineError(self._load_errors[part])
        request: dict[str, object] = {
            "do": "load",
            "part": part,
            "folder": str(self._model.folder),
            "threads": self._threads,
        }
        try:
            self._call(request, b"", _LOAD_TIMEOUT_S)
        except (WorkerCrashed, WorkerTimedOut, AnswerRejected) as error:
            self._load_errors[part] = _load_error(error, self._model)
            raise EngineError(self._load_errors[part]) from error
        self._loaded.add(part)

    def _call(self, request: dict[str, object], payload: bytes, timeout: float) -> Reply:
        try:
            return self._worker.call(request, payload=payload, timeout=timeout)
        except (WorkerCrashed, WorkerTimedOut):
            self.close()
            raise
        except VidlocalError:
            raise
        except BaseException:  # Ctrl-C: the worker has already ended the child
            self.close()
            raise


def _load_error(error: VidlocalError, model: ClipModel) -> str:
    """Return a message for a load failure of undamaged files."""
    if "ImportError" in str(error) or "ModuleNotFoundError" in str(error):
        return f'{error}. Run: pip install --force-reinstall "vidlocal[pictures]"'
    return (
        "CLIP: the model cannot be loaded. It needs 0.7 GB of free memory. If there is enough, delete "
        f"{model.folder / 'clip-*'} and run: vidlocal setup --pictures"
    )


def _vectors(reply: Reply, rows: int) -> Vectors:
    return np.frombuffer(reply.payload, dtype="<f4").astype(np.float32).reshape(rows, -1)
