"""Groups of frames that look nearly the same, of one video or many: what is there twice, and where."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from vidlocal.moments import MAX_MOMENT_S
from vidlocal.records import Cluster, Occurrence
from vidlocal.store.content import frame_vectors, frames
from vidlocal.store.database import Library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vidlocal.store.values import Ids

    Indices = NDArray[np.intp]

HASH, VECTORS = "perceptual hash", "picture vectors"

# The cosine of vectors, or the share of the bits of two hashes that agree: 6 of 64 bits may differ, where unrelated
# pictures differ in 32, give or take 4. Near copies have cosines above 0.9 in CLIP ViT-B/32; tuned on nothing.
THRESHOLD = 0.9

_BITS = 64


@dataclass(frozen=True, slots=True)
class Grouped:
    """The first clusters, those in most places first, and how many there are; by what, and of how many pictures."""

    clusters: tuple[Cluster, ...]
    total: int
    by: str
    compared: int


@dataclass(frozen=True, slots=True)
class _Seen:
    """Distinct frames in order of video and time, with a direction each: n ids, videos and times, n x d."""

    ids: "Ids"
    videos: "Ids"
    times: "NDArray[np.float64]"
    directions: "NDArray[np.float32]"


def cluster(
    library: Library, *, limit: int, threshold: float = THRESHOLD, videos: Collection[int] | None = None
) -> Grouped:
    """What looks alike among the distinct frames of the library or of some videos: clusters of two and more.

    Compared by the vectors of their pictures where there are any, those of the model that has seen most of them, else
    by perceptual hash; never by both. Every picture of a cluster is as near to its leader as `threshold`, 0 to 1.
    """
    from vidlocal.signals.clusters import assign_leaders

    seen, by, least = _by_vectors(library, videos), VECTORS, threshold
    if seen is None:
        seen, by, least = _by_hash(library, videos), HASH, 2 * threshold - 1
    groups = [(leader, _takes(seen, members)) for leader, members in _groups(assign_leaders(seen.directions, least))]
    groups.sort(key=lambda group: (-len(group[1]), -sum(map(len, group[1]))))
    made = (_cluster(library, seen, leader, takes) for leader, takes in groups)
    return Grouped(tuple(islice((one for one in made if one is not None), limit)), len(groups), by, len(seen.ids))


def _by_vectors(library: Library, videos: Collection[int] | None) -> _Seen | None:
    sets = [frame_vectors.every(library, key, videos) for key in frame_vectors.keys(library)]
    most = max(sets, key=lambda one: len(one.frames), default=None)
    if most is None or not len(most.frames):
        return None
    return _Seen(most.frames, most.videos, most.times, most.vectors)


def _by_hash(library: Library, videos: Collection[int] | None) -> _Seen:
    import numpy as np

    hashed = [one for one in frames.with_hashes(library) if videos is None or one.video_id in videos]
    hashed.sort(key=lambda one: (one.video_id, one.time))
    return _Seen(
        np.array([one.id for one in hashed], dtype=np.int64),
        np.array([one.video_id for one in hashed], dtype=np.int64),
        np.array([one.time for one in hashed], dtype=np.float64),
        _directions([one.dhash for one in hashed]),
    )


def _groups(leader: "Indices") -> "Iterator[tuple[int, Indices]]":
    """Each leader with those it leads, itself among them, in order; none that is alone."""
    import numpy as np

    order = np.argsort(leader, kind="stable")
    borders = np.flatnonzero(np.diff(leader[order])) + 1
    for members in np.split(order, borders):
        if len(members) > 1:
            yield int(leader[members[0]]), members


def _takes(seen: _Seen, members: "Indices") -> "list[Indices]":
    """The members by stretches of one video in which they lie."""
    import numpy as np

    is_far = np.diff(seen.times[members]) > MAX_MOMENT_S
    return np.split(members, np.flatnonzero(is_far | (np.diff(seen.videos[members]) != 0)) + 1)


def _cluster(library: Library, seen: _Seen, leader: int, takes: "Sequence[Indices]") -> Cluster | None:
    """None when its leader was removed in the meantime."""
    frame = frames.get(library, int(seen.ids[leader]))
    if frame is None:
        return None
    return Cluster(frame, sum(map(len, takes)), tuple(_take(library, seen, members) for members in takes))


def _take(library: Library, seen: _Seen, members: "Indices") -> Occurrence:
    first, last = int(members[0]), int(members[-1])
    frame = frames.get(library, int(seen.ids[last]))
    end = float(seen.times[last]) if frame is None else frames.visible_until(library, frame)
    return Occurrence(int(seen.videos[first]), float(seen.times[first]), end, len(members))


def _directions(hashes: Sequence[int]) -> "NDArray[np.float32]":
    """Hashes as unit vectors whose cosine is 1 less 2/64 for every bit in which two differ: n x 64."""
    import numpy as np

    octets = np.array(hashes, dtype=">u8").view(np.uint8).reshape(-1, _BITS // 8)
    signs = np.unpackbits(octets, axis=1).astype(np.float32) * 2 - 1
    return np.asarray(signs / np.float32(_BITS**0.5), dtype=np.float32)
