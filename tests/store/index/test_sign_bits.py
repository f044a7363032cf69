import math

import numpy as np
import pytest

from tests.support.text_videos import random_rows
from vidlocal.store.index import sign_bits


@pytest.mark.parametrize("dimensions", [1, 64, 100, 384])
def test_bits_written_in_parts_are_compared_as_if_row_by_row(dimensions: int) -> None:
    rows = np.tile(random_rows(sign_bits.BLOCK_ROWS // 8, dimensions=dimensions, seed=3), (9, 1))
    rows[sign_bits.BLOCK_ROWS + 1] *= -1
    shape = sign_bits.shape(len(rows), dimensions)
    file = bytearray(8 * math.prod(shape))
    for first, last in ((0, 1), (1, 700), (700, sign_bits.BLOCK_ROWS + 5), (sign_bits.BLOCK_ROWS + 5, len(rows))):
        for offset, run in sign_bits.block_runs(sign_bits.pack(rows[first:last]), first):
            file[offset : offset + 8 * len(run)] = run.tobytes()
    blocks = np.frombuffer(bytes(file), dtype="<u8").reshape(shape)
    query = random_rows(1, dimensions=dimensions, seed=4)[0]
    plain = ((rows > 0) != (query > 0)).sum(axis=1)
    assert np.array_equal(sign_bits.distances(blocks, query)[: len(rows)], plain)
    positions = np.array(
        [0, 3, sign_bits.BLOCK_ROWS - 1, sign_bits.BLOCK_ROWS, sign_bits.BLOCK_ROWS + 1, len(rows) - 1]
    )
    assert np.array_equal(sign_bits.rows_at(blocks, positions), sign_bits.pack(rows[positions]))
