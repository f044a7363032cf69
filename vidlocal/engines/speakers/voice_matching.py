"""Join equal voices: clusters of a diarization, stretches of a video, videos of a library. Pure."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from vidlocal.engines.arrays import Vectors
from vidlocal.engines.base import Voice

# Cosine of two vectors of the same voice. CAM++, 180 readers of the same kind of recording: 0.80 and more for the same
# reader, from 6 s of speech on; of two readers 0.39 in the mean, and 0.65 and more in one of 1,500 pairs.
MIN_SAME_VOICE = 0.65

# Speakers of at least this cosine are proposed to be merged by hand.
_MIN_ALIKE = 0.5
_MAX_COMPARED = 2_000

# Vectors of less speech vary: they join a voice, but found none beside one that is nearly as near.
MIN_VOICE_S = 4.0
_MIN_SHORT_VOICE = 0.45


def join(voices: Iterable[Voice]) -> list[Voice]:
    """Join equal voices, in order of their speaking time."""
    joined: list[Voice] = []
    for voice in sorted(voices, key=lambda voice: -voice.seconds):
        position = nearest(voice.vector, [other.vector for other in joined], min_cosine=_min_cosine(voice))
        if position is None:
            joined.append(voice)
        else:
            joined[position] = _joined(joined[position], voice)
    return sorted(joined, key=lambda voice: voice.turns[0])


def nearest(vector: Vectors, others: Sequence[Vectors], *, min_cosine: float = MIN_SAME_VOICE) -> int | None:
    """Return the position of the nearest of several unit vectors, None without a match."""
    if not others:
        return None
    cosines = np.stack(others) @ vector
    position = int(cosines.argmax())
    return position if float(cosines[position]) >= min_cosine else None


def alike(means: Mapping[int, Vectors], *, limit: int) -> list[tuple[int, int, float]]:
    """List pairs of speakers with similar voices, nearest first: two keys of `means` and the cosine."""
    ids = list(means)[:_MAX_COMPARED]
    if len(ids) < 2:
        return []
    vectors = np.stack([means[key] for key in ids])
    pairs = np.argwhere(np.triu(vectors @ vectors.T, k=1) >= _MIN_ALIKE)
    cosines = [(ids[first], ids[second], float(vectors[first] @ vectors[second])) for first, second in pairs]
    return sorted(cosines, key=lambda pair: -pair[2])[:limit]


def _min_cosine(voice: Voice) -> float:
    return MIN_SAME_VOICE if voice.seconds >= MIN_VOICE_S else _MIN_SHORT_VOICE


def _joined(voice: Voice, other: Voice) -> Voice:
    """Mean of the vectors, weighted by the time, of unit length again."""
    mean = voice.seconds * voice.vector + other.seconds * other.vector
    length = float(np.linalg.norm(mean))
    vector = (mean / length).astype(np.float32) if length > 0 else voice.vector
    return Voice(tuple(sorted((*voice.turns, *other.turns))), vector)
