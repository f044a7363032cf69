"""Correction of cosines for passages near to everything."""

import numpy as np
import pytest

from tests.support.text_videos import KEY, add_vectors, add_video, random_rows
from vidlocal.store.database import Library
from vidlocal.store.index import vector_cache, vector_index
from vidlocal.store.index.hubness import Sample


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def test_a_passage_near_to_everything_is_a_hub() -> None:
    rows = unit(random_rows(400, dimensions=32, seed=1) + 0.1)
    hub = unit(rows.mean(axis=0))
    hubness = Sample(rows, np.arange(400)).hubness(np.stack([rows[0], hub]), np.array([0, 1000]))
    assert hubness[1] > hubness[0] + 0.1


def test_passages_of_the_same_video_are_no_neighbours() -> None:
    rows = random_rows(400, dimensions=32, seed=1)
    rows[:50] = rows[0]  # a scene with 50 equal captions
    videos = np.repeat(np.arange(8), 50)
    repeated, single = Sample(rows, videos).hubness(rows[[0, 60]], videos[[0, 60]])
    assert repeated == pytest.approx(single, abs=0.15)


@pytest.mark.parametrize("count", [0, 99])
def test_a_library_with_few_passages_of_other_videos_has_no_hubs(count: int) -> None:
    rows = random_rows(500, dimensions=32, seed=1)
    videos = np.where(np.arange(500) < count, 1, 0)
    assert not Sample(rows, videos).hubness(rows[-3:], videos[-3:]).any()


def test_a_hub_comes_after_a_passage_that_is_as_near(library: Library) -> None:
    common, query, other = np.eye(32, dtype=np.float32)[:3]
    for number in range(12):
        _, ids = add_video(library, f"clip {number}", [f"text {n}" for n in range(20)])
        add_vectors(library, ids, unit(0.2 * random_rows(20, seed=number) + common))
    _, (specific, hub) = add_video(library, "last", ["specific", "general"])
    add_vectors(library, [specific, hub], unit(np.stack([0.60 * query + 0.80 * other, 0.62 * query + 0.78 * common])))
    cache = vector_cache.prepare(library, KEY)
    nearest = vector_index.nearest(library, cache, query.tolist(), limit=5)
    assert list(nearest.cosines)[:2] == [specific, hub]
    assert nearest.cosines[hub] == pytest.approx(0.62, abs=0.01)
    assert nearest.corrections[hub] < 0 < nearest.corrections[specific]
