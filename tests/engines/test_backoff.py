"""How long we wait before asking a busy server again."""

import random

import pytest

from vidlocal.engines.backoff import wait_s


@pytest.mark.parametrize(("failures", "longest"), [(0, 2.0), (1, 2.0), (2, 4.0), (5, 32.0), (6, 60.0), (10_000, 60.0)])
def test_patience_doubles_up_to_a_minute(failures: int, longest: float) -> None:
    waits = [wait_s(failures, rng=random.Random(seed)) for seed in range(200)]
    assert 0.0 <= min(waits) < longest * 0.2
    assert longest * 0.8 < max(waits) <= longest


def test_the_server_is_believed_when_it_names_a_time_but_not_for_ever() -> None:
    assert wait_s(1, rng=random.Random(1), retry_after=30.0) == 30.0
    assert wait_s(1, rng=random.Random(1), retry_after=1e9) == 600.0
