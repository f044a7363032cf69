"""`vidlocal ingest`."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.exit_handling import ALL_FAILED, SOME_FAILED
from vidlocal.cli.ui.progress import progress_line
from vidlocal.errors import UsageError
from vidlocal.records import MediaKind
from vidlocal.render.sanitize import one_line
from vidlocal.store.database import FILE_NAME, Library
from vidlocal.store.process_locks import ProcessLock
from vidlocal.text import pluralize
from vidlocal.timecode import format_duration, format_short_time

if TYPE_CHECKING:
    from vidlocal.app.progress import ProgressLine
    from vidlocal.ingest.outcome import Outcome
    from vidlocal.ingest.prepared import FileSampler
    from vidlocal.ingest.run import IngestTools
    from vidlocal.media.file_filter import FileFilter


# Failures for the same reason that are printed file by file on a terminal.
_MAX_EQUAL_FAILURES = 3

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

        def start(sampler: "FileSampler | None") -> "Iterator[Outcome]":
            return ingest(
                library,
                inputs,
                replace(tools, sampler=sampler),
                lock,
                every=current.every,
                rules=rules,
                transcribe=transcribe,
                later=later or on_cluster,
                on_progress=partial(show_ingest_progress, line),
            )

        finished = _with_cluster(start, library, current, lock, tools, line) if on_cluster else start(None)
        outcomes = []
        failures: Counter[str] = Counter()
        for outcome in finished:
            outcomes.append(outcome)
            _print(outcome, line, failures, json=json)
    _print_summary(outcomes, failures, quiet=quiet or json)
    if every is not None:
        _warn_unchanged_frames(outcomes, quiet=quiet or json)
    _exit_with(outcomes)


def _with_cluster(
    start: "Callable[[FileSampler | None], Iterator[Outcome]]",
    library: Library,
    current: settings.Settings,
    lock: ProcessLock,
    tools: "IngestTools",
    line: "ProgressLine",
) -> "Iterator[Outcome]":
    from vidlocal.app.cluster.ingest import ingest_with_cluster
    from vidlocal.app.progress import show_stage_progress

    on_stage = partial(show_stage_progress, line)
    return ingest_with_cluster(start, library, current, lock, tools.fast, on_stage=on_stage, notify=line.notify)


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


def _print(outcome: "Outcome", line: "ProgressLine", failures: "Counter[str]", *, json: bool) -> None:
    """Print an outcome at once. Skipped files are only counted, and on a terminal so are many equal failures."""
    from vidlocal.ingest.outcome import IngestResult

    if json:
        console.record(outcome.as_data())
    elif outcome.result is IngestResult.SKIPPED:
        return
    elif not console.is_terminal():
        console.fields(*_fields(outcome))
    elif outcome.result is not IngestResult.FAILED:
        line.notify(_sentence(outcome))
    else:
        reason = _reason(outcome)
        failures[reason] += 1
        if failures[reason] <= _MAX_EQUAL_FAILURES:
            line.notify(_sentence(outcome))


def _reason(outcome: "Outcome") -> str:
    """Return the reason of a failure without the file name and numbers, the same for all files of a kind."""
    reason = one_line(outcome.reason or "").removeprefix(f"{one_line(outcome.path.name)}: ")
    return re.sub(r"\d[\d.,:]*", "…", reason)


def _sentence(outcome: "Outcome") -> str:
    """Return the line of a file: result, name, video id and facts."""
    from vidlocal.ingest.outcome import IngestResult

    name = one_line(outcome.path.name)
    if outcome.result is IngestResult.FAILED:
        return f"failed  {one_line(outcome.reason or '')}"
    facts = [f"#{outcome.video.id}"] if outcome.video is not None else []
    if outcome.result is IngestResult.DUPLICATE and outcome.video is not None:
        facts.append(f"same as {one_line(outcome.video.title)}")
    if outcome.result is IngestResult.ADDED:
        facts += _added_facts(outcome)
    return "  ".join([outcome.result.value, name, *facts])


def _added_facts(outcome: "Outcome") -> list[str]:
    video = outcome.video
    facts = [format_short_time(video.duration)] if video is not None and video.duration else []
    counts = (
        (outcome.frames, "frame", "frames"),
        (outcome.subtitles, "subtitle", "subtitles"),
        (outcome.speech, "line of speech", "lines of speech"),
        (outcome.screen_texts, "text on screen", "texts on screen"),
    )
    facts += [pluralize(count, one, several) for count, one, several in counts if count]
    facts.append(format_duration(outcome.seconds))
    if video is not None and video.partial:
        facts.append(one_line(video.partial))
    return facts


def _fields(outcome: "Outcome") -> Sequence[str | Path]:
    return (
        outcome.result.value,
        outcome.path,
        str(outcome.video.id) if outcome.video else "",
        str(outcome.frames),
        str(outcome.distinct),
        f"{outcome.seconds:.2f}",
        outcome.reason or (outcome.video.partial if outcome.video else None) or "",
    )


def _print_summary(outcomes: "Sequence[Outcome]", failures: "Counter[str]", *, quiet: bool) -> None:
    """Print the number of files by result, unprinted failures, and each note once."""
    from vidlocal.ingest.outcome import IngestResult

    counts = Counter(outcome.result for outcome in outcomes)
    parts = [f"{counts[result]:,} {result.value}" for result in IngestResult if counts[result]]
    reasons = Counter(outcome.skip_reason for outcome in outcomes if outcome.skip_reason)
    if reasons:
        parts[-1] += f" ({format_reasons(reasons)})"
    console.notice(f"{', '.join(parts) or 'No files found'}.", quiet=quiet)
    hidden = {reason: count - _MAX_EQUAL_FAILURES for reason, count in failures.most_common()}
    for reason, count in hidden.items():
        if count > 0:
            console.notice(f"{count:,} more failed: {reason}", quiet=quiet)
    if any(count > 0 for count in hidden.values()):
        console.notice("To list every file, pipe the output of the same command.", quiet=quiet)
    for note in dict.fromkeys(note for outcome in outcomes for note in outcome.notes):
        console.notice(note, quiet=quiet)
    if counts[IngestResult.ADDED]:
        console.notice('Next: vidlocal search "WORDS", or vidlocal enrich to caption the frames.', quiet=quiet)


def format_reasons(reasons: "Counter[str]") -> str:
    """`not media`, or `8 not media, 3 excluded` for several reasons."""
    if len(reasons) == 1:
        return next(iter(reasons))
    return ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())


def _warn_unchanged_frames(outcomes: "Sequence[Outcome]", *, quiet: bool) -> None:
    """Explain why --every has no effect on indexed videos."""
    from vidlocal.ingest.outcome import IngestResult

    indexed = (
        outcome.video for outcome in outcomes if outcome.result in {IngestResult.UNCHANGED, IngestResult.DUPLICATE}
    )
    videos = [video for video in indexed if video is not None and video.kind is MediaKind.VIDEO]
    if videos:
        count = pluralize(len(videos), "indexed video keeps its frames", "indexed videos keep their frames")
        remedy = f"To sample again, losing captions and notes: vidlocal rm {videos[0].id}, then ingest."
        console.notice(f"{count}: --every applies to new videos. {remedy}", quiet=quiet)


def _exit_with(outcomes: "Sequence[Outcome]") -> None:
    from vidlocal.ingest.outcome import IngestResult

    results = [outcome.result for outcome in outcomes if outcome.result is not IngestResult.SKIPPED]
    failed = results.count(IngestResult.FAILED)
    if failed:
        raise typer.Exit(ALL_FAILED if failed == len(results) else SOME_FAILED)
