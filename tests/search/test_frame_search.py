"""Frames similar to the words of a query."""

import numpy as np
import pytest

from tests.support import frame_vectors
from tests.support.text_videos import random_rows
from vidlocal.engines.served.query_vector import QueryVector
from vidlocal.records import PassageKind
from vidlocal.search.frame_search import CLIP_SCALE, FrameHits, search_frames
from vidlocal.store.database import Library
from vidlocal.store.index.search_filter import NO_FILTER, SearchFilter


def with_cosines(cosines: list[float] | np.ndarray, *, seed: int = 1) -> tuple[frame_vectors.Rows, QueryVector]:
    """Rows with exactly these cosines to the query."""
    wanted = np.asarray(cosines, dtype=np.float32)
    rows = random_rows(len(wanted), seed=seed)
    rows[:, 0] = 0
    rows *= (np.sqrt(1 - wanted**2) / np.linalg.norm(rows, axis=1))[:, None]
    rows[:, 0] = wanted
    return rows, QueryVector(frame_vectors.KEY, (1.0, *[0.0] * (rows.shape[1] - 1)))


def crowd(count: int = 1_000) -> np.ndarray:
    """Cosines of pictures without relation to the query, as from CLIP."""
    return np.random.default_rng(3).normal(0.18, 0.02, count).clip(max=0.235)


def seen(
    library: Library, cosines: list[float] | np.ndarray, only: SearchFilter = NO_FILTER
) -> tuple[FrameHits, list[int]]:
    rows, query = with_cosines(cosines)
    _, ids = frame_vectors.add_video(library, "one", rows)
    return search_frames(library, query, limit=100, search_filter=only), ids


def test_outstanding_frame_is_a_hit_with_its_reason(library: Library) -> None:
    found, ids = seen(library, [*crowd(), 0.27, 0.29])
    assert [hit.frame_id for hit in found.hits] == [ids[-1], ids[-2]]
    best = found.hits[0]
    assert (best.passage_id, best.kind, best.text) == (None, PassageKind.PICTURE, "")
    assert (best.start, best.end) == (10_010.0, 10_020.0)
    assert 0.4 < found.hits[1].score < best.score < 0.6
    assert found.why[best.key].rank == 1
    assert found.why[best.key].cosine == pytest.approx(0.29, abs=0.001)
    assert found.why[best.key].z == pytest.approx((0.29 - 0.18) / 0.02, abs=0.4)


def test_the_nearest_of_nothing_but_strangers_is_not_shown(library: Library) -> None:
    assert seen(library, crowd())[0].hits == ()


def test_images_common_to_half_a_library_are_found(library: Library) -> None:
    many = [0.3] * 450
    found, ids = seen(library, [*crowd(550), *many])
    assert {hit.frame_id for hit in found.hits} <= set(ids[550:])
    assert len(found.hits) == 100


def test_frames_far_below_the_best_are_dropped(library: Library) -> None:
    found, ids = seen(library, [*crowd(), 0.4, 0.26])
    assert [hit.frame_id for hit in found.hits] == [ids[-2]]


def test_the_cosines_of_other_models_have_another_scale(library: Library) -> None:
    rows, query = with_cosines([*(crowd() + 0.3), 0.62, 0.64])
    key = "embeddinggemma-2:440m@0123456789ab"
    _, ids = frame_vectors.add_video(library, "one", rows, key=key)
    hits = search_frames(library, QueryVector(key, query.values), limit=100, search_filter=NO_FILTER).hits
    assert [hit.frame_id for hit in hits if hit.score > 0.5] == [ids[-1], ids[-2]]


def test_few_pictures_are_no_crowd(library: Library) -> None:
    found, ids = seen(library, [0.1, 0.12, CLIP_SCALE.minimum, 0.29, 0.3])
    assert [hit.frame_id for hit in found.hits] == [ids[4], ids[3]]
    assert found.hits[0].score > found.hits[1].score > 0.3


def test_a_long_shot_does_not_crowd_out_the_rest(library: Library) -> None:
    found, ids = seen(library, [*crowd(), 0.29, 0.291, *[0.295] * 9, 0.3])
    scores = {hit.frame_id: hit.score for hit in found.hits}
    with library.writing() as connection:
        connection.execute("UPDATE frames SET shot = 7 WHERE id > ?", (ids[1000],))
    again = search_frames(library, with_cosines([0.0])[1], limit=100, search_filter=NO_FILTER)
    damped = {hit.frame_id: hit.score for hit in again.hits}
    near_by = {ids[-1], ids[-2], ids[-3], ids[-4]}  # within the longest moment
    assert {frame_id for frame_id in scores if damped[frame_id] == scores[frame_id]} == {ids[1000], *near_by}
    assert damped[ids[1001]] == pytest.approx(0.7 * scores[ids[1001]])


def test_filters_hold(library: Library) -> None:
    found, ids = seen(library, [*crowd(), 0.29, 0.3], SearchFilter(span=(10_000.0, 10_000.0)))
    assert [hit.frame_id for hit in found.hits] == [ids[1_000]]
