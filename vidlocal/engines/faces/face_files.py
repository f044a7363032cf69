"""The models for faces: YuNet and SFace in the models folder, or the dlib models of the package index.

A detector finds faces and the points of eyes, nose and mouth. A recognizer turns a face into a vector, by which the
person is known again.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vidlocal.engines.base import FaceScale
from vidlocal.engines.model_files import checksum_cache
from vidlocal.engines.model_files.published import PublishedModel
from vidlocal.errors import ModelMissing
from vidlocal.text import model_key

SFACE, DLIB = "sface", "dlib"
DETECTOR = "face-detector.onnx"
RECOGNIZER = "face-recognizer.onnx"

NOT_INSTALLED = "The models for faces are not installed. Run: vidlocal setup --people"

# Checksums: the Git LFS pointers of opencv_zoo, folders face_detection_yunet and face_recognition_sface.
PUBLISHED: Mapping[str, PublishedModel] = {
    DETECTOR: PublishedModel(
        "YuNet 2023mar",
        "MIT",
        "https://huggingface.co/opencv/face_detection_yunet/resolve/"
        "3cc26e7f1014a5ee5d74a42acee58bafc9d0a310/face_detection_yunet_2023mar.onnx",
        "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        232_589,
    ),
    RECOGNIZER: PublishedModel(
        "SFace 2021dec",
        "Apache-2.0",
        "https://huggingface.co/opencv/face_recognition_sface/resolve/"
        "3d7082438a6e4551e840c9b2bb60b71e8da4b524/face_recognition_sface_2021dec.onnx",
        "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
        38_696_353,
    ),
}

# SFace: of two pictures, 0.363 is the threshold for the same person in its publication (LFW, 99.4 %).
# dlib: its threshold of two pictures is a distance of 0.6, a cosine of 0.92.
SCALES: Mapping[str, FaceScale] = {
    SFACE: FaceScale(min_same=0.45, min_alike=0.363),
    DLIB: FaceScale(min_same=0.93, min_alike=0.915),
}

_DLIB_PACKAGES = ("dlib", "face_recognition_models")
_DLIB_FILES = ("shape_predictor_5_face_landmarks.dat", "dlib_face_recognition_resnet_model_v1.dat")


@dataclass(frozen=True, slots=True)
class FaceModels:
    """The installed models. Vectors of models with different keys are not comparable.

    `files`: detector and recognizer of `sface`, landmarks and recognizer of `dlib`.
    """

    name: str
    files: tuple[Path, ...]
    key: str

    @property
    def scale(self) -> FaceScale:
        """The meaning of cosines of these models."""
        return scale_of(self.key)


def scale_of(key: str) -> FaceScale:
    """Return the meaning of cosines of the models with this key."""
    return SCALES[key.partition("@")[0]]


def face_models(folder: Path) -> FaceModels:
    """Find the models: YuNet and SFace in the models folder, else dlib.

    Raises ModelMissing if neither are installed.
    """
    files = tuple((folder / name).absolute() for name in PUBLISHED)
    if all(file.is_file() for file in files):
        checksums = "".join(checksum_cache.cached_checksums(file, folder)["sha256"] for file in files)
        return FaceModels(SFACE, files, model_key(SFACE, hashlib.sha256(checksums.encode()).hexdigest()))
    packaged = _dlib_models()
    if packaged is None:
        raise ModelMissing(NOT_INSTALLED)
    return packaged


def _dlib_models() -> FaceModels | None:
    """Find the dlib models of the package index, identified by the version of their package."""
    try:
        specs = [find_spec(name) for name in _DLIB_PACKAGES]
    except (ImportError, ValueError):  # the import is blocked
        return None
    origin = specs[1].origin if specs[0] is not None and specs[1] is not None else None
    if origin is None:
        return None
    files = tuple(Path(origin).parent / "models" / name for name in _DLIB_FILES)
    if not all(file.is_file() for file in files):
        return None
    sizes = " ".join(f"{file.name} {file.stat().st_size}" for file in files)
    return FaceModels(DLIB, files, model_key(DLIB, hashlib.sha256(sizes.encode()).hexdigest()))
