"""Similar moments and videos by CLIP vectors, or by perceptual hash."""

import shlex
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.app.engines.clip import open_clip
from vidlocal.engines.arrays import Vectors
from vidlocal.errors import EngineError, MediaError, ModelMissing, ToolError, UsageError
from vidlocal.export.thumbnail import encode_jpeg
from vidlocal.media.probe.prober import Prober
from vidlocal.records import Frame, MediaKind, Moment, Video
from vidlocal.search import similar
from vidlocal.search.moment_reference import resolve_moment
from vidlocal.settings import Settings
from vidlocal.store.content import frame_images, frame_vectors, frames, videos
from vidlocal.store.database import Library
from vidlocal.store.index import frame_index
from vidlocal.text import pluralize
from vidlocal.timecode import format_short_time

if TYPE_CHECKING:
    from PIL.Image import Image

HASH, VECTORS = "perceptual hash", "picture vectors"

HASH_NOTICE = "Compared by perceptual hash, which finds near copies only."
CLIP_REMEDY = "To compare by content, run: vidlocal setup --pictures && vidlocal enrich --only pictures"


@dataclass(frozen=True, slots=True)
class SimilarResult:
    """Moments, best first; `method`: HASH or VECTORS; `notice`: a sentence about limits, or empty."""

    moments: tuple[Moment, ...]
    method: str
    notice: str


def find_similar(library: Library, settings: Settings, reference: str, *, limit: int) -> SimilarResult:
    """Find moments similar to `VIDEO@TIME`, or videos similar to `VIDEO`. Raises UsageError, ModelMissing."""
    video = _resolve_video(library, reference)
    if video is not None:
        return _similar_to_video(library, video, limit)
    video, time = resolve_moment(library, reference)
    frame = frames.frame_at(library, video.id, time)
    if frame is None:
        raise UsageError(f"{video.title} has no frames.")
    return _similar_to_frame(library, settings, frame, limit)


def find_similar_to_image(library: Library, settings: Settings, path: Path, *, limit: int) -> SimilarResult:
    """Find moments similar to an image file. Raises MediaError for an unreadable file."""
    image = _open_image(path)
    encoded, obstacle = None, ""
    if frame_vectors.keys(library):
        encoded, obstacle = _encode(library, settings, encode_jpeg(image))
    if encoded is None:
        moments = similar.find_by_hash(library, similar.perceptual_hash(image), limit=limit)
        return SimilarResult(moments, HASH, f"{HASH_NOTICE} {obstacle or CLIP_REMEDY}")
    key, vector = encoded
    moments = similar.find_by_vector(library, frame_index.prepare(library, key), vector, limit=limit)
    return SimilarResult(moments, VECTORS, _missing_vectors(library, key))


def _open_image(path: Path) -> "Image":
    try:
        return similar.open_image(path)
    except MediaError:
        if _is_film(path):
            raise MediaError(
                f"{path.name}: a video, not an image. To compare a moment of an indexed video, give its time: "
                f"vidlocal similar {shlex.quote(f'{path.name}@1:00')}"
            ) from None
        raise


def _is_film(path: Path) -> bool:
    with Prober() as prober, suppress(MediaError, ToolError):
        return prober.probe(path).kind is MediaKind.VIDEO
    return False


def _resolve_video(library: Library, reference: str) -> Video | None:
    """Return the video, or None if `reference` names a moment. File names may contain an @."""
    try:
        return videos.resolve(library, reference)
    except UsageError:
        if "@" in reference:
            return None
        raise


def _similar_to_frame(library: Library, settings: Settings, frame: Frame, limit: int) -> SimilarResult:
    encoded = frame_index.vector_of(library, frame.same_as or frame.id)
    obstacle = ""
    if encoded is None and frame_vectors.keys(library):
        encoded, obstacle = _encode(library, settings, frame_images.read(library, frame))
    if encoded is None:
        moments = similar.find_by_hash(library, frames.dhash(library, frame), limit=limit, exclude=frame)
        return SimilarResult(moments, HASH, f"{HASH_NOTICE} {obstacle or CLIP_REMEDY}")
    key, vector = encoded
    moments = similar.find_by_vector(library, frame_index.prepare(library, key), vector, limit=limit, exclude=frame)
    return SimilarResult(moments, VECTORS, _missing_vectors(library, key))


def _similar_to_video(library: Library, video: Video, limit: int) -> SimilarResult:
    for key in reversed(frame_vectors.keys(library)):
        moments = similar.find_videos(library, frame_index.prepare(library, key), video.id, limit=limit)
        if moments is not None:
            return SimilarResult(moments, VECTORS, _missing_vectors(library, key))
    if not frames.coverage(library, video.id).total:
        raise UsageError(f"{video.title} has no frames.")
    raise ModelMissing(
        f"{video.title}: no frame vectors, which are needed to compare whole videos. "
        "Run: vidlocal setup --pictures && vidlocal enrich --only pictures. "
        f"A moment can be compared without: vidlocal similar {video.id}@{format_short_time(video.duration / 2)}"
    )


def _encode(library: Library, settings: Settings, jpeg: bytes) -> tuple[tuple[str, Vectors] | None, str]:
    """Encode an image by CLIP. Returns the model key and vector, or None and a sentence with the obstacle."""
    with ExitStack() as stack:
        engine = open_clip(stack, settings)
        if isinstance(engine, str):
            return None, engine
        if engine.key not in frame_vectors.keys(library):
            return None, "The frame vectors come from another model. Run: vidlocal enrich --only pictures"
        try:
            return (engine.key, engine.embed_images([jpeg])[0]), ""
        except EngineError as error:
            return None, str(error)


def _missing_vectors(library: Library, key: str) -> str:
    """Sentence about frames without a vector; empty if there are none."""
    count = frame_index.count_missing(library, key)
    if not count:
        return ""
    return f"Not compared (no vector): {pluralize(count, 'picture')}. Run: vidlocal enrich --only pictures"
