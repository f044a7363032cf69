"""Child process with the models for faces: crashes of C code do not end the parent.

Requests: `load` once, then `find` with the bytes of an image as payload. The reply has box and quality of each face;
its payload are the vectors of those that have one, float32, of unit length.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from vidlocal import process
from vidlocal.engines.arrays import Vectors
from vidlocal.errors import AnswerRejected

Pixels = NDArray[np.uint8]  # H x W x 3, BGR
Points = NDArray[np.float32]  # n x 2, x and y in pixels

# Overlapping boxes are one face from this intersection over union on: the default of YuNet.
_MAX_OVERLAP = 0.3
_MIN_SCORE = 0.7
_MAX_FACES = 5000
# Faces of a score in between are looked at again in an image scaled up to this long side: small faces are surer there.
_MIN_CANDIDATE = 0.4
_LONG_SIDE_PX = 1280
# Position of the score in a row of the detector.
_SCORE = 14

# Faces of this shorter side in pixels on have a vector; from the second on the size is no flaw.
_MIN_SIZE_PX, _GOOD_SIZE_PX = 32.0, 100.0
# Distance of the nose from the axis between the eyes and the mouth, by the distance of the eyes: 0 from the front,
# 0.5 and more in half profile.
_MAX_TURN = 0.6
# Variance of the Laplacian of the aligned face of 112 px: 0 for a plain area, above 100 for a sharp picture.
_MIN_SHARPNESS, _GOOD_SHARPNESS = 8.0, 60.0
_ALIGNED_PX = 112


@dataclass(frozen=True, slots=True)
class _DetectedFace:
    """A face: box in pixels (x, y, width, height), eyes and nose, and a function for its vector."""

    box: tuple[float, float, float, float]
    eyes: Points
    nose: Points
    aligned: Pixels
    source: Any


class _Backend(Protocol):
    def find(self, image: Pixels) -> Iterator[_DetectedFace]:
        """Yield the faces in an image."""
        ...

    def vector(self, face: _DetectedFace) -> Vectors:
        """Return the vector of a face, of any length."""
        ...


class _OpenCv:
    """YuNet and SFace with decoding and alignment by OpenCV."""

    def __init__(self, detector: str, recognizer: str) -> None:
        self._detector: Any = cv2.FaceDetectorYN.create(
            detector, "", (320, 320), _MIN_CANDIDATE, _MAX_OVERLAP, _MAX_FACES
        )
        self._recognizer: Any = cv2.FaceRecognizerSF.create(recognizer, "")

    def find(self, image: Pixels) -> Iterator[_DetectedFace]:
        scale = 1.0
        rows = self._detect(image)
        if (rows[:, _SCORE] < _MIN_SCORE).any() and max(image.shape[:2]) < _LONG_SIDE_PX:
            scale = _LONG_SIDE_PX / max(image.shape[:2])
            size = round(image.shape[1] * scale), round(image.shape[0] * scale)
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
            rows = self._detect(image)
        for row in rows[rows[:, _SCORE] >= _MIN_SCORE]:
            points = row[4:_SCORE].reshape(5, 2)
            x, y, width, height = (float(value) / scale for value in row[:4])
            yield _DetectedFace(
                (x, y, width, height), points[:2], points[2], self._recognizer.alignCrop(image, row), None
            )

    def _detect(self, image: Pixels) -> Vectors:
        """Return a row for each face.

        Box, then x and y of right eye, left eye, nose, right and left corner of the mouth, then the score.
        """
        self._detector.setInputSize((image.shape[1], image.shape[0]))
        _, rows = self._detector.detect(image)
        return np.zeros((0, _SCORE + 1), dtype=np.float32) if rows is None else np.asarray(rows, dtype=np.float32)

    def vector(self, face: _DetectedFace) -> Vectors:
        return np.array(self._recognizer.feature(face.aligned), dtype=np.float32).ravel()


class _Dlib:
    """Histogram of oriented gradients for faces from the front, five landmarks, and a residual network."""

    # Doubling the image finds faces of 40 px and more instead of 80.
    _DOUBLINGS = 1

    def __init__(self, landmarks: str, recognizer: str) -> None:
        import dlib

        self._detector: Any = dlib.get_frontal_face_detector()
        self._landmarks: Any = dlib.shape_predictor(landmarks)
        self._recognizer: Any = dlib.face_recognition_model_v1(recognizer)
        self._chip: Any = dlib.get_face_chip

    def find(self, image: Pixels) -> Iterator[_DetectedFace]:
        rgb = np.ascontiguousarray(image[:, :, ::-1])
        boxes, _, _ = self._detector.run(rgb, self._DOUBLINGS, 0.0)
        for box in boxes:
            shape = self._landmarks(rgb, box)
            # The corners of one eye, those of the other, and the nose.
            points = np.array([(part.x, part.y) for part in shape.parts()], dtype=np.float32)
            eyes = np.stack([points[:2].mean(axis=0), points[2:4].mean(axis=0)])
            aligned = self._chip(rgb, shape, size=_ALIGNED_PX)[:, :, ::-1]
            place = (float(box.left()), float(box.top()), float(box.width()), float(box.height()))
            yield _DetectedFace(place, eyes, points[4], aligned, (rgb, shape))

    def vector(self, face: _DetectedFace) -> Vectors:
        return np.array(self._recognizer.compute_face_descriptor(*face.source), dtype=np.float32)


_loaded: list[_Backend] = []


def _load(name: str, files: Sequence[str], threads: int) -> None:
    cv2.setNumThreads(threads)
    _loaded[:] = [_OpenCv(*files) if name == "sface" else _Dlib(*files)]


def _find(data: bytes) -> tuple[list[list[float | bool]], list[Vectors]]:
    """Return box, size, quality and presence of a vector of each face, and the vectors."""
    image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise AnswerRejected("The image cannot be decoded.")
    height, width = image.shape[:2]
    faces: list[list[float | bool]] = []
    vectors: list[Vectors] = []
    for face in _loaded[0].find(np.asarray(image, dtype=np.uint8)):
        x, y, box_width, box_height = face.box
        left, top = max(0.0, x / width), max(0.0, y / height)
        right, bottom = min(1.0, (x + box_width) / width), min(1.0, (y + box_height) / height)
        if right <= left or bottom <= top:
            continue
        quality = _quality(face)
        vector = _unit(_loaded[0].vector(face)) if quality > 0 else None
        vectors += [] if vector is None else [vector]
        size = min(box_width, box_height)
        faces.append([left, top, right - left, bottom - top, size, quality, vector is not None])
    return faces, vectors


def _quality(face: _DetectedFace) -> float:
    """Return 0 for a small, blurred or averted face, up to 1 for a large, sharp, frontal face."""
    size = _ramp(min(face.box[2:]), _MIN_SIZE_PX, _GOOD_SIZE_PX)
    grey = cv2.cvtColor(np.ascontiguousarray(face.aligned), cv2.COLOR_BGR2GRAY)
    sharpness = _ramp(float(cv2.Laplacian(grey, cv2.CV_64F).var()), _MIN_SHARPNESS, _GOOD_SHARPNESS)
    between = face.eyes[1] - face.eyes[0]
    distance = float(np.linalg.norm(between))
    if not distance or not size or not sharpness:
        return 0.0
    turn = abs(float((face.nose - face.eyes.mean(axis=0)) @ between)) / distance**2
    pose = 1.0 - _ramp(turn, 0.0, _MAX_TURN)
    return float((size * sharpness) ** 0.5 * pose)


def _ramp(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _unit(vector: Vectors) -> "Vectors | None":
    length = float(np.linalg.norm(vector))
    return vector / length if np.isfinite(length) and length > 0 else None


def _handle(request: dict[str, object], payload: bytes) -> tuple[dict[str, object], bytes]:
    if request["do"] == "load":
        files = [str(file) for file in request["files"]]  # type: ignore[attr-defined]
        _load(str(request["name"]), files, int(str(request["threads"])))
        return {}, b""
    faces, vectors = _find(payload)
    return {"faces": faces}, b"".join(vector.astype("<f4").tobytes() for vector in vectors)


if __name__ == "__main__":
    process.refuse_network("Face recognition")
    process.serve(_handle)
