import math

import numpy as np
import pytest

from tests.texts import random_rows
from vidlocal.store import signs


@pytest.mark.parametrize("dimensions", [1, 64, 100, 384])
def test_signs_written_a_few_rows_at_a_time_are_compared_as_if_row_by_row(dimensions: int) -> None:
    rows = np.tile(random_rows(signs.BLOCK // 8, dimensions=dimensions, seed=3), (9, 1))
    rows[signs.BLOCK + 1] *= -1
    shape = signs.shape(len(rows), dimensions)
    file = bytearray(8 * math.prod(shape))
    for first, last in ((0, 1), (1, 700), (700, signs.BLOCK + 5), (signs.BLOCK + 5, len(rows))):
        for place, run in signs.runs(signs.bits_of(rows[first:last]), first):
            file[place : place + 8 * len(run)] = run.tobytes()
    blocks = np.frombuffer(bytes(file), dtype="<u8").reshape(shape)
    asked = random_rows(1, dimensions=dimensions, seed=4)[0]
    plain = ((rows > 0) != (asked > 0)).sum(axis=1)
    assert np.array_equal(signs.distances(blocks, asked)[: len(rows)], plain)
    at = np.array([0, 3, signs.BLOCK - 1, signs.BLOCK, signs.BLOCK + 1, len(rows) - 1])
    assert np.array_equal(signs.rows_at(blocks, at), signs.bits_of(rows[at]))
