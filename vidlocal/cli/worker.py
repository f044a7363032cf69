"""`vidlocal worker`."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from vidlocal.app.session import run_session, working_hours
from vidlocal.cli.ui import console, hours_options, options
from vidlocal.cli.ui.progress import progress_line
from vidlocal.errors import UsageError
from vidlocal.settings import load
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock


def command(
    watch: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER",
            help="Take in what appears in this folder, once it has stopped growing. May be repeated.",
            show_default=False,
        ),
    ] = None,
    window: hours_options.WindowOption = None,
    now: Annotated[bool, typer.Option("--now", help="Work at any hour, not in the night window only.")] = False,
    when: hours_options.WhenOption = None,
    canary: Annotated[
        bool, typer.Option("--canary/--no-canary", help="Check now and then that the model really sees pictures.")
    ] = True,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Work off the queue night after night, as a service, until it is ended.

    The same as `vidlocal enrich --all overnight`, but it waits for more work when nothing is left, and for the
    Ollama server when that is away. Models and servers are those of the settings. Files that appear in a folder
    that is watched are taken in at any hour. With --json it prints one object per line: for every file, and for
    every time the queue was worked off.
    """
    from vidlocal.app.service import Service
    from vidlocal.ingest.folder_watcher import FolderWatcher

    settings = load({"window": window})
    hours = working_hours(settings, overnight=not now, now=False, when=when)
    if now and window is not None:
        raise UsageError("--now and --window contradict each other. Leave one of them out.")
    folders = [_folder(path) for path in watch or []]
    with ExitStack() as stack:
        library = stack.enter_context(Library.open(settings.home, create=True))
        lock = stack.enter_context(ProcessLock(library.folder))
        line = stack.enter_context(progress_line(quiet=quiet))
        session = stack.enter_context(run_session(library, lock, hours, line, exits=(typer.Exit, typer.Abort)))
        record = console.record if json else lambda value: None
        watcher = FolderWatcher(folders, time.monotonic)
        service = Service(library, settings, lock, session, watcher, record, canary=canary)
        service.check_models()
        service.serve()


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise UsageError(f"{path} is not a folder, so it cannot be watched.")
    return path.absolute()
