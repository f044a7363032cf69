"""Find the faces in the frames of a video, follow them through its shots, and group them into people."""

from collections.abc import Callable, Iterator, Sequence

from vidlocal.engines.base import Face, FaceEngine
from vidlocal.engines.face_tracking import FaceTrack, FrameFaces, follow
from vidlocal.enrich.workers.group_faces import group_faces
from vidlocal.errors import AnswerRejected, MediaError
from vidlocal.records import Frame, Job
from vidlocal.store.content import face_tracks, frame_images, frames, videos
from vidlocal.store.content.face_tracks import NewFace, NewTrack
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

# This many images in a row that the model fails on are the fault of the model.
_MAX_CONSECUTIVE_FAILURES = 3


def find_people(
    library: Library,
    job: Job,
    *,
    engine: FaceEngine,
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> int:
    """Store the faces in the video of a job, give them to people, and finish the job. Returns the number of tracks.

    Unreadable images are skipped. `on_progress` gets the finished fraction, 0 to 1, after each frame, and may end the
    run with an exception: it starts again then. Raises AnswerRejected if the model fails on several images in a row.
    """
    found = list(_find(library, job.video_id, engine, on_progress))
    tracks = [_new_track(track) for track in follow(found, engine.scale)]
    with library.writing():
        if jobs.exists(library, job):
            face_tracks.store(library, job.video_id, engine.key, tracks)
            group_faces(library, engine.key, engine.scale, job.video_id)
        jobs.finish(library, job)
    return len(tracks)


def _find(
    library: Library, video_id: int, engine: FaceEngine, on_progress: Callable[[float], None]
) -> Iterator[FrameFaces]:
    video = videos.get(library, video_id)
    sampled = frames.of_video(library, video_id)
    distinct = [frame for frame in sampled if frame.image is not None]
    until = _ends(sampled, 0.0 if video is None else video.duration)
    failures = 0
    for number, frame in enumerate(distinct, start=1):
        faces: tuple[Face, ...] = ()
        try:
            faces = engine.find_faces(frame_images.read(library, frame))
            failures = 0
        except MediaError:
            pass
        except AnswerRejected:
            failures += 1
            if failures >= _MAX_CONSECUTIVE_FAILURES:
                raise
        yield FrameFaces(frame.id, frame.time, until[frame.id], frame.shot, faces)
        on_progress(number / len(distinct))


def _ends(sampled: Sequence[Frame], duration: float) -> dict[int, float]:
    """Map frames with an image to the time when a different one replaces them."""
    ends: dict[int, float] = {}
    end = duration
    for frame in reversed(sampled):
        if frame.image is not None:
            ends[frame.id] = max(frame.time, end)
            end = frame.time
    return ends


def _new_track(track: FaceTrack) -> NewTrack:
    assert track.vector is not None
    faces = tuple(
        NewFace(frame_id, (face.x, face.y, face.width, face.height), face.quality) for frame_id, face in track.faces
    )
    return NewTrack(track.start, track.end, track.quality, track.vector, faces)
