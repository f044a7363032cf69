"""Frames that look like the words of a query, as hits of a search: found before anybody has described them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vidlocal.engines.query_vector import QueryVector
from vidlocal.moments import DUPLICATE_PENALTY, MAX_MOMENT_S
from vidlocal.records import Frame, FrameExplanation, Hit, PassageKind
from vidlocal.store.content import frames
from vidlocal.store.database import Library
from vidlocal.store.index import frame_index
from vidlocal.store.index.frame_index import Background
from vidlocal.store.index.search_filter import SearchFilter

# A frame is shown when it stands out of the crowd by three standard deviations (of a thousand unrelated pictures one
# does) with a cosine that unrelated pictures seldom have, or when its cosine is enough by itself: else what much of a
# library shows would be found nowhere in it. And it must stand out at least half as far as the best one. The cosines
# are about CLIP ViT-B/32: pictures and words that have nothing to do with each other have 0.2 there, give or take
# 0.03, and who collected pictures by it kept those above 0.28 to 0.3 with their captions (LAION-5B, LAION-400M). All
# this is reasoned, not tuned: no queries over frames with known answers were at hand.
LEAST_Z = 3.0
LEAST_COSINE = 0.23
ENOUGH_COSINE = 0.28
LEAST_SHARE = 0.5

# So few pictures are no crowd to stand out from.
CROWD = 30

# z of a library so alike that its cosines hardly differ would explode.
LEAST_SPREAD = 0.01

# Where the score of 0 to 1 that people see has its middle, as for texts: a z of 5.
_MIDDLE = 5.0


@dataclass(frozen=True, slots=True)
class FrameHits:
    """Frames that look like a query, best first, and by the key of each hit what found it."""

    hits: tuple[Hit, ...] = ()
    why: Mapping[int, FrameExplanation] = field(default_factory=dict)


def search_frames(library: Library, asked: QueryVector, *, limit: int, only: SearchFilter) -> FrameHits:
    """The frames, at most `limit`, whose vectors are near to that of a query and that `only` lets through.

    Their scores compare with those of texts: both are standard deviations above the crowd. In a long shot what is far
    from its best frame counts less, as texts do that repeat a better one. The text of a hit is what is known of its
    picture.
    """
    import numpy as np

    mirror = frame_index.prepare(library, asked.key)
    vector = np.array(asked.values, dtype=np.float32)
    near, crowd = frame_index.nearest(library, mirror, vector, limit=limit, min_cosine=_least, search_filter=only)
    z = {frame_id: _z(cosine, crowd) for frame_id, cosine in near.items()}
    floor = LEAST_SHARE * max(z.values(), default=0.0)
    found = [frames.get(library, frame_id) for frame_id in near if z[frame_id] >= floor]
    shown = [frame for frame in found if frame is not None]
    echoes = _echoes(shown)
    hits = tuple(_hit(library, one, z[one.id], DUPLICATE_PENALTY if one.id in echoes else 1.0) for one in shown)
    why = {-one: FrameExplanation(rank, near[one], z[one]) for rank, one in enumerate(near, 1)}
    return FrameHits(hits, why)


def _least(crowd: Background) -> float:
    if crowd.count < CROWD:
        return ENOUGH_COSINE
    return min(ENOUGH_COSINE, max(LEAST_COSINE, crowd.median + LEAST_Z * max(crowd.spread, LEAST_SPREAD)))


def _z(cosine: float, crowd: Background) -> float:
    """How many standard deviations a cosine lies above the crowd; where there is none, at least as many as suffice."""
    if crowd.count < CROWD:
        return LEAST_Z * cosine / ENOUGH_COSINE
    return (cosine - crowd.median) / max(crowd.spread, LEAST_SPREAD)


def _echoes(shown: Sequence[Frame]) -> set[int]:
    """Of frames, best first, those that show a shot again, too far from its best one to be of the same moment."""
    best: dict[tuple[int, int], Frame] = {}
    for frame in shown:
        best.setdefault((frame.video_id, frame.shot), frame)
    return {one.id for one in shown if abs(one.time - best[one.video_id, one.shot].time) > MAX_MOMENT_S}


def _hit(library: Library, frame: Frame, z: float, worth: float) -> Hit:
    return Hit(
        passage_id=None,
        frame_id=frame.id,
        video_id=frame.video_id,
        start=frame.time,
        end=frames.visible_until(library, frame),
        kind=PassageKind.PICTURE,
        text=frames.description(library, frame.id),
        score=worth * max(0.0, z) / (max(0.0, z) + _MIDDLE),
    )
