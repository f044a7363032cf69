"""Search frames by CLIP: text-to-image retrieval, also for frames without a description."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from vidlocal.engines.served.query_vector import QueryVector
from vidlocal.explanations import FrameExplanation
from vidlocal.moments import DUPLICATE_PENALTY, MAX_MOMENT_S
from vidlocal.records import Frame, Hit, PassageKind
from vidlocal.store.content import frames
from vidlocal.store.database import Library
from vidlocal.store.index import frame_index, hits
from vidlocal.store.index.frame_index import Background
from vidlocal.store.index.search_filter import SearchFilter


@dataclass(frozen=True, slots=True)
class CosineScale:
    """Cosines of a model: `minimum` of a hit, and `sufficient` for a hit in any library."""

    minimum: float
    sufficient: float


# A frame is a hit from three standard deviations above the background (one in a thousand unrelated images) with a
# cosine rare among unrelated images, or by a sufficient cosine alone: otherwise a frequent subject of a library would
# never be found. Its z must also reach half of the best one. In CLIP ViT-B/32 unrelated images and texts have 0.2,
# standard deviation 0.03; LAION-5B and LAION-400M kept pairs above 0.28 to 0.3. Reasoned, not tuned: there were no
# frame queries with known answers. The cosines of other models are not known: there the background alone decides, and
# in small libraries a high cosine.
MIN_Z = 3.0
_CLIP_FAMILY = "clip"
CLIP_SCALE = CosineScale(0.23, 0.28)
OTHER_SCALE = CosineScale(-1.0, 0.5)
MIN_Z_RATIO = 0.5

# With fewer frames there is no background distribution.
MIN_POPULATION = 30

# Avoids huge z in a library of nearly equal frames.
MIN_SPREAD = 0.01

# z shown as a score of 0.5, as for texts.
_SCORE_MIDPOINT = 5.0


@dataclass(frozen=True, slots=True)
class FrameHits:
    """Frame hits, best first, and explanations by the key of the hit."""

    hits: tuple[Hit, ...] = ()
    why: Mapping[int, FrameExplanation] = field(default_factory=dict)


def search_frames(library: Library, query: QueryVector, *, limit: int, search_filter: SearchFilter) -> FrameHits:
    """Return at most `limit` filtered frames near the query vector.

    Scores are comparable with those of passages: both come from z. Frames far from the best frame of a long shot get a
    penalty, like duplicate texts. The text of a hit is the description of the frame.
    """
    import numpy as np

    scale = CLIP_SCALE if query.key.startswith(_CLIP_FAMILY) else OTHER_SCALE
    cache = frame_index.prepare(library, query.key)
    vector = np.array(query.values, dtype=np.float32)
    cosines, background = frame_index.nearest(
        library, cache, vector, limit=limit, min_cosine=partial(_min_cosine, scale), search_filter=search_filter
    )
    z = {frame_id: _z(scale, cosine, background) for frame_id, cosine in cosines.items()}
    min_z = MIN_Z_RATIO * max(z.values(), default=0.0)
    candidates = [frames.get(library, frame_id) for frame_id in cosines if z[frame_id] >= min_z]
    replaced = hits.replaced_videos(library)
    selected = [frame for frame in candidates if frame is not None and frame.video_id not in replaced]
    repeats = _repeats(selected)
    frame_hits = tuple(
        _hit(library, frame, z[frame.id], DUPLICATE_PENALTY if frame.id in repeats else 1.0) for frame in selected
    )
    why = {
        -frame_id: FrameExplanation(rank, cosines[frame_id], z[frame_id]) for rank, frame_id in enumerate(cosines, 1)
    }
    return FrameHits(frame_hits, why)


def _min_cosine(scale: CosineScale, background: Background) -> float:
    if background.count < MIN_POPULATION:
        return scale.sufficient
    return min(scale.sufficient, max(scale.minimum, background.median + MIN_Z * max(background.spread, MIN_SPREAD)))


def _z(scale: CosineScale, cosine: float, background: Background) -> float:
    """Standard deviations above the background; in small libraries scaled to give MIN_Z for a sufficient cosine."""
    if background.count < MIN_POPULATION:
        return MIN_Z * cosine / scale.sufficient
    return (cosine - background.median) / max(background.spread, MIN_SPREAD)


def _repeats(ranked: Sequence[Frame]) -> set[int]:
    """Ids of frames too far from the best frame of their shot for a common moment. `ranked`: frames, best first."""
    best: dict[tuple[int, int], Frame] = {}
    for frame in ranked:
        best.setdefault((frame.video_id, frame.shot), frame)
    return {frame.id for frame in ranked if abs(frame.time - best[frame.video_id, frame.shot].time) > MAX_MOMENT_S}


def _hit(library: Library, frame: Frame, z: float, factor: float) -> Hit:
    return Hit(
        passage_id=None,
        frame_id=frame.id,
        video_id=frame.video_id,
        start=frame.time,
        end=frames.visible_until(library, frame),
        kind=PassageKind.PICTURE,
        text=frames.description(library, frame.id),
        score=factor * max(0.0, z) / (max(0.0, z) + _SCORE_MIDPOINT),
    )
