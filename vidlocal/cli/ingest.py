"""`vidlocal ingest`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.progress import progress_line
from vidlocal.errors import UsageError
from vidlocal.store.database import FILE_NAME, Library
from vidlocal.store.process_locks import ProcessLock

if TYPE_CHECKING:
    from vidlocal.app.progress import ProgressLine
    from vidlocal.ingest.outcome import Outcome
    from vidlocal.ingest.run import IngestTools
    from vidlocal.media.file_filter import FileFilter


EXAMPLES = (
    "vidlocal ingest ~/Videos",
    "vidlocal ingest /media/card --only video --exclude '*_preview*'",
    "vidlocal ingest ~/Videos --dry-run",
    "vidlocal ingest ~/Videos --cluster",
    "find ~/Videos -newer last.txt -print0 | vidlocal ingest -",
)

Paths = Annotated[
    list[Path],
    typer.Argument(
        metavar="PATH...", readable=False, help="Files, and folders with everything below; - reads paths from stdin."
    ),
]
Every = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="Time between two sampled frames; 0 samples every frame.", show_default="2"),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="PATTERN", help="Skip files and folders, such as '*.gif' (repeatable)."),
]
Include = Annotated[
    list[str] | None,
    typer.Option("--include", metavar="PATTERN", help="Never skip these files, such as 'poster.jpg' (repeatable)."),
]
Only = Annotated[str | None, typer.Option("--only", metavar="KINDS", help="Index only video, photo or audio files.")]
Transcribe = Annotated[bool, typer.Option("--transcribe", help="Transcribe even if the video has subtitles.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the files to index, with time and disk space; index nothing.")
]
Later = Annotated[bool, typer.Option("--later", help="Leave speech, OCR and image vectors to `vidlocal enrich`.")]


def command(
    paths: Paths,
    every: Every = None,
    exclude: Exclude = None,
    include: Include = None,
    only: Only = None,
    transcribe: Transcribe = False,
    whisper_model: options.WhisperModel = None,
    language: options.Language = None,
    audio_track: options.AudioTrack = None,
    translate: options.Translate = False,
    later: Later = False,
    cluster: options.Cluster = False,
    scheduler: options.Scheduler = None,
    dry_run: DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Index videos, photos and audio files.

    A file indexed before, under any name, is not read again. Files stay where they are and are never changed.
    --exclude, --include and --only add to the settings exclude, include and media. Piped, it prints one tab-separated
    line per file: result, path, video id, frames, distinct frames, seconds, reason. With --json, one object per line.
    """
    from vidlocal.app.engines.open_engines import open_ingest_tools
    from vidlocal.app.file_filter import file_filter
    from vidlocal.app.progress import show_ingest_progress
    from vidlocal.cli.ui.ingest_outcomes import OutcomePrinter
    from vidlocal.cli.ui.piped import read_paths
    from vidlocal.ingest.run import ingest

    current = settings.load(
        {
            "every": every,
            "whisper_model": whisper_model,
            "media": only,
            "speech_language": language,
            "audio_track": audio_track,
            "translate_speech": translate or None,
        }
    )
    current = options.with_cluster(current, cluster=cluster, scheduler=scheduler)
    on_cluster = cluster or scheduler is not None
    if later and on_cluster:
        raise UsageError("--later and --cluster exclude each other. Leave one of them out.")
    rules = file_filter(current, exclude=exclude or (), include=include or ())
    inputs = read_paths(paths)
    if dry_run:
        _preview(current, inputs, rules, later=later, json=json, quiet=quiet)
        return
    with ExitStack() as stack:
        library = stack.enter_context(Library.open(current.home, create=True))
        lock = stack.enter_context(ProcessLock(library.folder))
        tools = open_ingest_tools(stack, current, library, notify=console.notice)
        line = stack.enter_context(progress_line(quiet=quiet))
        index = partial(
            ingest,
            library,
            inputs,
            lock=lock,
            every=current.every,
            rules=rules,
            transcribe=transcribe,
            later=later or on_cluster,
            on_progress=partial(show_ingest_progress, line),
        )
        outcomes = _with_cluster(index, library, current, lock, tools, line) if on_cluster else index(tools)
        printer = OutcomePrinter(json=json)
        for outcome in outcomes:
            printer.add(outcome, line)
    printer.summarise(quiet=quiet, every_is_given=every is not None)
    if printer.exit_code:
        raise typer.Exit(printer.exit_code)


def _with_cluster(
    index: "Callable[[IngestTools], Iterator[Outcome]]",
    library: Library,
    current: settings.Settings,
    lock: ProcessLock,
    tools: "IngestTools",
    line: "ProgressLine",
) -> "Iterator[Outcome]":
    """Index with the machines of a cluster: they decode, read, transcribe and embed."""
    from vidlocal.app.cluster.ingest import ingest_with_cluster
    from vidlocal.app.progress import show_stage_progress

    return ingest_with_cluster(
        lambda sampler: index(replace(tools, sampler=sampler)),
        library,
        current,
        lock,
        tools.fast,
        on_stage=partial(show_stage_progress, line),
        notify=line.notify,
    )


def _preview(
    current: settings.Settings, inputs: Sequence[Path], rules: "FileFilter", *, later: bool, json: bool, quiet: bool
) -> None:
    from vidlocal.app.engines.open_engines import open_ingest_tools
    from vidlocal.cli.ui.ingest_preview import show_preview
    from vidlocal.ingest.costs import load_pace
    from vidlocal.ingest.preview import preview

    with ExitStack() as stack:
        has_library = (current.home / FILE_NAME).exists()
        library = stack.enter_context(Library.open(current.home)) if has_library else None
        tools = open_ingest_tools(stack, current, library, notify=console.notice)
        plan = tools.plan(every=current.every, later=later)
        previews = preview(library, inputs, tools.prober, plan, load_pace(library), rules=rules)
        show_preview(previews, current.home, json=json, quiet=quiet)
