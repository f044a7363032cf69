"""Tables keep every letter at any width."""

import io

import pytest
from rich.console import Console

from vidlocal.render.grid import grid

HEADS = ["id", "title", "frames", "distinct", "reason"]
ROW = ["12", "the wedding of anna and ben", "1,234", "987", "the file is on a drive that is not connected"]


@pytest.mark.parametrize("width", [20, 40, 80, 140])
def test_every_word_is_whole_at_every_width(width: int) -> None:
    output = io.StringIO()
    console = Console(file=output, width=width)
    console.print(grid(HEADS, [ROW], width=width, numbers={"id", "frames", "distinct"}))
    words = output.getvalue().replace(",\n", " ").replace(", ", " ").split()
    assert set(" ".join([*HEADS, *ROW]).split()) <= set(words)
    assert all(len(line) <= width for line in output.getvalue().splitlines())
