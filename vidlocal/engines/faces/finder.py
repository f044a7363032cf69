"""Faces by YuNet and SFace, or by dlib, in a child process: a crash or hang does not harm the parent."""

from typing import cast

import numpy as np

from vidlocal.engines.base import Face
from vidlocal.engines.cpu import physical_cores
from vidlocal.engines.faces.face_files import SFACE, FaceModels
from vidlocal.engines.model_child import ModelChild
from vidlocal.process import Reply

_CHILD = "vidlocal.engines.faces.face_child"

# An image takes a tenth of a second, with many faces in it a few seconds.
_TIMEOUT_S = 120.0


class FaceFinder(ModelChild):
    """A FaceEngine."""

    def __init__(self, models: FaceModels, *, threads: int | None = None) -> None:
        remedy = (
            f"Delete {models.files[0].parent / 'face-*'} and run: vidlocal setup --people"
            if models.name == SFACE
            else 'Run: pip install --force-reinstall "vidlocal[people]"'
        )
        super().__init__(
            _CHILD,
            name="Face recognition",
            subject="an image",
            load={
                "name": models.name,
                "files": [str(file) for file in models.files],
                "threads": threads or physical_cores(),
            },
            load_error=f"The models for faces cannot be loaded. {remedy}",
        )
        self.key = models.key
        self.scale = models.scale

    def find_faces(self, jpeg: bytes) -> tuple[Face, ...]:
        """Return the faces in an image, largest first. Raises EngineError, and AnswerRejected for this image."""
        return _faces(self._call({"do": "find"}, jpeg, _TIMEOUT_S))


def _faces(reply: Reply) -> tuple[Face, ...]:
    """Read the faces of a reply: boxes, quality, and vectors if present."""
    boxes = cast("list[tuple[float, float, float, float, float, float, bool]]", reply.values["faces"])
    count = sum(has_vector for *_, has_vector in boxes)
    vectors = iter(np.frombuffer(reply.payload, dtype="<f4").astype(np.float32).reshape(count, -1) if count else ())
    faces = [
        Face(x, y, width, height, size, quality, next(vectors) if has_vector else None)
        for x, y, width, height, size, quality, has_vector in boxes
    ]
    return tuple(sorted(faces, key=lambda face: -face.width * face.height))
