"""Draws docs/search.svg: real searches of the demo's clip, as a terminal shows them.

python docs/draw_search.py
"""

import io
import tempfile
from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path

from rich.console import Console
from rich.text import Text

from vidlocal import settings
from vidlocal.cli.demo import CLIP, QUERIES
from vidlocal.cli.ingest import open_tools
from vidlocal.ingest.run import ingest
from vidlocal.render import table
from vidlocal.render.highlight import query_words
from vidlocal.search.run import search
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock

WIDTH = 88


def main() -> None:
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, markup=False, highlight=False)
    with ExitStack() as stack:
        clip = stack.enter_context(as_file(files("vidlocal") / "demo" / CLIP))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        library = stack.enter_context(Library.open(folder, create=True))
        owner = stack.enter_context(ProcessLock(folder))
        tools = open_tools(stack, settings.load({"home": folder, "models_folder": folder}))
        list(ingest(library, [clip], tools, owner, every=2.0))
        for query in QUERIES:
            console.print(Text(f'$ vidlocal search "{query}"', style="bold green"))
            console.print(table.moments(search(library, query, limit=2).moments, query_words(query), width=WIDTH))
            console.print()
    Path(__file__).with_name("search.svg").write_text(console.export_svg(title="vidlocal"), "utf-8")


if __name__ == "__main__":
    main()
