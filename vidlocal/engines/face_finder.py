"""Faces by YuNet and SFace, or by dlib, in a child process: a crash or hang does not harm the parent."""

from types import TracebackType
from typing import Self, cast

import numpy as np

from vidlocal.engines.base import Face, FaceScale
from vidlocal.engines.cpu import physical_cores
from vidlocal.engines.face_files import SFACE, FaceModels
from vidlocal.errors import AnswerRejected, EngineError
from vidlocal.process import Reply, Worker, WorkerCrashed, WorkerTimedOut

_CHILD = "vidlocal.engines.face_child"

_LOAD_TIMEOUT_S = 300.0
# An image takes a tenth of a second, with many faces in it a few seconds.
_TIMEOUT_S = 120.0


class FaceFinder:
    """A FaceEngine. A context manager: the child process with the models ends on exit.

    The child starts with the first call; after a crash the next call starts a new one. A crash is the fault of the
    image (AnswerRejected) if the models were loaded, else of the models (EngineError). Not thread-safe.
    """

    def __init__(self, models: FaceModels, *, threads: int | None = None) -> None:
        self._models = models
        self._threads = threads or physical_cores()
        self._worker = Worker(_CHILD, name="Face recognition")
        self._is_loaded = False

    @property
    def key(self) -> str:
        return self._models.key

    @property
    def scale(self) -> FaceScale:
        return self._models.scale

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.close()
        self._is_loaded = False

    def find_faces(self, jpeg: bytes) -> tuple[Face, ...]:
        """Return the faces in an image, largest first. Raises EngineError, and AnswerRejected for this image."""
        self._load()
        try:
            reply = self._worker.call({"do": "find"}, payload=jpeg, timeout=_TIMEOUT_S)
        except (WorkerCrashed, WorkerTimedOut) as error:
            self._is_loaded = False
            failure = "crashed" if isinstance(error, WorkerCrashed) else f"timed out after {_TIMEOUT_S:.0f} s"
            raise AnswerRejected(f"Face recognition {failure} on an image of this video.") from error
        return _faces(reply)

    def _load(self) -> None:
        if self._is_loaded:
            return
        request: dict[str, object] = {
            "do": "load",
            "name": self._models.name,
            "files": [str(file) for file in self._models.files],
            "threads": self._threads,
        }
        try:
            self._worker.call(request, timeout=_LOAD_TIMEOUT_S)
        except (WorkerCrashed, WorkerTimedOut) as error:
            remedy = (
                f"Delete {self._models.files[0].parent / 'face-*'} and run: vidlocal setup --people"
                if self._models.name == SFACE
                else 'Run: pip install --force-reinstall "vidlocal[people]"'
            )
            raise EngineError(f"The models for faces cannot be loaded. {remedy}") from error
        self._is_loaded = True


def _faces(reply: Reply) -> tuple[Face, ...]:
    """Read the faces of a reply: boxes and quality, and the vectors of those that have one."""
    boxes = cast("list[tuple[float, float, float, float, float, float, bool]]", reply.values["faces"])
    count = sum(has_vector for *_, has_vector in boxes)
    vectors = iter(np.frombuffer(reply.payload, dtype="<f4").astype(np.float32).reshape(count, -1) if count else ())
    faces = [
        Face(x, y, width, height, size, quality, next(vectors) if has_vector else None)
        for x, y, width, height, size, quality, has_vector in boxes
    ]
    return tuple(sorted(faces, key=lambda face: -face.width * face.height))
