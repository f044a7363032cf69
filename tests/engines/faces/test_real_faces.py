"""Groups of real faces: a folder of pictures for each person, named by VIDLOCAL_TEST_FACES.

The models are those in its folder `models`, else those of dlib (`pip install "vidlocal[people]"`).
"""

from pathlib import Path

from benchmarks.people import faces_of_pictures, pair_scores
from vidlocal.engines.faces.face_files import face_models
from vidlocal.engines.faces.finder import FaceFinder
from vidlocal.engines.faces.grouping import group

MIN_PRECISION, MIN_RECALL = 0.98, 0.8


def test_groups_of_real_faces_are_right(real_faces: Path) -> None:
    with FaceFinder(face_models(real_faces / "models")) as finder:
        vectors, owners, _ = faces_of_pictures(real_faces, finder)
    labels = group(vectors, [1] * len(vectors), min_cosine=finder.scale.min_same)
    precision, recall = pair_scores(labels, owners)
    assert precision >= MIN_PRECISION
    assert recall >= MIN_RECALL
