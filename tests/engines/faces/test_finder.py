"""Faces found by OpenCV with small made models of the same inputs and outputs as YuNet and SFace, and by dlib."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.face_squares import ANNA, HEIGHT, LEFT, NEARLY_ANNA, RIGHT, TOM, WIDTH, jpeg, place
from vidlocal.engines.base import Face
from vidlocal.engines.faces.face_files import DETECTOR, DLIB, PUBLISHED, RECOGNIZER, SFACE, face_models, scale_of
from vidlocal.engines.faces.finder import FaceFinder
from vidlocal.errors import AnswerRejected, EngineError, ModelMissing

HAS_DLIB = find_spec("dlib") is not None and find_spec("face_recognition_models") is not None


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaceFinder]:
    with FaceFinder(face_models(place(tmp_path_factory.mktemp("models")))) as engine:
        yield engine


def cosine(first: Face, second: Face) -> float:
    assert first.vector is not None
    assert second.vector is not None
    return float(first.vector @ second.vector)


def test_faces_have_boxes_and_vectors(finder: FaceFinder) -> None:
    faces = sorted(finder.find_faces(jpeg([(ANNA, *LEFT), (TOM, *RIGHT)])), key=lambda face: face.x)
    assert [(face.x * WIDTH, face.y * HEIGHT) for face in faces] == [
        pytest.approx(LEFT, abs=17),
        pytest.approx(RIGHT, abs=17),
    ]
    assert [(face.size_px, face.quality) for face in faces] == [(128, pytest.approx(1)), (128, pytest.approx(1))]
    assert cosine(*faces) < scale_of(finder.key).min_alike
    (again,) = finder.find_faces(jpeg([(ANNA, 200, 150)]))
    assert cosine(again, faces[0]) > 0.95
    (nearly,) = finder.find_faces(jpeg([(NEARLY_ANNA, *LEFT)]))
    assert scale_of(finder.key).min_alike < cosine(nearly, faces[0]) < scale_of(finder.key).min_same


def test_an_image_without_faces_has_none(finder: FaceFinder) -> None:
    assert finder.find_faces(jpeg([])) == ()


def test_a_blurred_face_has_no_vector(finder: FaceFinder) -> None:
    (face,) = finder.find_faces(jpeg([(ANNA, *LEFT)], blur_px=6))
    assert (face.quality, face.vector) == (0, None)


def test_an_unreadable_image_is_rejected_and_the_next_is_read(finder: FaceFinder) -> None:
    with pytest.raises(AnswerRejected, match="cannot be decoded"):
        finder.find_faces(b"\xff\xd8 no image")
    assert len(finder.find_faces(jpeg([(ANNA, *LEFT)]))) == 1


@pytest.mark.parametrize("damaged", [DETECTOR, RECOGNIZER])
def test_damaged_models_are_an_error_with_the_remedy(tmp_path: Path, damaged: str) -> None:
    (place(tmp_path) / damaged).write_bytes(b"<html>not found</html>")
    with FaceFinder(face_models(tmp_path)) as engine:
        with pytest.raises(EngineError, match=r"cannot be loaded.*vidlocal setup --people"):
            engine.find_faces(jpeg([]))
        place(tmp_path)
        assert engine.find_faces(jpeg([])) == ()


@pytest.mark.skipif(HAS_DLIB, reason="the models of dlib are installed")
def test_missing_models_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="Run: vidlocal setup --people"):
        face_models(tmp_path)


def test_other_models_have_another_key(tmp_path: Path) -> None:
    before = face_models(place(tmp_path))
    (tmp_path / RECOGNIZER).write_bytes((tmp_path / RECOGNIZER).read_bytes() + b"\0")
    assert (before.name, face_models(tmp_path).key != before.key) == (SFACE, True)


def test_published_models_have_checksums_and_licences() -> None:
    assert {model.licence for model in PUBLISHED.values()} == {"MIT", "Apache-2.0"}
    assert all(len(model.sha256) == 64 and "/resolve/main/" not in model.url for model in PUBLISHED.values())


@pytest.mark.skipif(not HAS_DLIB, reason='needs pip install "vidlocal[people]"')
def test_dlib_is_used_without_other_models(tmp_path: Path) -> None:
    models = face_models(tmp_path)
    assert models.name == DLIB
    with FaceFinder(models) as engine:
        assert engine.find_faces(jpeg([])) == ()
        assert engine.scale.min_alike < engine.scale.min_same
