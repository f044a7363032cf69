"""Pictures and words in one space, by CLIP through fastembed, in a child process that may crash without harm."""

import os
from collections.abc import Sequence
from types import TracebackType
from typing import Self, cast

import numpy as np

from vidlocal.engines.base import ImageRejected, Vectors
from vidlocal.engines.clip_files import ClipModel
from vidlocal.errors import AnswerRejected, EngineError, VidlocalError
from vidlocal.process import Reply, Worker, WorkerCrashed, WorkerTimedOut

_CHILD = "vidlocal.engines.clip_child"
_MOST_THREADS = 4

# 600 MB from a slow disk, and a picture takes a second on the slowest machines.
_LOAD_TIMEOUT_S = 300.0
_TIMEOUT_S = 60.0
_TIMEOUT_PER_PICTURE_S = 20.0


class ClipEncoder:
    """The PictureEngine. A context manager: leaving it ends the child that holds the model.

    The child starts with the first call, and loads what that call needs: up to 740 MB for pictures, 410 MB for words.
    After a crash the next call starts another one; what cannot be loaded is not tried twice. The model proves itself
    on a plain picture when it is loaded: a crash then is its own fault (EngineError), a later one that of the pictures
    (PictureRefused). Not for two threads.
    """

    def __init__(self, model: ClipModel, *, threads: int | None = None) -> None:
        self._model = model
        self._threads = threads or min(_MOST_THREADS, _cores())
        self._worker = Worker(_CHILD, name="The model that looks at pictures")
        self._loaded: set[str] = set()
        self._useless: dict[str, str] = {}

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
        """End the child. The next call starts another one."""
        self._worker.close()
        self._loaded.clear()

    def embed_images(self, jpegs: Sequence[bytes]) -> Vectors:
        """One unit row per picture (a file's bytes), float32, n x 512.

        AnswerRejected for all of them when one cannot be read, PictureRefused when the model failed on one.
        """
        self._load("pictures")
        request: dict[str, object] = {"do": "pictures", "sizes": [len(jpeg) for jpeg in jpegs]}
        patience = _TIMEOUT_S + _TIMEOUT_PER_PICTURE_S * len(jpegs)
        try:
            reply = self._call(request, b"".join(jpegs), patience)
        except (WorkerCrashed, WorkerTimedOut) as error:
            ended = "gave no answer" if isinstance(error, WorkerTimedOut) else "failed"
            raise ImageRejected(f"The model that looks at pictures {ended} on a picture.") from error
        return _vectors(reply, len(jpegs))

    def embed_text(self, text: str) -> Vectors:
        """The unit vector of a text in the space of the pictures: float32, 512 numbers. Made for English."""
        self._load("text")
        try:
            said = text.encode("utf-8", "replace").decode()
            reply = self._call({"do": "text", "text": said}, b"", _TIMEOUT_S)
        except (WorkerCrashed, WorkerTimedOut) as error:
            raise EngineError(f"The model that looks at pictures failed on the words {text[:80]!r}.") from error
        return cast(Vectors, _vectors(reply, 1)[0])

    def _load(self, part: str) -> None:
        if part in self._loaded:
            return
        request: dict[str, object] = {
            "do": "load",
            "part": part,
            "folder": str(self._model.folder),
            "threads": self._threads,
        }
        if part in self._useless:
            raise EngineError(self._useless[part])
        try:
            self._call(request, b"", _LOAD_TIMEOUT_S)
        except (WorkerCrashed, WorkerTimedOut, AnswerRejected) as error:
            self._useless[part] = _why_not(error, self._model)
            raise EngineError(self._useless[part]) from error
        self._loaded.add(part)

    def _call(self, request: dict[str, object], payload: bytes, timeout: float) -> Reply:
        try:
            return self._worker.call(request, payload=payload, timeout=timeout)
        except (WorkerCrashed, WorkerTimedOut):
            self.close()
            raise
        except VidlocalError:
            raise
        except BaseException:  # Ctrl-C, after which the worker has ended its child
            self.close()
            raise


def _why_not(error: VidlocalError, model: ClipModel) -> str:
    """Why a model whose files are whole cannot be loaded, as far as can be told."""
    if "ImportError" in str(error) or "ModuleNotFoundError" in str(error):
        return f'{error}. Install it again: pip install --force-reinstall "vidlocal[pictures]"'
    return (
        "The model that looks at pictures cannot be loaded. It needs 0.7 GB of memory; if there is as much, delete "
        f"{model.folder / 'clip-*'} and run: vidlocal setup --pictures"
    )


def _vectors(reply: Reply, rows: int) -> Vectors:
    return np.frombuffer(reply.payload, dtype="<f4").astype(np.float32).reshape(rows, -1)


def _cores() -> int:
    """The processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
