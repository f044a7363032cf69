"""Join voices that are one: several clusters of a diarization, stretches of a video, videos of a library. Pure."""

from collections.abc import Iterable, Sequence

import numpy as np

from vidlocal.engines.arrays import Vectors
from vidlocal.engines.base import Voice

# Cosine of two vectors of the same voice, from 5 s of speech on. CAM++: two stretches of one speaker 0.69 and more, of
# different speakers 0.25 and less, on recordings of the same kind; worse between a call and a film.
MIN_SAME_VOICE = 0.5

# Vectors of less speech vary: they join a voice, but found none beside one that is nearly as near.
MIN_VOICE_S = 3.0
_MIN_SHORT_VOICE = 0.35


def join(voices: Iterable[Voice]) -> list[Voice]:
    """Join the voices that are one, in order of the time they speak."""
    joined: list[Voice] = []
    for voice in sorted(voices, key=lambda voice: -voice.seconds):
        position = nearest(voice.vector, [other.vector for other in joined], min_cosine=_min_cosine(voice))
        if position is None:
            joined.append(voice)
        else:
            joined[position] = _joined(joined[position], voice)
    return sorted(joined, key=lambda voice: voice.turns[0])


def nearest(vector: Vectors, others: Sequence[Vectors], *, min_cosine: float = MIN_SAME_VOICE) -> int | None:
    """Return the position of the nearest of `others`, all unit vectors, None if none is the same voice."""
    if not others:
        return None
    cosines = np.stack(others) @ vector
    position = int(cosines.argmax())
    return position if float(cosines[position]) >= min_cosine else None


def _min_cosine(voice: Voice) -> float:
    return MIN_SAME_VOICE if voice.seconds >= MIN_VOICE_S else _MIN_SHORT_VOICE


def _joined(voice: Voice, other: Voice) -> Voice:
    """Mean of the vectors, weighted by the time, of unit length again."""
    mean = voice.seconds * voice.vector + other.seconds * other.vector
    length = float(np.linalg.norm(mean))
    vector = (mean / length).astype(np.float32) if length > 0 else voice.vector
    return Voice(tuple(sorted((*voice.turns, *other.turns))), vector)
