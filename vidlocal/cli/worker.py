"""`vidlocal worker`."""

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from vidlocal.app.enrich.session import run_session, working_hours
from vidlocal.cli.ui import console, hours_options, options
from vidlocal.cli.ui.progress import progress_line
from vidlocal.errors import UsageError
from vidlocal.settings import load
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock

EXAMPLES = (
    "vidlocal worker --watch ~/Videos",
    "vidlocal worker --window 23:00-06:30",
    "vidlocal worker --now --when plugged",
)


def command(
    watch: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER",
            help="Index new files in this folder (repeatable).",
            show_default=False,
        ),
    ] = None,
    window: hours_options.WindowOption = None,
    now: Annotated[bool, typer.Option("--now", help="Work at any hour, not only at night.")] = False,
    when: hours_options.WhenOption = None,
    cluster: options.Cluster = False,
    scheduler: options.Scheduler = None,
    canary: Annotated[
        bool, typer.Option("--canary/--no-canary", help="Test from time to time that the model sees images.")
    ] = True,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Run as a service: caption every night, watch folders.

    Does the work of `vidlocal enrich --all overnight`, then waits for more; it also waits for an Ollama server that is
    down. New files in watched folders are indexed at any hour, once they stop growing. With --json it prints an object
    per line for each file and each time the queue is empty.
    """
    from vidlocal.app.enrich.service import Service
    from vidlocal.app.file_filter import file_filter
    from vidlocal.ingest.folder_watcher import FolderWatcher

    settings = options.with_cluster(load({"window": window}), cluster=cluster, scheduler=scheduler)
    hours = working_hours(settings, overnight=not now, now=False, when=when)
    if now and window is not None:
        raise UsageError("--now and --window exclude each other. Leave one of them out.")
    folders = [_folder(path) for path in watch or []]
    with ExitStack() as stack:
        library = stack.enter_context(Library.open(settings.home, create=True))
        lock = stack.enter_context(ProcessLock(library.folder))
        line = stack.enter_context(progress_line(quiet=quiet))
        session = stack.enter_context(run_session(library, lock, hours, line, exits=(typer.Exit, typer.Abort)))
        record = console.record if json else lambda value: None
        watcher = FolderWatcher(folders, time.monotonic, file_filter(settings))
        service = Service(library, settings, lock, session, watcher, record, canary=canary)
        service.check_models()
        service.serve()


def _folder(path: Path) -> Path:
    if not os.path.isdir(path):
        raise UsageError(f"{path}: not a folder")
    return path.absolute()
