"""Draws docs/search.svg: real searches of the demo's clip, in the form of a terminal.

python docs/draw_search.py
"""

import io
import tempfile
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.text import Text

from vidlocal.app.demo import QUERIES, open_demo_library
from vidlocal.render import table
from vidlocal.render.highlight import query_words
from vidlocal.search.run import search

WIDTH = 88


def main() -> None:
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, markup=False, highlight=False)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        library, _ = open_demo_library(stack, folder, on_progress=lambda progress: None)
        for query in QUERIES:
            console.print(Text(f'$ vidlocal search "{query}"', style="bold green"))
            console.print(table.moments(search(library, query, limit=2).moments, query_words(query), width=WIDTH))
            console.print()
    Path(__file__).with_name("search.svg").write_text(console.export_svg(title="vidlocal"), "utf-8")


if __name__ == "__main__":
    main()
