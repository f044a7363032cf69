"""The bundled demo clip, indexed into a separate library."""

from collections.abc import Callable
from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path

from vidlocal.app.engines.open_engines import open_ingest_tools
from vidlocal.errors import ToolError
from vidlocal.ingest.meter import IngestProgress
from vidlocal.ingest.outcome import IngestResult, Outcome
from vidlocal.ingest.run import ingest
from vidlocal.settings import load
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock

CLIP = "a-year-outside.mp4"
# A query answered by the subtitles, one by the image only, one by both, in other forms of the words.
QUERIES = ("boat sails home", "grimsel pass 2164", "rising balloons")


def open_demo_library(
    stack: ExitStack, folder: Path, *, on_progress: Callable[[IngestProgress], None]
) -> tuple[Library, Outcome]:
    """Create a library in `folder`, closed with `stack`, and ingest the demo clip.

    Raises ToolError if that fails: the clip is known to be good.
    """
    clip = stack.enter_context(as_file(files("vidlocal") / "demo" / CLIP))
    library = stack.enter_context(Library.open(folder, create=True))
    # Independent of the user's models: the demo is the same everywhere.
    settings = load({"home": folder, "models_folder": folder / "models", "whisper_model": "base"})
    lock = stack.enter_context(ProcessLock(folder))
    tools = open_ingest_tools(stack, settings)
    (outcome,) = ingest(library, [clip], tools, lock, every=2.0, on_progress=on_progress)
    if outcome.result is not IngestResult.ADDED:
        raise ToolError(f"Cannot read the demo clip: {outcome.reason} Run: vidlocal doctor")
    return library, outcome
