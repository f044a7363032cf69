"""A plain terminal table with a header, as a rich renderable. Pure."""

from collections.abc import Collection, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from vidlocal.render.sanitize import one_line


def grid(heads: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Collection[str] = ()) -> RenderableType:
    """A table of `rows` with the header `heads`. Columns in `numbers` are right-aligned; the last column may wrap."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in heads:
        table.add_column(
            head,
            justify="right" if head in numbers else "left",
            overflow="fold" if head == heads[-1] else "ellipsis",
            no_wrap=head != heads[-1],
        )
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    return table
