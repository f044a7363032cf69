"""Equal voices are joined, different voices are not."""

import numpy as np
import pytest

from vidlocal.engines.base import Voice
from vidlocal.engines.speakers.voice_matching import MIN_SAME_VOICE, alike, join, nearest


def vector(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    array = np.array(values, dtype=np.float32)
    return np.asarray(array / np.linalg.norm(array), dtype=np.float32)


def test_clusters_of_one_voice_are_joined_in_order_of_time() -> None:
    first = Voice(((20.0, 30.0),), vector(1, 0.1, 0))
    other = Voice(((0.0, 15.0),), vector(0, 0.2, 1))
    again = Voice(((40.0, 44.0),), vector(0.9, -0.3, 0))
    joined = join([first, other, again])
    assert [voice.turns for voice in joined] == [((0.0, 15.0),), ((20.0, 30.0), (40.0, 44.0))]
    assert float(np.linalg.norm(joined[1].vector)) == pytest.approx(1)
    assert joined[1].vector @ first.vector > joined[1].vector @ again.vector  # it spoke longer


def test_a_short_voice_joins_a_nearer_one_only() -> None:
    long = Voice(((0.0, 60.0),), vector(1, 0))
    near, far = vector(0.6, 0.9), vector(0.1, 1)
    assert 0.45 < float(long.vector @ near) < MIN_SAME_VOICE
    assert len(join([long, Voice(((70.0, 71.0),), near)])) == 1
    assert len(join([long, Voice(((70.0, 80.0),), near)])) == 2
    assert len(join([long, Voice(((70.0, 71.0),), far)])) == 2


def test_the_nearest_voice_counts_if_it_is_near_enough() -> None:
    assert nearest(vector(1, 0), []) is None
    assert nearest(vector(1, 0), [vector(0, 1), vector(1, 1), vector(1, 0.1)]) == 2
    assert nearest(vector(1, 0), [vector(0, 1), vector(0.2, 1)]) is None
    assert nearest(vector(1, 0), [vector(-1, 0)]) is None


def test_readers_of_the_same_kind_of_recording_stay_apart() -> None:
    """The vectors share a large part: 0.39 on average, up to 0.6 in 1 of 300 pairs."""
    assert nearest(vector(1, 0), [vector(0.6, 0.8)]) is None


def test_pairs_that_sound_alike_are_listed_the_nearest_first() -> None:
    means = {3: vector(1, 0, 0), 5: vector(1.2, 2, 0), 8: vector(0, 1, 0.2), 9: vector(0, 0, 1)}
    assert [(first, second) for first, second, _ in alike(means, limit=9)] == [(5, 8), (3, 5)]
    assert len(alike(means, limit=1)) == 1
    assert alike({1: vector(1, 0)}, limit=9) == alike({}, limit=9) == []
