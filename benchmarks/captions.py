"""Effect of a caption check with a known error: remaining wrong captions, and repeated captions.

    PYTHONPATH=. python benchmarks/captions.py [--wrong 0.2] [--again 0.5] [--sharpness 2]

`--wrong`: share of wrong captions; `--again`: share of second captions of the same frame that are wrong, too. The judge
is that of `judge.py`: the logit of a fitting caption is a normal deviate around the mean that gives the share of
errors, of a wrong one around minus that mean.
"""

import argparse
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from vidlocal.engines.served.caption_check import CaptionCheck

ERRORS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
_COUNT = 200_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wrong", type=float, default=0.2)
    parser.add_argument("--again", type=float, default=0.5)
    parser.add_argument("--sharpness", type=float, default=2.0)
    options = parser.parse_args()
    print(f"wrong without a check: {options.wrong:.1%}\njudge errs  wrong  asked again")
    for error in ERRORS:
        wrong, redone = check(options.wrong, options.again, error, options.sharpness)
        print(f"{error:10.0%}  {wrong:5.1%}  {redone:11.1%}")


def check(share_wrong: float, share_again: float, error: float, sharpness: float) -> tuple[float, float]:
    """Return the share of wrong captions after the check, and of captions asked for again."""
    rng = np.random.default_rng(1)
    first_wrong = rng.random(_COUNT) < share_wrong
    # A frame with a wrong caption is a hard one.
    second_wrong = rng.random(_COUNT) < np.where(first_wrong, share_again, share_wrong)
    first, second = (_judge(rng, wrong, error, sharpness) for wrong in (first_wrong, second_wrong))
    redone = first < CaptionCheck.MIN_PROBABILITY
    remaining = np.where(redone & (second > first), second_wrong, first_wrong)
    return float(remaining.mean()), float(redone.mean())


def _judge(
    rng: np.random.Generator, wrong: npt.NDArray[np.bool_], error: float, sharpness: float
) -> npt.NDArray[np.float64]:
    """Return the probabilities of captions fitting."""
    mean = -NormalDist().inv_cdf(error)
    logit = sharpness * (rng.normal(0, 1, wrong.size) + np.where(wrong, -mean, mean))
    probability: npt.NDArray[np.float64] = 1 / (1 + np.exp(-logit))
    return probability


if __name__ == "__main__":
    main()
