"""Fuse word and vector search into a single ranking of passages. Pure.

The score of a passage is `trust * z + WORDS_WEIGHT * coverage ** WORDS_POWER`:

- z: standard deviations of the cosine, corrected for hubs, above the mean of all passages; 4 to 8 for the best passage
  of a real query.
- coverage: share of the query's words in the passage, by weight, 0 to 1.
- trust, 0 to 1: reliability of the vectors for this query. The passages with most of the query's words must have
  cosines above the mean, too. With a model that does not know the language they lie anywhere.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from heapq import nlargest
from statistics import median

from vidlocal.explanations import PassageExplanation
from vidlocal.store.index.vector_index import Nearest

# Tuned on four sets of human sentences about real videos together (`benchmarks/search.py --quality`). Gain of fusion
# over the better of words and vectors, in points, at the level of videos, with 95 % bootstrap intervals for R@10; then
# the same without trust, with 2.0 and 1.5:
#
#                     R@1    R@10                   MRR          R@1    R@10    MRR
#     activitynet    +0.6    +0.8  [+0.1, +1.6]    +0.7         +0.5    +0.7   +0.6
#     charades       +2.7    +2.6  [+1.1, +4.0]    +2.5         +2.8    +2.5   +2.4
#     msvd            0.0    +0.6  [-1.2, +2.4]    +0.5         -0.6    -0.3   -0.3
#     tutorialvqa    +1.7    +1.8  [+0.7, +3.1]    +2.0         +1.7    +1.1   +1.8
#
# Leave one out: constants tuned on three sets still beat the better channel on the fourth in R@10 (+1.5 to +2.7). With
# random vectors R@10 is 0.1 to 2.1 points below words alone (without trust: 27 to 53). Not done: adding up several
# passages of a video gains 1 to 2 points among long videos, but costs clips 6 in a mixed library. Reciprocal rank
# fusion (1 / (60 + rank)) loses 3 to 8 points on msvd and charades.
WORDS_WEIGHT = 2.5
WORDS_POWER = 2.0

# Trust is the mean z of the TRUST_SAMPLE best word matches, weighted by coverage, shrunk towards FULL_TRUST_Z by
# TRUST_PRIOR_WEIGHT pseudo-observations; scaled linearly from 0 at NO_TRUST_Z to 1 at FULL_TRUST_Z.
NO_TRUST_Z = 0.5
FULL_TRUST_Z = 2.5
TRUST_SAMPLE = 30
TRUST_PRIOR_WEIGHT = 5

# Limits for a passage found by its vector alone: a cosine beyond chance, MIN_Z above the mean, a third of the best z,
# and a similarity on the library's scale.
MIN_COSINE = 0.2
MIN_Z = 2.0
MIN_Z_RATIO = 1 / 3
MIN_SIMILARITY = 0.4

# A passage found by words is dropped below this ratio of the best coverage, unless its vector is near: `the sun goes
# down` shares two common words with `the bride walks down the aisle`.
MIN_COVERAGE_RATIO = 0.3

# Return no result unless the best passage reaches this similarity or this word coverage. Neither z nor the gap after
# the best passage tells a foreign query from one of the library better than chance; similarity does. By this limit, in
# percent: lost correct answers among the first ten (maximum of the sets), and foreign queries without a result, for
# transcripts of tutorialvqa against the other sets in both directions, and for captions against other captions:
#
#                          0.50        0.55        0.60        0.65
#     lost                  0.0         0.0         0.2         0.4
#     transcripts      43 to 89    62 to 89    69 to 89    71 to 93
#     captions          0 to 54     0 to 58     0 to 62     0 to 65
#
# (with a coverage of 0.3; slightly fewer with 0.25). Without activitynet: it is about everything and has a near passage
# for 75 % of the queries on transcripts at any limit. Models differ, hence the careful end.
MIN_TOP_SIMILARITY = 0.55
MIN_TOP_COVERAGE = 0.25
# Limit for words alone, without vectors.
MIN_WORDS_ONLY_COVERAGE = 0.15  # R@10 of words alone loses at most 0.3, with 0.2 up to 1.8

# Queries up to this length are literal: a name in a long speech is found despite its low coverage.
MAX_LITERAL_WORDS = 3

# Below both limits the result gets a notice about low confidence.
CONFIDENT_SIMILARITY = 0.7
CONFIDENT_COVERAGE = 0.4

# Avoids huge z in a library of nearly equal passages.
_MIN_SPREAD = 0.02
# With fewer passages, z above the mean says nothing.
_MIN_POPULATION = 30

# Raw score shown as 0.5 on the scale of 0 to 1.
_SCORE_MIDPOINT = 5.0


@dataclass(frozen=True, slots=True)
class Ranking:
    """Scores of 0 to 1 with explanations by passage id, best first. `is_confident`: at least one good match."""

    scores: Mapping[int, tuple[float, PassageExplanation]] = field(default_factory=dict)
    is_confident: bool = True


def rank(
    coverages: Mapping[int, float], nearest: Nearest | None, *, query_words: int = MAX_LITERAL_WORDS + 1
) -> Ranking:
    """Rank passages found by words (coverage by id) and by vectors. `query_words`: number of words in the query.

    Without vectors the score is the coverage. A passage without a vector gets the median z of the word matches.
    """
    if nearest is None or not nearest.cosines:
        return Ranking(_rank_by_words(coverages, query_words))
    spread = max(nearest.spread, _MIN_SPREAD)
    z = {
        passage_id: (cosine + nearest.corrections.get(passage_id, 0.0) - nearest.mean) / spread
        for passage_id, cosine in nearest.cosines.items()
    }
    near_ids = _near_matches(nearest, z)
    if not _has_near_match(nearest) and not _has_word_match(coverages, z, query_words):
        return Ranking()
    words_ranks = {passage_id: position for position, passage_id in enumerate(coverages, 1)}
    vector_ranks = {passage_id: position for position, passage_id in enumerate(nearest.cosines, 1)}
    median_z = median([z[passage_id] for passage_id in coverages if passage_id in z] or [0.0])
    trust = _trust(coverages, z)
    word_weights = {passage_id: WORDS_WEIGHT * coverage**WORDS_POWER for passage_id, coverage in coverages.items()}
    vector_weights = {passage_id: trust * z.get(passage_id, median_z) for passage_id in near_ids | coverages.keys()}
    raw_scores = {
        passage_id: weight + word_weights.get(passage_id, 0.0) for passage_id, weight in vector_weights.items()
    }
    remaining = _cut_tail(coverages, raw_scores, near_ids)
    scores = {
        passage_id: (
            max(0.0, score) / (max(0.0, score) + _SCORE_MIDPOINT),
            PassageExplanation(
                words_ranks.get(passage_id),
                coverages.get(passage_id),
                word_weights.get(passage_id, 0.0),
                vector_ranks.get(passage_id),
                nearest.cosines.get(passage_id),
                z.get(passage_id),
                vector_weights[passage_id],
            ),
        )
        for passage_id, score in sorted(remaining.items(), key=lambda pair: (-pair[1], pair[0]))
    }
    return Ranking(scores, _is_confident(coverages, nearest, query_words))


def _rank_by_words(coverages: Mapping[int, float], query_words: int) -> dict[int, tuple[float, PassageExplanation]]:
    if query_words > MAX_LITERAL_WORDS and max(coverages.values(), default=0.0) < MIN_WORDS_ONLY_COVERAGE:
        return {}
    remaining = _cut_tail(coverages, dict(coverages))
    scores = {}
    for position, passage_id in enumerate(coverages, 1):
        if passage_id in remaining:
            coverage = remaining[passage_id]
            explanation = PassageExplanation(position, coverage, coverage, None, None, None, 0.0)
            scores[passage_id] = coverage, explanation
    return scores


def _trust(coverages: Mapping[int, float], z: Mapping[int, float]) -> float:
    """Reliability of the vectors for this query, 0 to 1; 1 without word matches as counter-evidence."""
    sample = nlargest(
        TRUST_SAMPLE, ((coverage, z[passage_id]) for passage_id, coverage in coverages.items() if passage_id in z)
    )
    total_coverage = sum(coverage for coverage, _ in sample)
    if not total_coverage:
        return 1.0
    mean_z = sum(coverage * value for coverage, value in sample) / total_coverage
    expected = (len(sample) * mean_z + TRUST_PRIOR_WEIGHT * FULL_TRUST_Z) / (len(sample) + TRUST_PRIOR_WEIGHT)
    return min(1.0, max(0.0, (expected - NO_TRUST_Z) / (FULL_TRUST_Z - NO_TRUST_Z)))


def _near_matches(nearest: Nearest, z: Mapping[int, float]) -> set[int]:
    """Ids of passages near enough to be results by their vector alone."""
    min_z = MIN_Z_RATIO * max(z.values())
    if len(nearest.cosines) >= _MIN_POPULATION:
        min_z = max(min_z, MIN_Z)
    return {
        passage_id
        for passage_id, cosine in nearest.cosines.items()
        if z[passage_id] >= min_z
        and cosine >= MIN_COSINE
        and (nearest.scale is None or nearest.scale.normalized(cosine) >= MIN_SIMILARITY)
    }


def _has_near_match(nearest: Nearest) -> bool:
    """True if the nearest passage is as similar as for a query about this library."""
    return nearest.scale is None or nearest.scale.normalized(max(nearest.cosines.values())) >= MIN_TOP_SIMILARITY


def _has_word_match(coverages: Mapping[int, float], z: Mapping[int, float], query_words: int) -> bool:
    """True if a passage contains enough of the query's words. Passages without a vector need less."""
    if query_words <= MAX_LITERAL_WORDS:
        return bool(coverages)
    return any(
        coverage >= (MIN_TOP_COVERAGE if passage_id in z else MIN_WORDS_ONLY_COVERAGE)
        for passage_id, coverage in coverages.items()
    )


def _is_confident(coverages: Mapping[int, float], nearest: Nearest, query_words: int) -> bool:
    if query_words <= MAX_LITERAL_WORDS and coverages:
        return True
    similarity = 1.0 if nearest.scale is None else nearest.scale.normalized(max(nearest.cosines.values()))
    return similarity >= CONFIDENT_SIMILARITY or max(coverages.values(), default=0.0) >= CONFIDENT_COVERAGE


def _cut_tail(
    coverages: Mapping[int, float], scores: Mapping[int, float], near_ids: Collection[int] = ()
) -> dict[int, float]:
    """Drop passages with far lower coverage than the best passage, except near passages."""
    min_coverage = MIN_COVERAGE_RATIO * max(coverages.values(), default=0.0)
    return {
        passage_id: score
        for passage_id, score in scores.items()
        if passage_id in near_ids or coverages.get(passage_id, 0.0) >= min_coverage
    }
