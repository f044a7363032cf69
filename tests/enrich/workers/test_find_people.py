"""People of whole videos: real images, real OpenCV with made models, a real library."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support import clips
from tests.support.face_squares import (
    ADA,
    ANNA,
    EVE,
    LEFT,
    NEARLY_ANNA,
    RIGHT,
    TOM,
    Placed,
    add_film,
    find,
    picture,
    place,
)
from vidlocal.app import people as proposals
from vidlocal.engines.base import Face, FaceScale
from vidlocal.engines.faces.face_files import face_models
from vidlocal.engines.faces.finder import FaceFinder
from vidlocal.enrich.workers.find_people import decode_larger
from vidlocal.errors import AnswerRejected
from vidlocal.media.decoded_frame import DecodedFrame
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.probe.prober import Prober
from vidlocal.records import JobKind, JobState
from vidlocal.store.content import face_tracks, people, videos
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

A, T, E = (ANNA, *LEFT), (TOM, *RIGHT), (EVE, *LEFT)
COUPLE: list[list[Placed]] = [[A], [A, T], [T]]


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaceFinder]:
    with FaceFinder(face_models(place(tmp_path_factory.mktemp("models")))) as engine:
        yield engine


def spans(library: Library, video_id: int) -> list[tuple[int | None, float, float]]:
    return [(face.person_id, face.start, face.end) for face in people.at(library, video_id, 0, 1e9)]


def test_people_are_found_with_the_time_on_screen(library: Library, finder: FaceFinder) -> None:
    video_id = add_film(library, "a", COUPLE)
    assert find(library, finder, video_id) == 2
    assert spans(library, video_id) == [(1, 0, 4), (2, 2, 6)]
    listed = people.every(library)
    assert [(person.id, person.name, person.videos, person.tracks, person.seconds) for person in listed] == [
        (1, "Person 1", 1, 1, 4),
        (2, "Person 2", 1, 1, 4),
    ]
    best = listed[0].best
    assert best is not None
    assert (best.x, best.y) == (pytest.approx(0.05, abs=0.02), pytest.approx(0.13, abs=0.03))
    assert jobs.counts(library)[JobKind.PEOPLE, JobState.DONE] == 1


def test_a_face_is_the_same_person_in_all_videos(library: Library, finder: FaceFinder) -> None:
    find(library, finder, add_film(library, "a", COUPLE))
    people.rename(library, 1, "Anna")
    second = add_film(library, "b", [[T], [E], [(ANNA, 200, 150)]])
    find(library, finder, second)
    assert spans(library, second) == [(2, 0, 2), (3, 2, 4), (1, 4, 6)]
    assert people.videos_of(library, 1) == [1, 2]


def test_people_are_never_merged_by_themselves(library: Library, finder: FaceFinder) -> None:
    find(library, finder, add_film(library, "a", [[A]]))
    find(library, finder, add_film(library, "b", [[(NEARLY_ANNA, *LEFT)]]))
    assert len(people.every(library)) == 2
    assert [pair[:2] for pair in proposals.alike(library, limit=3)] == [(1, 2)]
    before = spans(library, 1), spans(library, 2)
    assert proposals.regroup(library) == 2
    assert [person.id for person in people.every(library)] == [1, 2]
    assert people.undo(library)
    assert (spans(library, 1), spans(library, 2)) == before


def test_names_survive_another_run(library: Library, finder: FaceFinder) -> None:
    video_id = add_film(library, "a", COUPLE)
    find(library, finder, video_id)
    people.rename(library, 2, "Tom")
    find(library, finder, video_id)
    assert spans(library, video_id) == [(1, 0, 4), (2, 2, 6)]
    assert [person.name for person in people.every(library)] == ["Tom", "Person 1"]
    assert library.rows("PRAGMA foreign_key_check") == []
    assert face_tracks.queue_missing(library, finder.key) == 0
    assert face_tracks.queue_missing(library, "other@model") == 1


class Swapped:
    """Finds the faces of another engine with other vectors: another model. `finds`: a limit per image."""

    def __init__(self, engine: FaceFinder, *, finds: int = 9) -> None:
        self.engine = engine
        self.finds = finds

    @property
    def key(self) -> str:
        return "sface@other"

    @property
    def scale(self) -> FaceScale:
        return self.engine.scale

    def find_faces(self, jpeg: bytes) -> tuple[Face, ...]:
        faces = self.engine.find_faces(jpeg)[: self.finds]
        return tuple(
            Face(
                face.x,
                face.y,
                face.width,
                face.height,
                face.size_px,
                face.quality,
                None if face.vector is None else np.roll(face.vector, 1),
            )
            for face in faces
        )


def test_names_survive_a_change_of_the_model_and_two_models_never_meet(library: Library, finder: FaceFinder) -> None:
    first, second = add_film(library, "a", COUPLE), add_film(library, "b", [[A]])
    find(library, finder, first)
    people.rename(library, 1, "Anna")
    find(library, Swapped(finder), first)
    assert spans(library, first)[0] == (1, 0, 4)
    assert set(face_tracks.models(library)) == {"sface@other"}
    find(library, finder, second)
    assert spans(library, second)[0][0] not in (1, spans(library, first)[1][0])
    find(library, Swapped(finder), second)
    assert spans(library, second)[0][0] == 1


def test_a_named_face_stays_if_another_model_does_not_find_it(library: Library, finder: FaceFinder) -> None:
    video_id = add_film(library, "a", COUPLE)
    find(library, finder, video_id)
    people.rename(library, 1, "Anna")
    find(library, Swapped(finder, finds=0), video_id)
    assert [(person.name, person.seconds) for person in people.every(library)] == [("Anna", 4)]


def test_rejections_by_hand_are_kept(library: Library, finder: FaceFinder) -> None:
    video_id = add_film(library, "a", COUPLE)
    find(library, finder, video_id)
    tracks = people.track_ids(library, 1)
    assert people.reject(library, 1, tracks) == 3
    people.rename(library, 3, "Eva")
    second = add_film(library, "b", [[A]])
    find(library, finder, second)
    assert spans(library, second) == [(3, 0, 2)]
    people.undo(library)
    people.undo(library)
    assert spans(library, video_id)[0][0] == 1


def test_a_face_rejected_once_does_not_come_back(library: Library, finder: FaceFinder) -> None:
    find(library, finder, add_film(library, "a", [[A]]))
    find(library, finder, add_film(library, "b", [[A]]))
    people.rename(library, 1, "Anna")
    (wrong,) = [face.track_id for face in people.faces(library, 1) if face.video_id == 2]
    stranger = people.reject(library, 1, [wrong])
    proposals.regroup(library)
    assert spans(library, 2) == [(stranger, 0, 2)]
    find(library, finder, 2)
    assert spans(library, 2) == [(stranger, 0, 2)]
    people.confirm(library, 1, people.track_ids(library, stranger))
    assert (spans(library, 2), len(people.every(library))) == ([(1, 0, 2)], 1)


def test_two_faces_of_a_frame_are_two_people(library: Library, finder: FaceFinder) -> None:
    video_id = add_film(library, "a", [[A, (ANNA, *RIGHT)]])
    find(library, finder, video_id)
    assert len({person for person, *_ in spans(library, video_id)}) == 2
    assert proposals.alike(library, limit=3) == []


def test_doubtful_faces_are_asked_about(library: Library, finder: FaceFinder) -> None:
    find(library, finder, add_film(library, "a", [[A]]))
    find(library, finder, add_film(library, "b", [[(NEARLY_ANNA, *LEFT)]]))
    assert proposals.doubtful(library, limit=9) == []
    people.rename(library, 1, "Anna")
    (doubt,) = proposals.doubtful(library, limit=9)
    assert (doubt.person_id, doubt.is_member, doubt.face.person_id) == (1, False, 2)
    people.reject(library, doubt.person_id, doubt.track_ids)
    assert proposals.doubtful(library, limit=9) == []
    people.undo(library)
    people.confirm(library, doubt.person_id, doubt.track_ids)
    assert [(person.name, person.tracks) for person in people.every(library)] == [("Anna", 2)]
    assert proposals.doubtful(library, limit=9) == []


def test_an_unconfirmed_face_that_is_unlike_the_others_is_asked_about(library: Library, finder: FaceFinder) -> None:
    for name in "abc":
        find(library, finder, add_film(library, name, [[A]]))
    find(library, finder, add_film(library, "d", [[(ADA, *LEFT)]]))
    people.rename(library, 1, "Anna")
    people.merge(library, 1, [2])
    (doubt,) = proposals.doubtful(library, limit=9)
    assert (doubt.is_member, doubt.face.video_id) == (True, 4)
    people.reject(library, 1, doubt.track_ids)
    assert [person.tracks for person in people.every(library)] == [3, 1]


def test_people_end_with_their_last_video(library: Library, finder: FaceFinder) -> None:
    find(library, finder, add_film(library, "a", COUPLE))
    videos.remove(library, 1)
    for table in ("people", "face_tracks", "faces", "person_vectors"):
        assert library.number(f"SELECT count(*) FROM {table}") == 0


def test_damaged_vectors_are_left_out(library: Library, finder: FaceFinder) -> None:
    for name in "abce":
        find(library, finder, add_film(library, name, COUPLE))
    with library.writing() as connection:
        connection.execute("UPDATE face_tracks SET vector = x'0000' WHERE video_id = 1")
        connection.execute("UPDATE face_tracks SET vector = 'text' WHERE video_id = 2")
        connection.execute("UPDATE face_tracks SET person_id = NULL WHERE video_id = 2")
    video_id = add_film(library, "d", COUPLE)
    find(library, finder, video_id)
    assert [person for person, *_ in spans(library, video_id)] == [1, 2]
    assert len(face_tracks.means(library, finder.key)[0]) == 2


class Failing(Swapped):
    def find_faces(self, jpeg: bytes) -> tuple[Face, ...]:
        raise AnswerRejected("Face recognition crashed on an image of this video.")


def test_a_model_that_fails_on_every_image_ends_the_job(library: Library, finder: FaceFinder) -> None:
    short, long = add_film(library, "a", [[A]] * 2), add_film(library, "b", [[A]] * 4)
    assert find(library, Failing(finder), short) == 0
    with pytest.raises(AnswerRejected):
        find(library, Failing(finder), long)


def test_a_missing_image_is_skipped(library: Library, finder: FaceFinder) -> None:
    video_id = add_film(library, "a", COUPLE)
    next(iter(Path(library.folder / "frames" / "a").iterdir())).unlink()
    assert find(library, finder, video_id) == 2


def test_small_faces_are_found_again_in_larger_frames(library: Library, finder: FaceFinder) -> None:
    """The stored frame has a face of 32 px, the frame of the file a face of 128 px."""
    video_id = add_film(library, "a", [[A], [T]])
    with library.writing() as connection:
        connection.execute("UPDATE videos SET width_px = 3840, height_px = 2160")
    asked: list[list[float]] = []

    def decode(times: Sequence[float]) -> Iterator[DecodedFrame]:
        asked.append(list(times))
        for time in times:
            yield DecodedFrame(time, np.asarray(picture([E])))

    assert find(library, Shrunk(finder), video_id, decode_larger=decode) == 1
    assert asked == [[0.0, 2.0]]
    assert spans(library, video_id) == [(1, 0, 4)]
    assert find(library, Shrunk(finder), video_id, decode_larger=None) == 0


class Shrunk(Swapped):
    """An engine with poor quality for stored frames; larger frames are those without Anna and Tom."""

    def find_faces(self, jpeg: bytes) -> tuple[Face, ...]:
        faces = super().find_faces(jpeg)
        if any(face.vector is not None and max(face.vector) > 0.9 for face in faces):
            return tuple(replace(face, size_px=32.0, quality=0.0, vector=None) for face in faces)
        return faces


def test_frames_are_decoded_larger_than_they_are_stored(tmp_path: Path, tool: Ffmpeg) -> None:
    film = tmp_path / "film.mp4"
    clips.run("-f", "lavfi", "-i", "testsrc=size=1920x1080:rate=2:duration=1", *clips.X264, film)
    with Prober() as prober:
        (decoded,) = decode_larger(film, [0.5], ffmpeg=tool, prober=prober)
    assert decoded.rgb.shape == (1080, 1920, 3)
    assert decoded.time == pytest.approx(0.5)
