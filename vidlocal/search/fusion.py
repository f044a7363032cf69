"""One ranking of passages from what their words and what their meaning say. Pure.

A passage's score is `trust * z + WORDS_WEIGHT * coverage ** WORDS_POWER`:

- z is how many standard deviations its cosine lies above that of passages in general; the best passage of a real query
  has 4 to 8.
- coverage is how much of the query's words, by their weight, it holds, 0 to 1.
- trust, 0 to 1, is whether the vectors know what the query is about: the passages that hold most of its words must lie
  above passages in general in meaning too. A model that does not know the language lets them lie anywhere.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from heapq import nlargest
from statistics import median

from vidlocal.records import PassageExplanation
from vidlocal.store.index.vector_index import Nearest

# Found on four sets of human sentences about real videos at once, with nothing tuned for one of them
# (`benchmarks/search.py --quality`). Fused against the better of words and vectors, in points, level of videos, with
# the borders of 95 % of resamples for R@10; then the same before trust came in, with 2.0 and 1.5:
#
#                     R@1    R@10                   MRR          R@1    R@10    MRR
#     activitynet    +0.6    +0.8  [+0.1, +1.6]    +0.7         +0.5    +0.7   +0.6
#     charades       +2.7    +2.6  [+1.1, +4.0]    +2.5         +2.8    +2.5   +2.4
#     msvd            0.0    +0.6  [-1.2, +2.4]    +0.5         -0.6    -0.3   -0.3
#     tutorialvqa    +1.7    +1.8  [+0.7, +3.1]    +2.0         +1.7    +1.1   +1.8
#
# Constants chosen on three of them leave the fourth above its better channel in R@10 each time (+1.5 to +2.7). With
# vectors of nothing but chance R@10 is 0.1 to 2.1 below words alone; before it was 27 to 53. Several passages of one
# video backing each other gain 1 to 2 points where all videos are long, and cost clips 6 in a mixed library: not done.
# Rank fusion (1 / (60 + rank)) loses 3 to 8 points on msvd and charades.
WORDS_WEIGHT = 2.5
WORDS_POWER = 2.0

# The z, on average and weighed by coverage, of the SPOKEN_FOR passages that hold most of the query's words: up to
# UNTRUSTED_Z vectors count nothing, from TRUSTED_Z on fully. GRANTED more of them are taken to have the latter, so that
# three hits prove little.
UNTRUSTED_Z = 0.5
TRUSTED_Z = 2.5
SPOKEN_FOR = 30
GRANTED = 5

# A passage that does not hold enough of the query's words is shown when its meaning is near: a cosine no chance
# reaches, LEAST_Z above the crowd, a third as far out as the best one, and some way from strangers to its like.
LEAST_COSINE = 0.2
LEAST_Z = 2.0
LEAST_SHARE = 1 / 3
LEAST_NEARNESS = 0.4

# One that holds less than this part of what the best one holds of the query's words, and whose meaning is not near,
# is left out: `the sun goes down` shares two common words with `the bride walks down the aisle`.
LEAST_COVERAGE_SHARE = 0.3

# Nothing is shown where nothing is as near as this or holds as much of the words: nearest is not near. z and the gap
# behind the best tell a strange query from one of the library no better than chance; nearness does. By this border,
# in percent: right answers among the first ten that are lost, at most, and queries of another set that find nothing,
# transcripts of tutorialvqa asked of the others or the other way round, and captions asked of other captions:
#
#                          0.50        0.55        0.60        0.65
#     lost                  0.0         0.0         0.2         0.4
#     transcripts      43 to 89    62 to 89    69 to 89    71 to 93
#     captions          0 to 54     0 to 58     0 to 62     0 to 65
#
# (with 0.3 for words; with 0.25 some fewer). activitynet is left out: about everything, it has something near to 75 %
# of the transcripts' queries at any of these. Models differ, so that the careful end was taken.
FAR_NEARNESS = 0.55
FAR_COVERAGE = 0.25
# By words alone, where nothing is known of meaning.
BARE_COVERAGE = 0.15  # R@10 of words alone loses 0.3 at most, with 0.2 up to 1.8

# So few words are meant word by word: a name in a long speech is found, however little that is of either.
FEW_WORDS = 3

# Below both of these what is shown is said to fit badly.
GOOD_NEARNESS = 0.7
GOOD_COVERAGE = 0.4

# z of a library so alike that its cosines hardly differ would explode.
_LEAST_SPREAD = 0.02
_CROWD = 30

# Where the score of 0 to 1 that people see has its middle.
_MIDDLE = 5.0


@dataclass(frozen=True, slots=True)
class Ranking:
    """Scores of 0 to 1 and their reasons by passage id, best first. `fits`: at least one of them fits well."""

    scores: Mapping[int, tuple[float, PassageExplanation]] = field(default_factory=dict)
    fits: bool = True


def rank(words: Mapping[int, float], near: Nearest | None, *, asked: int = FEW_WORDS + 1) -> Ranking:
    """What to show of the passages with these words (coverage by id) and this meaning, in one order.

    `asked` is how many words the query has.

    Without vectors the score is the coverage. A passage that has no vector yet is taken to be as near as the other
    passages that share words with the query are.
    """
    if near is None or not near.cosines:
        return Ranking(_by_words(words, asked))
    spread = max(near.spread, _LEAST_SPREAD)
    z = {passage_id: (cosine - near.mean) / spread for passage_id, cosine in near.cosines.items()}
    is_near = _near(near, z)
    if not _within_reach(near) and not _covered(words, z, asked):
        return Ranking()
    worded = {passage_id: place for place, passage_id in enumerate(words, 1)}
    meant = {passage_id: place for place, passage_id in enumerate(near.cosines, 1)}
    usual = median([z[passage_id] for passage_id in words if passage_id in z] or [0.0])
    trust = _trust(words, z)
    by_words = {one: WORDS_WEIGHT * covered**WORDS_POWER for one, covered in words.items()}
    by_meaning = {one: trust * z.get(one, usual) for one in is_near | words.keys()}
    scores = {one: weight + by_words.get(one, 0.0) for one, weight in by_meaning.items()}
    kept = _without_tail(words, scores, is_near)
    ranked = {
        one: (
            max(0.0, score) / (max(0.0, score) + _MIDDLE),
            PassageExplanation(
                worded.get(one),
                words.get(one),
                by_words.get(one, 0.0),
                meant.get(one),
                near.cosines.get(one),
                z.get(one),
                by_meaning[one],
            ),
        )
        for one, score in sorted(kept.items(), key=lambda pair: (-pair[1], pair[0]))
    }
    return Ranking(ranked, _fits(words, near, asked))


def _by_words(words: Mapping[int, float], asked: int) -> dict[int, tuple[float, PassageExplanation]]:
    if asked > FEW_WORDS and max(words.values(), default=0.0) < BARE_COVERAGE:
        return {}
    kept = _without_tail(words, dict(words))
    places = enumerate(words, 1)
    return {
        one: (kept[one], PassageExplanation(place, kept[one], kept[one], None, None, None, 0.0))
        for place, one in places
        if one in kept
    }


def _trust(words: Mapping[int, float], z: Mapping[int, float]) -> float:
    """How much the vectors count for this query, 0 to 1: fully where no word says anything against them."""
    spoken_for = nlargest(SPOKEN_FOR, ((covered, z[one]) for one, covered in words.items() if one in z))
    whole = sum(covered for covered, _ in spoken_for)
    if not whole:
        return 1.0
    seen = sum(covered * height for covered, height in spoken_for) / whole
    expected = (len(spoken_for) * seen + GRANTED * TRUSTED_Z) / (len(spoken_for) + GRANTED)
    return min(1.0, max(0.0, (expected - UNTRUSTED_Z) / (TRUSTED_Z - UNTRUSTED_Z)))


def _near(near: Nearest, z: Mapping[int, float]) -> set[int]:
    """The passages whose meaning is near enough to show them for it alone."""
    floor = LEAST_SHARE * max(z.values())
    # A handful of passages is no crowd to stand out from.
    least = floor if len(near.cosines) < _CROWD else max(floor, LEAST_Z)
    return {
        one
        for one, cosine in near.cosines.items()
        if z[one] >= least
        and cosine >= LEAST_COSINE
        and (near.scale is None or near.scale.normalized(cosine) >= LEAST_NEARNESS)
    }


def _within_reach(near: Nearest) -> bool:
    """Whether the nearest passage is one that a query of this library would have."""
    return near.scale is None or near.scale.normalized(max(near.cosines.values())) >= FAR_NEARNESS


def _covered(words: Mapping[int, float], z: Mapping[int, float], asked: int) -> bool:
    """Whether some passage holds enough of the query's words where none is near in meaning.

    Of a passage without a vector nothing is known but its words.
    """
    if asked <= FEW_WORDS:
        return bool(words)
    return any(covered >= (FAR_COVERAGE if one in z else BARE_COVERAGE) for one, covered in words.items())


def _fits(words: Mapping[int, float], near: Nearest, asked: int) -> bool:
    if asked <= FEW_WORDS and words:
        return True
    nearest = 1.0 if near.scale is None else near.scale.normalized(max(near.cosines.values()))
    return nearest >= GOOD_NEARNESS or max(words.values(), default=0.0) >= GOOD_COVERAGE


def _without_tail(
    words: Mapping[int, float], scores: Mapping[int, float], is_near: Collection[int] = ()
) -> dict[int, float]:
    """`scores` without the passages that share too little of the query, where another one has much more."""
    least = LEAST_COVERAGE_SHARE * max(words.values(), default=0.0)
    return {one: score for one, score in scores.items() if one in is_near or words.get(one, 0.0) >= least}
