"""Waiting times between retries."""

import random

import pytest

from vidlocal.engines.backoff import wait_s


@pytest.mark.parametrize(("failures", "max_wait"), [(0, 2.0), (1, 2.0), (2, 4.0), (5, 32.0), (6, 60.0), (10_000, 60.0)])
def test_waits_double_up_to_a_minute(failures: int, max_wait: float) -> None:
    waits = [wait_s(failures, rng=random.Random(seed)) for seed in range(200)]
    assert 0.0 <= min(waits) < max_wait * 0.2
    assert max_wait * 0.8 < max(waits) <= max_wait


def test_retry_after_is_respected_up_to_ten_minutes() -> None:
    assert wait_s(1, rng=random.Random(1), retry_after=30.0) == 30.0
    assert wait_s(1, rng=random.Random(1), retry_after=1e9) == 600.0
