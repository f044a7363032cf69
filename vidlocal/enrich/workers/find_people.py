"""Find faces in the frames of a video, follow them through shots, and group the tracks into people.

Stored frames are small. Where their faces are too small to be known again, the frames are decoded again, larger.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from PIL import Image

from vidlocal.engines.base import Face, FaceEngine
from vidlocal.engines.faces.tracking import FaceTrack, FrameFaces, follow
from vidlocal.engines.jpeg import encode
from vidlocal.enrich.workers.group_faces import group_faces
from vidlocal.errors import AnswerRejected, MediaError, ToolError
from vidlocal.media.decoded_frame import LONG_SIDE_PX, DecodedFrame
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.frames import read_frames_at
from vidlocal.media.probe.prober import Prober
from vidlocal.records import Frame, Job, MediaKind, Video
from vidlocal.store.content import face_tracks, frame_images, frames, videos
from vidlocal.store.content.face_tracks import NewFace, NewTrack
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

# Shorter side in pixels of faces to search again in a larger frame, and the maximum of such frames per video.
MIN_SMALL_PX, MAX_SMALL_PX = 14.0, 48.0
MAX_LARGER_FRAMES = 200
LARGER_SIDE_PX = 1920
# A frame that is hardly larger shows no more.
_MIN_RATIO = 1.3

# Decodes the frames at some times, larger than they are stored.
DecodeLarger = Callable[[Sequence[float]], Iterator[DecodedFrame]]

# This many images in a row that the model fails on are the fault of the model.
_MAX_CONSECUTIVE_FAILURES = 3


def find_people(
    library: Library,
    job: Job,
    *,
    engine: FaceEngine,
    decode_larger: DecodeLarger | None = None,
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> int:
    """Store the faces of a video, assign people, and finish the job. Returns the number of tracks.

    Unreadable images are skipped. `decode_larger`: None without the file of the video. `on_progress` gets the finished
    fraction, 0 to 1, after each frame, and may end the run with an exception: it starts again then. Raises
    AnswerRejected if the model fails on several images in a row.
    """
    frame_faces = list(_find(library, job.video_id, engine, on_progress))
    video = videos.get(library, job.video_id)
    if decode_larger is not None and video is not None and _is_larger(video):
        frame_faces = _search_larger(frame_faces, engine, decode_larger)
    tracks = [_new_track(track) for track in follow(frame_faces, engine.scale)]
    with library.writing():
        if jobs.exists(library, job):
            face_tracks.store(library, job.video_id, engine.key, tracks)
            group_faces(library, engine.key, engine.scale, job.video_id)
        jobs.finish(library, job)
    return len(tracks)


def decode_larger(path: Path, times: Sequence[float], *, ffmpeg: Ffmpeg, prober: Prober) -> Iterator[DecodedFrame]:
    """Yield frames of a file at some times, larger than stored. Raises MediaError or ToolError."""
    probe = prober.probe(path)
    if probe.kind is MediaKind.PHOTO:
        yield prober.read_photo(path, LARGER_SIDE_PX)
    else:
        yield from read_frames_at(path, probe, times, ffmpeg=ffmpeg, prober=prober, long_side_px=LARGER_SIDE_PX)


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


def _is_larger(video: Video) -> bool:
    return max(video.width_px, video.height_px) >= _MIN_RATIO * LONG_SIDE_PX


def _search_larger(frames: Sequence[FrameFaces], engine: FaceEngine, decode_larger: DecodeLarger) -> list[FrameFaces]:
    """Search frames with small faces again, at a larger size."""
    small = {frame.time: size for frame in frames if (size := _largest_small(frame))}
    times = sorted(sorted(small, key=lambda time: -small[time])[:MAX_LARGER_FRAMES])
    larger: dict[float, tuple[Face, ...]] = {}
    if times:
        with suppress(MediaError, ToolError, AnswerRejected):
            for decoded in decode_larger(times):
                nearest = min(times, key=lambda time: abs(time - decoded.time))
                larger[nearest] = engine.find_faces(encode(Image.fromarray(decoded.rgb)))
    return [replace(frame, faces=larger[frame.time]) if larger.get(frame.time) else frame for frame in frames]


def _largest_small(frame: FrameFaces) -> float:
    """Return the size in pixels of the largest small face, 0 without any."""
    return max((face.size_px for face in frame.faces if MIN_SMALL_PX <= face.size_px < MAX_SMALL_PX), default=0.0)


def _ends(sampled: Sequence[Frame], duration: float) -> dict[int, float]:
    """Map frames with an image to the time of the next different frame."""
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
