"""Waiting times between retries."""

import random

BASE_S = 2.0
MAX_S = 60.0
_MAX_RETRY_AFTER_S = 10 * MAX_S


def wait_s(failures: int, *, rng: random.Random, retry_after: float | None = None) -> float:
    """Return the wait after the n-th failure in a row (1, 2, ...): full jitter below 2, 4, 8 ... 60 s.

    At least `retry_after` (seconds) of the server, but that only up to ten minutes. Formula: "Exponential Backoff And
    Jitter", AWS Architecture Blog, 2015.
    """
    ceiling = min(MAX_S, BASE_S * 2.0 ** min(max(failures, 1) - 1, 16))
    return max(rng.uniform(0.0, ceiling), min(retry_after or 0.0, _MAX_RETRY_AFTER_S))
