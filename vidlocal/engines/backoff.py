"""How long to wait before asking again."""

import random

BASE_S = 2.0
MAX_S = 60.0


def wait_s(failures: int, *, rng: random.Random, retry_after: float | None = None) -> float:
    """Seconds to wait after the n-th failure running (1, 2, ...): full jitter under 2, 4, 8 ... 60 s.

    Never less than the server asked for, which is believed up to ten minutes. Formula: "Exponential
    Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    ceiling = min(MAX_S, BASE_S * 2.0 ** min(max(failures, 1) - 1, 16))
    return max(rng.uniform(0.0, ceiling), min(retry_after or 0.0, 10 * MAX_S))
