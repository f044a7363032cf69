from collections.abc import Mapping

import pytest

from vidlocal.search.fusion import Ranking, rank
from vidlocal.store.index.calibration import SimilarityScale
from vidlocal.store.index.vector_index import Nearest

# Strangers have a cosine of 0.0 here, passages that tell of the same one of 0.6.
SCALE = SimilarityScale(unrelated=0.0, near_duplicate=0.6, mean=0.1)


def crowd(scale: SimilarityScale | None = None, **cosines: float) -> Nearest:
    """40 passages from id 100 on around 0.1, and others at given values (`_7=0.5`: number 7)."""
    found = {n + 100: 0.1 for n in range(40)} | {int(key[1:]): value for key, value in cosines.items()}
    return Nearest(dict(sorted(found.items(), key=lambda pair: -pair[1])), 0.1, 0.1, scale)


def order(ranking: Ranking) -> list[int]:
    return list(ranking.scores)


def values(ranking: Ranking) -> Mapping[int, float]:
    return {passage_id: score for passage_id, (score, _) in ranking.scores.items()}


def test_scores_are_in_order_and_between_0_and_1() -> None:
    found = rank({1: 1.0, 2: 0.4}, crowd(_1=0.8, _2=0.1, _4=0.7))
    assert order(found) == [1, 4, 2]
    assert all(0.0 <= score <= 1.0 for score in values(found).values())


def test_distant_meanings_are_cut_off_and_words_are_not() -> None:
    assert set(order(rank({7: 0.3}, crowd(_1=0.9, _2=0.6, _3=0.32, _7=-0.3)))) == {1, 2, 7}


def test_library_of_equal_vectors_is_searchable() -> None:
    assert order(rank({1: 0.5}, Nearest({1: 0.5, 2: 0.5}, 0.5, 0.0)))[0] == 1
    assert not rank({}, Nearest({}, 0.0, 0.0)).scores


def test_meaning_decides_where_it_agrees_with_the_words() -> None:
    words = dict.fromkeys(range(30), 0.5)
    agreeing = crowd(None, **{f"_{n}": 0.4 for n in range(30)}, _99=0.6)
    assert order(rank(words, agreeing))[0] == 99


def test_words_decide_where_their_passages_lie_anywhere_in_meaning() -> None:
    words = {n: 0.9 - n / 100 for n in range(30)}
    anywhere = crowd(None, **{f"_{n}": 0.1 for n in range(30)}, _99=0.6)
    found = rank(words, anywhere)
    assert order(found)[:30] == list(range(30))
    assert found.scores[99][1].meaning_weight == 0.0


def test_a_few_words_prove_little_against_meaning() -> None:
    found = rank({1: 0.4, 2: 0.4}, crowd(_1=0.1, _2=0.1, _3=0.6))
    assert order(found)[0] == 3


def test_meaning_counts_fully_where_no_word_is_known() -> None:
    found = rank({}, crowd(_1=0.6))
    assert found.scores[1][1].meaning_weight == pytest.approx(5.0)


def test_nothing_is_shown_where_the_nearest_is_far_and_no_passage_holds_the_words() -> None:
    assert rank({}, crowd(SCALE, _1=0.4)).scores
    assert not rank({}, crowd(SCALE, _1=0.3)).scores
    assert not rank({5: 0.2}, crowd(SCALE, _1=0.3, _5=0.1)).scores


def test_word_matches_are_shown_at_any_similarity() -> None:
    assert order(rank({5: 0.5}, crowd(SCALE, _1=0.3, _5=0.1)))[-1] == 5
    assert 5 in rank({5: 0.5}, crowd(SCALE, _5=-0.5)).scores


def test_a_passage_without_a_vector_is_judged_by_its_words_alone() -> None:
    assert order(rank({5: 0.2}, crowd(SCALE, _1=0.12))) == [5]


def test_cosine_is_calibrated_per_library() -> None:
    raised = SimilarityScale(unrelated=0.5, near_duplicate=0.8, mean=0.55)
    near = Nearest({1: 0.6} | dict.fromkeys(range(100, 140), 0.5), 0.5, 0.03, raised)
    assert not rank({}, near).scores
    assert rank({}, Nearest(near.cosines, near.mean, near.spread, None)).scores


def test_by_words_alone_a_trace_of_the_query_is_nothing() -> None:
    assert not rank({1: 0.12, 2: 0.05}, None).scores
    assert order(rank({1: 0.2, 2: 0.1, 3: 0.02}, None)) == [1, 2]


def test_it_is_known_whether_anything_fits_well() -> None:
    assert rank({}, crowd(SCALE, _1=0.5)).is_confident
    assert not rank({}, crowd(SCALE, _1=0.4)).is_confident
    assert rank({5: 0.6}, crowd(SCALE, _1=0.4)).is_confident
    assert rank({5: 0.2}, None).is_confident


def test_a_name_in_a_long_speech_is_found_though_it_is_little_of_either() -> None:
    found = rank({5: 0.1}, crowd(SCALE, _5=0.1), query_words=1)
    assert order(found) == [5]
    assert found.is_confident
    assert order(rank({5: 0.1}, None, query_words=2)) == [5]
    assert not rank({5: 0.1}, crowd(SCALE, _5=0.1), query_words=4).scores
