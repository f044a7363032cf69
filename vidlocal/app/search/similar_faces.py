"""Moments with a face similar to a face in a moment or an image."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.app.engines.faces import open_face_finder
from vidlocal.app.search.similar import SimilarResult
from vidlocal.engines.faces.face_files import scale_of
from vidlocal.errors import EngineError, UsageError
from vidlocal.records import Moment, PassageKind
from vidlocal.search.moment_reference import resolve_moment
from vidlocal.settings import Settings
from vidlocal.store.content import face_tracks, people, videos
from vidlocal.store.content.people import SeenFace
from vidlocal.store.database import Library
from vidlocal.store.index import people_names

if TYPE_CHECKING:
    from vidlocal.store.values import Vector

FACES = "faces"

_NO_FACE = "no face that can be compared"


def find_similar_faces(library: Library, reference: str, *, limit: int) -> SimilarResult:
    """Find moments with faces similar to the best face at `VIDEO@TIME`, most similar first. Raises UsageError."""
    video, time = resolve_moment(library, reference)
    seen = people.at(library, video.id, time, time)
    if not seen:
        raise UsageError(f"{reference}: {_NO_FACE}. Run: vidlocal enrich --only people")
    best = max(seen, key=lambda face: face.quality)
    key, vector = face_tracks.vector_of(library, best.track_id)
    return _similar(library, key, vector, limit=limit, exclude=best.track_id)


def find_similar_faces_to_image(library: Library, settings: Settings, path: Path, *, limit: int) -> SimilarResult:
    """Find moments with faces similar to the largest face in an image. Raises UsageError, MediaError, EngineError."""
    from vidlocal.engines.jpeg import encode
    from vidlocal.search.similar import open_image

    with ExitStack() as stack:
        engine = open_face_finder(stack, settings, library)
        if isinstance(engine, str):
            raise EngineError(engine)
        faces = engine.find_faces(encode(open_image(path)))
        key = engine.key
    vector = next((face.vector for face in faces if face.vector is not None), None)
    if vector is None:
        raise UsageError(f"{path.name}: {_NO_FACE}.")
    return _similar(library, key, vector, limit=limit)


def _similar(library: Library, key: str, vector: "Vector", *, limit: int, exclude: int | None = None) -> SimilarResult:
    matches = face_tracks.nearest(library, key, vector, min_cosine=scale_of(key).min_alike, limit=limit + 1)
    others = [(people.of_track(library, track), cosine) for track, cosine in matches if track != exclude]
    faces = [(face, cosine) for face, cosine in others if face is not None]
    return SimilarResult(tuple(_moments(library, faces[:limit])), FACES, "")


def _moments(library: Library, faces: list[tuple[SeenFace, float]]) -> list[Moment]:
    names = people_names.names(library, {face.person_id for face, _ in faces if face.person_id is not None})
    moments = []
    for face, cosine in faces:
        video = videos.get(library, face.video_id)
        if video is not None and video.replaced_at is None:
            moments.append(
                Moment(
                    video_id=video.id,
                    video_title=video.title,
                    video_path=video.path,
                    start=face.start,
                    end=face.end,
                    score=cosine,
                    kinds=(PassageKind.PICTURE,),
                    text=names.get(face.person_id or 0, ""),
                    hits=(),
                )
            )
    return moments
