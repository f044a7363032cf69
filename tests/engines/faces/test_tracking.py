"""Faces followed through shots."""

import numpy as np

from vidlocal.engines.base import Face, FaceScale
from vidlocal.engines.faces.tracking import FaceTrack, FrameFaces, follow

SCALE = FaceScale(min_same=0.6, min_alike=0.5)

A, B = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
LIKE_A = (0.45, 0.893, 0.0)  # a cosine of 0.45


def face(x: float, vector: tuple[float, ...] | None, *, quality: float = 1.0) -> Face:
    return Face(x, 0.2, 0.2, 0.3, 90, quality, None if vector is None else np.array(vector, dtype=np.float32))


def film(*frames: tuple[Face, ...], shots: str = "") -> list[FrameFaces]:
    return [
        FrameFaces(number, 2.0 * number, 2.0 * number + 2, int((shots or "0" * len(frames))[number]), faces)
        for number, faces in enumerate(frames)
    ]


def spans(tracks: list[FaceTrack]) -> list[tuple[float, float, list[int]]]:
    return [(track.start, track.end, [frame_id for frame_id, _ in track.faces]) for track in tracks]


def test_a_face_is_followed_by_its_vector_wherever_it_goes() -> None:
    tracks = follow(film((face(0.1, A),), (face(0.7, A), face(0.1, B)), (), (face(0.4, A),)), SCALE)
    assert spans(tracks) == [(0.0, 8.0, [0, 1, 3]), (2.0, 4.0, [1])]


def test_a_shot_ends_all_tracks() -> None:
    tracks = follow(film((face(0.1, A),), (face(0.1, A),), shots="01"), SCALE)
    assert spans(tracks) == [(0.0, 2.0, [0]), (2.0, 4.0, [1])]


def test_a_face_that_stays_in_its_place_may_look_a_little_different() -> None:
    assert len(follow(film((face(0.1, A),), (face(0.12, LIKE_A),)), SCALE)) == 1
    assert len(follow(film((face(0.1, A),), (face(0.7, LIKE_A),)), SCALE)) == 2


def test_a_face_turned_away_counts_for_the_time_and_not_for_the_vector() -> None:
    (track,) = follow(film((face(0.1, A),), (face(0.12, None, quality=0.0),), (face(0.6, None, quality=0.0),)), SCALE)
    assert spans([track]) == [(0.0, 4.0, [0, 1])]
    assert track.vector is not None
    assert track.vector.tolist() == [1, 0, 0]
    assert track.quality == 1


def test_two_faces_of_a_frame_are_two_tracks() -> None:
    tracks = follow(film((face(0.1, A), face(0.6, A)), (face(0.1, A), face(0.6, A))), SCALE)
    assert [frames for *_, frames in spans(tracks)] == [[0, 1], [0, 1]]


def test_sharp_faces_count_more() -> None:
    (track,) = follow(film((face(0.1, A, quality=0.9),), (face(0.1, LIKE_A, quality=0.1),)), SCALE)
    assert track.vector is not None
    assert float(track.vector @ np.array(A)) > 0.98
