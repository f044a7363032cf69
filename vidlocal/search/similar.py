"""Moments and videos that look alike: by vectors of their pictures, or by perceptual hash where there are none."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.media.probe import Prober
from vidlocal.moments import MAX_MOMENT_S, MERGE_GAP_S
from vidlocal.records import Frame, Moment, Video
from vidlocal.signals.features import extract_features
from vidlocal.store.content import frames, videos
from vidlocal.store.database import Library
from vidlocal.store.index import frame_index, hits

if TYPE_CHECKING:
    from PIL.Image import Image

    from vidlocal.engines.base import Vectors
    from vidlocal.store.index.vector_cache import VectorCache

BITS = 64

# The hashes of unrelated pictures differ in 32 bits, give or take 4: one pair in 500 comes as near as this. That is
# where half of the bits are set. A plain picture sets few, and any two of those differ in few: as many fewer may.
MOST_BITS = 20

# By vectors a picture is shown when it is alike by itself or stands out of the crowd by two standard deviations. In
# a library of one wedding everything is alike, and in one of everything even what is alike is far apart. Judged from
# what is published of CLIP ViT-B/32 (unrelated photos about 0.5, near copies above 0.9); tuned on nothing.
ALIKE = 0.8
LEAST_Z = 2.0

# Neighbours are left out afterwards: a still shot has a picture every 20 s at least.
_CANDIDATES_PER_MOMENT = 20


def picture_of(path: Path) -> "Image":
    """A picture file, upright and RGB. MediaError when it is none."""
    from PIL import Image

    with Prober() as prober:
        return Image.fromarray(prober.read_photo(path).rgb)


def hash_of(picture: "Image") -> int:
    """The perceptual hash of a picture: 64 bits, unsigned."""
    return extract_features(picture).dhash


def by_hash(library: Library, dhash: int, *, limit: int, besides: Frame | None = None) -> tuple[Moment, ...]:
    """The moments whose pictures are nearest to a hash, nearest first, at most `limit`.

    Not those of `besides`, and of neighbours the nearest only. A moment's score is the share of the 64 bits that
    agree, its text what is known of its picture; it has no hits.
    """
    alike = (frame for frame in frames.with_hashes(library) if _alike(frame.dhash, dhash))
    near = [(frame.id, (frame.dhash ^ dhash).bit_count()) for frame in alike]
    near.sort(key=lambda pair: (pair[1], pair[0]))
    scores = {frame_id: 1 - bits / BITS for frame_id, bits in near}
    return _moments(library, _apart(library, scores, besides), scores, limit)


def by_vector(
    library: Library, mirror: "VectorCache", vector: "Vectors", *, limit: int, besides: Frame | None = None
) -> tuple[Moment, ...]:
    """The moments whose pictures show most nearly the same, as `by_hash`. A moment's score is the cosine."""
    near, _ = frame_index.nearest(
        library,
        mirror,
        vector,
        limit=_CANDIDATES_PER_MOMENT * (limit + 1),
        min_cosine=lambda crowd: min(ALIKE, crowd.median + LEAST_Z * crowd.spread),
    )
    return _moments(library, _apart(library, near, besides), near, limit)


def videos_like(library: Library, mirror: "VectorCache", video_id: int, *, limit: int) -> tuple[Moment, ...] | None:
    """The other videos, most alike first, each as one moment from its beginning to its end.

    Compared by the mean of the vectors of their frames; None where none of the video's frames has one.
    """
    import numpy as np

    ids, vectors = frame_index.video_centroids(library, mirror)
    own = np.flatnonzero(ids == video_id)
    if not len(own):
        return None
    cosines = vectors @ vectors[own[0]]
    others = [(int(ids[at]), float(cosines[at])) for at in np.argsort(-cosines, kind="stable") if ids[at] != video_id]
    known = ((videos.get(library, other), cosine) for other, cosine in others)
    return tuple(islice((_whole(video, cosine) for video, cosine in known if video is not None), limit))


def _alike(one: int, other: int) -> bool:
    """Two pictures without a single bit may show any two colours: nothing is known of them."""
    both = one.bit_count() + other.bit_count()
    return both > 0 and (one ^ other).bit_count() <= MOST_BITS * both / BITS


def _apart(library: Library, nearest: Iterable[int], besides: Frame | None) -> Iterator[Frame]:
    """The frames of these ids, without the frame asked about and without what is next to one before."""
    own = None if besides is None else besides.same_as or besides.id
    taken = [] if besides is None else [besides]
    for frame_id in nearest:
        frame = None if frame_id == own else frames.get(library, frame_id)
        if frame is not None and not any(_neighbours(frame, other) for other in taken):
            taken.append(frame)
            yield frame


def _neighbours(one: Frame, other: Frame) -> bool:
    """Whether two frames are one moment: close together, or a little farther apart in one shot."""
    most = MAX_MOMENT_S if one.shot == other.shot else MERGE_GAP_S
    return one.video_id == other.video_id and abs(one.time - other.time) <= most


def _moments(library: Library, chosen: Iterator[Frame], scores: Mapping[int, float], limit: int) -> tuple[Moment, ...]:
    found = list(islice(chosen, limit))
    places = hits.video_refs(library, {frame.video_id for frame in found})
    return tuple(
        Moment(
            video_id=frame.video_id,
            video_title=places[frame.video_id].title,
            video_path=places[frame.video_id].path,
            start=frame.time,
            end=frames.visible_until(library, frame),
            score=min(1.0, max(0.0, scores[frame.id])),
            kinds=(),
            text=frames.description(library, frame.id),
            hits=(),
        )
        for frame in found
        if frame.video_id in places
    )


def _whole(video: Video, cosine: float) -> Moment:
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
