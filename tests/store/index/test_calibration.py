import numpy as np
import pytest

from tests.support.text_videos import random_rows
from vidlocal.store.index import calibration


def subjects(videos: int, each: int, *, offset: float = 0.0) -> tuple["np.ndarray", "np.ndarray"]:
    """Videos about the same eight subjects; `offset`: share of a common direction in all vectors."""
    rows = random_rows(8, dimensions=63)[np.arange(videos * each) % 8] + 0.05 * random_rows(
        videos * each, dimensions=63
    )
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    shared = np.full((len(rows), 1), np.sqrt(offset))
    return np.hstack([np.sqrt(1 - offset) * rows, shared]).astype(np.float32), np.repeat(np.arange(videos), each)


def test_the_scale_runs_from_unrelated_texts_to_near_duplicates() -> None:
    rows, videos = subjects(20, 16)
    scale = calibration.fit(rows, videos)
    assert scale is not None
    assert scale.normalized(scale.unrelated) == 0.0
    assert scale.normalized(float(rows[0] @ rows[16])) == pytest.approx(1.0, abs=0.05)


def test_a_model_with_high_cosines_has_the_same_scale() -> None:
    plain, videos = subjects(20, 16)
    raised, _ = subjects(20, 16, offset=0.6)
    one, other = calibration.fit(plain, videos), calibration.fit(raised, videos)
    assert one is not None
    assert other is not None
    pairs = zip(plain[:50], plain[50:100], raised[:50], raised[50:100], strict=True)
    for a, b, c, d in pairs:
        assert one.normalized(float(a @ b)) == pytest.approx(other.normalized(float(c @ d)), abs=0.01)


def test_a_query_with_a_prefix_is_measured_from_its_mean() -> None:
    rows, videos = subjects(20, 16, offset=0.6)
    scale = calibration.fit(rows, videos)
    assert scale is not None
    asked = scale.with_query_mean(scale.mean - 0.9)
    assert asked.normalized(scale.mean - 0.9) == 0.0
    assert asked.normalized(scale.near_duplicate - 0.9) == pytest.approx(1.0)


def test_passages_of_one_video_are_no_near_duplicates() -> None:
    rows = np.repeat(random_rows(40, dimensions=64), 10, axis=0)
    scale = calibration.fit(rows, np.repeat(np.arange(40), 10))
    assert scale is not None
    assert scale.near_duplicate < 0.9
    alone = calibration.fit(rows, np.zeros(len(rows), dtype=np.int64))
    assert alone is not None
    assert alone.near_duplicate == pytest.approx(1.0)


def test_few_passages_and_equal_ones_have_no_scale() -> None:
    assert calibration.fit(random_rows(29, dimensions=64), np.arange(29)) is None
    assert calibration.fit(np.tile(random_rows(1, dimensions=64), (50, 1)), np.arange(50)) is None
