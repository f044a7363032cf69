"""Cluster nearly equal frames of any videos: copies and retakes."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from vidlocal.moments import MAX_MOMENT_S
from vidlocal.records import Cluster, Occurrence
from vidlocal.signals.similarity import MIN_HASH_BITS
from vidlocal.store.content import frame_vectors, frames
from vidlocal.store.database import Library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vidlocal.store.values import Ids

    Indices = NDArray[np.intp]

HASH, VECTORS = "perceptual hash", "picture vectors"

# Cosine of vectors, or share of equal bits of two hashes: 6 of 64 bits may differ, and unrelated images differ in 32,
# standard deviation 4. Near copies have cosines above 0.9 in CLIP ViT-B/32; not tuned.
THRESHOLD = 0.9

_BITS = 64


@dataclass(frozen=True, slots=True)
class ClusterResult:
    """Clusters, most occurrences first; total number of clusters, method, and number of compared frames."""

    clusters: tuple[Cluster, ...]
    total: int
    method: str
    compared: int


@dataclass(frozen=True, slots=True)
class _Descriptors:
    """Distinct frames by video and time, with unit descriptors: n ids, videos and times, n x d."""

    ids: "Ids"
    videos: "Ids"
    times: "NDArray[np.float64]"
    directions: "NDArray[np.float32]"


def cluster(
    library: Library, *, limit: int, threshold: float = THRESHOLD, videos: Collection[int] | None = None
) -> ClusterResult:
    """Cluster the distinct frames of the library, or of some videos (ids). Clusters have at least two frames.

    Uses the CLIP vectors of the model with most of them, else perceptual hashes, never both. Every frame of a cluster
    is at least as near to the leader as `threshold`, 0 to 1.
    """
    from vidlocal.signals.clusters import assign_leaders

    descriptors, method, min_cosine = _by_vectors(library, videos), VECTORS, threshold
    if descriptors is None:
        descriptors, method, min_cosine = _by_hash(library, videos), HASH, 2 * threshold - 1
    groups = [
        (leader, _split_occurrences(descriptors, members))
        for leader, members in _groups(assign_leaders(descriptors.directions, min_cosine))
    ]
    groups.sort(key=lambda group: (-len(group[1]), -sum(map(len, group[1]))))
    clusters = (_cluster(library, descriptors, leader, occurrences) for leader, occurrences in groups)
    return ClusterResult(
        tuple(islice((cluster for cluster in clusters if cluster is not None), limit)),
        len(groups),
        method,
        len(descriptors.ids),
    )


def _by_vectors(library: Library, videos: Collection[int] | None) -> _Descriptors | None:
    sets = [frame_vectors.every(library, key, videos) for key in frame_vectors.keys(library)]
    largest = max(sets, key=lambda vectors: len(vectors.frames), default=None)
    if largest is None or not len(largest.frames):
        return None
    return _Descriptors(largest.frames, largest.videos, largest.times, largest.vectors)


def _by_hash(library: Library, videos: Collection[int] | None) -> _Descriptors:
    import numpy as np

    hashed = [
        frame
        for frame in frames.with_hashes(library)
        if (videos is None or frame.video_id in videos) and frame.dhash.bit_count() >= MIN_HASH_BITS
    ]
    hashed.sort(key=lambda frame: (frame.video_id, frame.time))
    return _Descriptors(
        np.array([frame.id for frame in hashed], dtype=np.int64),
        np.array([frame.video_id for frame in hashed], dtype=np.int64),
        np.array([frame.time for frame in hashed], dtype=np.float64),
        _directions([frame.dhash for frame in hashed]),
    )


def _groups(leader: "Indices") -> "Iterator[tuple[int, Indices]]":
    """Each leader with all members of the cluster, including the leader, in order; no single frames."""
    import numpy as np

    order = np.argsort(leader, kind="stable")
    borders = np.flatnonzero(np.diff(leader[order])) + 1
    for members in np.split(order, borders):
        if len(members) > 1:
            yield int(leader[members[0]]), members


def _split_occurrences(descriptors: _Descriptors, members: "Indices") -> "list[Indices]":
    """Split members into runs within a video."""
    import numpy as np

    is_far = np.diff(descriptors.times[members]) > MAX_MOMENT_S
    return np.split(members, np.flatnonzero(is_far | (np.diff(descriptors.videos[members]) != 0)) + 1)


def _cluster(
    library: Library, descriptors: _Descriptors, leader: int, occurrences: "Sequence[Indices]"
) -> Cluster | None:
    """Build a cluster; None if the leader was deleted meanwhile."""
    frame = frames.get(library, int(descriptors.ids[leader]))
    if frame is None:
        return None
    return Cluster(
        frame, sum(map(len, occurrences)), tuple(_occurrence(library, descriptors, members) for members in occurrences)
    )


def _occurrence(library: Library, descriptors: _Descriptors, members: "Indices") -> Occurrence:
    first, last = int(members[0]), int(members[-1])
    frame = frames.get(library, int(descriptors.ids[last]))
    end = float(descriptors.times[last]) if frame is None else frames.visible_until(library, frame)
    return Occurrence(int(descriptors.videos[first]), float(descriptors.times[first]), end, len(members))


def _directions(hashes: Sequence[int]) -> "NDArray[np.float32]":
    """Hashes as unit vectors, n x 64: the cosine is 1 minus 2/64 per differing bit."""
    import numpy as np

    octets = np.array(hashes, dtype=">u8").view(np.uint8).reshape(-1, _BITS // 8)
    signs = np.unpackbits(octets, axis=1).astype(np.float32) * 2 - 1
    return np.asarray(signs / np.float32(_BITS**0.5), dtype=np.float32)
