"""Find similar moments and videos by CLIP vectors, or by perceptual hash."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.media.probe.prober import Prober
from vidlocal.moments import MAX_MOMENT_S, MERGE_GAP_S
from vidlocal.records import Frame, Moment, Video
from vidlocal.signals.features import extract_features
from vidlocal.signals.similarity import MIN_HASH_BITS
from vidlocal.store.content import frames, videos
from vidlocal.store.database import Library
from vidlocal.store.index import frame_index, hits

if TYPE_CHECKING:
    from PIL.Image import Image

    from vidlocal.engines.arrays import Vectors
    from vidlocal.store.index.vector_cache import VectorCache

BITS = 64

# Hashes of unrelated images differ in 32 bits, standard deviation 4: one pair in 500 comes this near. For images with
# half of the bits set; plain images set few bits, so the limit is scaled by the bits set.
MAX_HASH_DISTANCE = 20

# A frame is similar by its cosine alone, or from two standard deviations above the background: cosines are high in a
# library of one wedding, and low in a library of everything. From published values of CLIP ViT-B/32 (unrelated photos
# about 0.5, near copies above 0.9); not tuned.
MIN_COSINE = 0.8
MIN_Z = 2.0

# Frames of the same moment are dropped afterwards: a still shot has at least one distinct frame every 20 s.
_CANDIDATES_PER_MOMENT = 20


def open_image(path: Path) -> "Image":
    """Open an image file, upright and RGB. Raises MediaError."""
    from PIL import Image

    with Prober() as prober:
        return Image.fromarray(prober.read_photo(path).rgb)


def perceptual_hash(image: "Image") -> int:
    """Perceptual hash of an image: 64 bits, unsigned."""
    return extract_features(image).dhash


def find_by_hash(library: Library, dhash: int, *, limit: int, exclude: Frame | None = None) -> tuple[Moment, ...]:
    """Return at most `limit` moments with the nearest hashes, nearest first, each moment once, without `exclude`.

    The score is 1 for equal hashes and 0 at the distance of unrelated images. The text is the caption of the frame.
    There are no hits.
    """
    similar = (frame for frame in frames.with_hashes(library) if _is_similar(frame.dhash, dhash))
    near = [(frame.id, _hash_similarity(frame.dhash, dhash)) for frame in similar]
    near.sort(key=lambda pair: (-pair[1], pair[0]))
    scores = dict(near)
    return _moments(library, _distinct_frames(library, scores, exclude), scores, limit)


def find_by_vector(
    library: Library, cache: "VectorCache", vector: "Vectors", *, limit: int, exclude: Frame | None = None
) -> tuple[Moment, ...]:
    """Return the moments with the nearest vectors, like `find_by_hash`. The score is the cosine."""
    near, _ = frame_index.nearest(
        library,
        cache,
        vector,
        limit=_CANDIDATES_PER_MOMENT * (limit + 1),
        min_cosine=lambda background: min(MIN_COSINE, background.median + MIN_Z * background.spread),
    )
    return _moments(library, _distinct_frames(library, near, exclude), near, limit)


def find_videos(library: Library, cache: "VectorCache", video_id: int, *, limit: int) -> tuple[Moment, ...] | None:
    """Return other videos, most similar first, each as a moment of full length.

    Compares mean vectors of the frames; None if the video has no vectors.
    """
    import numpy as np

    ids, vectors = frame_index.video_centroids(library, cache)
    own = np.flatnonzero(ids == video_id)
    if not len(own):
        return None
    cosines = vectors @ vectors[own[0]]
    others = [(int(ids[at]), float(cosines[at])) for at in np.argsort(-cosines, kind="stable") if ids[at] != video_id]
    candidates = ((videos.get(library, other), cosine) for other, cosine in others)
    return tuple(islice((_video_moment(video, cosine) for video, cosine in candidates if video is not None), limit))


def _is_similar(first: int, second: int) -> bool:
    """Compare two hashes. Nearly plain images are similar to exact copies only, plain images to nothing."""
    if first == second:
        return first > 0
    if min(first.bit_count(), second.bit_count()) < MIN_HASH_BITS:
        return False
    return (first ^ second).bit_count() <= MAX_HASH_DISTANCE * (first.bit_count() + second.bit_count()) / BITS


def _hash_similarity(first: int, second: int) -> float:
    """Similarity of two hashes: 1 if equal, 0 at the distance expected of unrelated hashes with as many bits set."""
    if first == second:
        return 1.0
    expected = first.bit_count() + second.bit_count() - 2 * first.bit_count() * second.bit_count() / BITS
    return max(0.0, 1 - (first ^ second).bit_count() / expected)


def _distinct_frames(library: Library, nearest: Iterable[int], exclude: Frame | None) -> Iterator[Frame]:
    """Frames with these ids, without `exclude` and without further frames of the same moment."""
    own = None if exclude is None else exclude.same_as or exclude.id
    distinct = [] if exclude is None else [exclude]
    for frame_id in nearest:
        frame = None if frame_id == own else frames.get(library, frame_id)
        if frame is not None and not any(_is_same_moment(frame, earlier) for earlier in distinct):
            distinct.append(frame)
            yield frame


def _is_same_moment(first: Frame, second: Frame) -> bool:
    """True if two frames are close in time, or somewhat farther apart within a shot."""
    max_distance_s = MAX_MOMENT_S if first.shot == second.shot else MERGE_GAP_S
    return first.video_id == second.video_id and abs(first.time - second.time) <= max_distance_s


def _moments(
    library: Library, frames_in_order: Iterator[Frame], scores: Mapping[int, float], limit: int
) -> tuple[Moment, ...]:
    selected = list(islice(frames_in_order, limit))
    refs = hits.video_refs(library, {frame.video_id for frame in selected})
    return tuple(
        Moment(
            video_id=frame.video_id,
            video_title=refs[frame.video_id].title,
            video_path=refs[frame.video_id].path,
            start=frame.time,
            end=frames.visible_until(library, frame),
            score=min(1.0, max(0.0, scores[frame.id])),
            kinds=(),
            text=frames.description(library, frame.id),
            hits=(),
        )
        for frame in selected
        if frame.video_id in refs
    )


def _video_moment(video: Video, cosine: float) -> Moment:
    return Moment(
        video_id=video.id,
        video_title=video.title,
        video_path=video.path,
        start=0.0,
        end=video.duration,
        score=min(1.0, max(0.0, cosine)),
        kinds=(),
        text="",
        hits=(),
    )
