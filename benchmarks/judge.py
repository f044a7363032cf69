"""Effect of a judge with a known error on the order of results, and its rate of empty results.

    PYTHONPATH=. python benchmarks/judge.py SETS [--queries 300] [--sharpness 2]

SETS is a folder of sets as `retrieval.py` describes them. The best 50 moments of each query are found once; a simulated
judge then gives a correct moment a probability above one half, and any other one below, except for the given share of
errors: the logit is a normal deviate around plus or minus the matching mean, times the sharpness. Correct is the video,
for transcripts a moment with an overlap of 0.3. Printed are the MRR in the order of `judging.apply` for several weights
of the rank, and the shares of queries that are told to match nothing: of those with a correct moment among the 50
(lost), and of all, if the judge sees no correct moment (noticed).
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist

import numpy as np

from benchmarks.retrieval import KINDS, figures, fill, fixed, levels, lines, rank_of
from vidlocal.records import Moment
from vidlocal.search import judging
from vidlocal.search.run import MAX_JUDGED, SearchResult, search
from vidlocal.store.database import Library

ERRORS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4)
WEIGHTS = (0.0, 0.5, 1.0, 2.0, 4.0)

Found = tuple[SearchResult, frozenset[int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--sharpness", type=float, default=2.0)
    options = parser.parse_args()
    for folder in sorted(path for path in options.sets.iterdir() if path.is_dir()):
        report(folder.name, find_all(folder, options.queries), options.sharpness)


def find_all(folder: Path, count: int) -> list[Found]:
    """Results of `count` queries, each with the ranks of the correct moments from 0."""
    queries = lines(folder / "queries.jsonl")
    vectors = np.load(folder / "queries.f16.npy").astype(np.float32)
    level = "iou0.3" if folder.name in KINDS else "video"
    every = max(1, len(queries) // count)
    found = []
    with tempfile.TemporaryDirectory() as scratch, Library.open(Path(scratch), create=True) as library:
        fill(library, folder)
        for query, vector in list(zip(queries, vectors, strict=True))[::every]:
            result = search(library, str(query["query"]), limit=MAX_JUDGED, query_vector=fixed(vector))
            good = levels(query)[level]
            found.append((result, frozenset(rank for rank, moment in enumerate(result.moments) if good(moment))))
    return found


def report(name: str, found: Sequence[Found], sharpness: float) -> None:
    print(f"{name}: {len(found)} queries")
    print("  without a judge   " + figures(np.array([min(good) + 1.0 if good else np.inf for _, good in found])))
    for weight in WEIGHTS:
        judging.RANK_WEIGHT = weight
        print(f"  rank weight {weight:3}: MRR " + "  ".join(f"{mrr(found, error, sharpness):.3f}" for error in ERRORS))
    answered = [pair for pair in found if pair[1]]
    unanswered: list[Found] = [(result, frozenset()) for result, _ in found if result.moments]
    for case, pairs in (("lost", answered), ("noticed", unanswered)):
        print(f"  {case:16}     " + "  ".join(f"{refused(pairs, error, sharpness):.3f}" for error in ERRORS))


def mrr(found: Sequence[Found], error: float, sharpness: float) -> float:
    ranks = []
    for (result, good), judged in zip(found, judgements(found, error, sharpness), strict=True):
        correct = {result.moments[rank] for rank in good}
        ranks.append(rank_of(judging.apply(result, judged).moments, correct.__contains__))
    return float(np.mean(1 / np.array(ranks)))


def refused(found: Sequence[Found], error: float, sharpness: float) -> float:
    results = zip(found, judgements(found, error, sharpness), strict=True)
    return float(np.mean([not judging.apply(result, judged).is_confident for (result, _), judged in results]))


def judgements(found: Sequence[Found], error: float, sharpness: float) -> list[dict[Moment, float]]:
    mean, chance = -NormalDist().inv_cdf(error), np.random.default_rng(7)
    judged = []
    for result, good in found:
        signs = np.array([1 if rank in good else -1 for rank in range(len(result.moments))])
        logits = sharpness * (signs * mean + chance.standard_normal(len(signs)))
        judged.append(dict(zip(result.moments, (1 / (1 + np.exp(-logits))).tolist(), strict=True)))
    return judged


if __name__ == "__main__":
    main()
