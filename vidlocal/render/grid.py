"""A plain terminal table with a header, as a rich renderable. Pure."""

from collections.abc import Collection, Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from vidlocal.render.sanitize import one_line

_GAP_CELLS = 2
_MIN_TEXT_CELLS = 8


def grid(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, width: int, numbers: Collection[str] = ()
) -> RenderableType:
    """A table of `rows` with the header `heads`. Columns in `numbers` are right-aligned, all other columns wrap.

    Where `width` has no room for all columns, each row is a paragraph instead: `id 1, title wedding, frames 20`.
    """
    cells = [[one_line(cell) for cell in row] for row in rows]
    if _min_width(heads, cells, numbers) > width:
        pairs = ([f"{head} {cell}" for head, cell in zip(heads, row, strict=True) if cell] for row in cells)
        return Group(*(Text(", ".join(row)) for row in pairs))
    table = Table(box=None, pad_edge=False, padding=(0, _GAP_CELLS, 0, 0), header_style="dim")
    for head in heads:
        is_number = head in numbers
        table.add_column(head, justify="right" if is_number else "left", overflow="fold", no_wrap=is_number)
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def _min_width(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[str]) -> int:
    columns = zip(heads, *rows, strict=True)
    widths = (
        max(map(cell_len, column)) if column[0] in numbers else max(cell_len(column[0]), _MIN_TEXT_CELLS)
        for column in columns
    )
    return sum(width + _GAP_CELLS for width in widths)
