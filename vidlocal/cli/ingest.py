"""`vidlocal ingest`."""

import shlex
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.exit_handling import ALL_FAILED, SOME_FAILED
from vidlocal.cli.ui.progress import progress_line
from vidlocal.records import MediaKind
from vidlocal.render.sanitize import one_line
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock
from vidlocal.text import pluralize
from vidlocal.timecode import format_duration, format_short_time

if TYPE_CHECKING:
    from vidlocal.app.progress import ProgressLine
    from vidlocal.ingest.run import Outcome

# Maximum number of listed subtitle files.
_MAX_SUBTITLES = 5


def command(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files, and folders with everything below.")],
    every: Annotated[
        float | None,
        typer.Option(help="Seconds of video between two frames; 0 takes every frame.", show_default="2"),
    ] = None,
    transcribe: Annotated[
        bool, typer.Option("--transcribe", help="Listen to the speech even where there are subtitles.")
    ] = False,
    whisper_model: Annotated[
        str | None,
        typer.Option(help="Speech model: a name from tiny to large-v3-turbo, or a file.", show_default="base"),
    ] = None,
    later: Annotated[
        bool, typer.Option("--later", help="Leave speech and text on screen to `vidlocal enrich`.")
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Take videos into the library, so that they can be searched.

    Photos and sound recordings too. A file the library knows, under whatever name, is not read again. Files
    stay where they are and are never changed. Piped, it prints one tab-separated line per file: what became of
    it, path, video id, frames, distinct frames, seconds taken, reason. With --json, one object per line.
    """
    from vidlocal.app.engines import open_ingest_tools
    from vidlocal.ingest.run import ingest, unread_subtitles

    current = settings.load({"every": every, "whisper_model": whisper_model})
    with ExitStack() as stack:
        library = stack.enter_context(Library.open(current.home, create=True))
        lock = stack.enter_context(ProcessLock(library.folder))
        tools = open_ingest_tools(stack, current)
        line = stack.enter_context(progress_line(quiet=quiet))
        finished = ingest(
            library,
            [path.absolute() for path in paths],
            tools,
            lock,
            every=current.every,
            transcribe=transcribe,
            later=later,
            on_progress=lambda progress: line.update(f"{progress.stage}: {progress.path.name}", progress.fraction),
        )
        outcomes = []
        for outcome in finished:
            outcomes.append(outcome)
            _print(outcome, line, json=json)
        subtitles = list(unread_subtitles(library, outcomes))
    _print_summary(outcomes, quiet=quiet or json)
    for file in subtitles[:_MAX_SUBTITLES]:
        message = f"{one_line(file.name)} came after its video was taken in. Read it with: vidlocal import"
        console.notice(f"{message} {shlex.quote(one_line(str(file)))}", quiet=quiet)
    if every is not None:
        _warn_unchanged_frames(outcomes, quiet=quiet or json)
    _exit_with(outcomes)


def _print(outcome: "Outcome", line: "ProgressLine", *, json: bool) -> None:
    """Print an outcome at once. Skipped files are only counted."""
    from vidlocal.ingest.run import IngestResult

    if json:
        console.record(outcome.as_data())
    elif outcome.result is not IngestResult.SKIPPED:
        if console.is_terminal():
            line.notify(_sentence(outcome))
        else:
            console.fields(*_fields(outcome))


def _sentence(outcome: "Outcome") -> str:
    from vidlocal.ingest.run import IngestResult

    name = one_line(outcome.path.name)
    if outcome.result is IngestResult.FAILED:
        return f"failed: {outcome.reason}"
    video = outcome.video
    if video is None:
        return f"{outcome.result.value}: {name}"
    if outcome.result is IngestResult.UNCHANGED:
        return f"unchanged: {name} is video {video.id}"
    if outcome.result is IngestResult.DUPLICATE:
        return f"duplicate: {name} is the same as video {video.id} ({video.title})"
    facts = [format_short_time(video.duration)] if video.duration else []
    if outcome.frames:
        facts.append(f"{pluralize(outcome.frames, 'frame')} ({outcome.distinct:,} distinct)")
    if outcome.subtitles:
        facts.append(pluralize(outcome.subtitles, "subtitle"))
    if outcome.speech:
        facts.append(pluralize(outcome.speech, "line of speech", "lines of speech"))
    if outcome.screen_texts:
        facts.append(pluralize(outcome.screen_texts, "text on screen", "texts on screen"))
    facts.append(f"took {format_duration(outcome.seconds)}")
    if video.partial:
        facts.append(video.partial)
    return f"added: {name} is video {video.id}: {', '.join(facts)}"


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


def _print_summary(outcomes: "Sequence[Outcome]", *, quiet: bool) -> None:
    """Print the number of files by result, and each note once."""
    from vidlocal.ingest.run import IngestResult

    counts = Counter(outcome.result for outcome in outcomes)
    parts = [f"{counts[result]:,} {result.value}" for result in IngestResult if counts[result]]
    console.notice(f"{', '.join(parts) or 'There was nothing to take in'}.", quiet=quiet)
    for note in dict.fromkeys(note for outcome in outcomes for note in outcome.notes):
        console.notice(note, quiet=quiet)
    if counts[IngestResult.ADDED]:
        console.notice(
            'Next: vidlocal search "what you look for", and vidlocal enrich to describe the frames.', quiet=quiet
        )


def _warn_unchanged_frames(outcomes: "Sequence[Outcome]", *, quiet: bool) -> None:
    """Explain why --every has no effect on indexed videos."""
    from vidlocal.ingest.run import IngestResult

    indexed = (
        outcome.video for outcome in outcomes if outcome.result in {IngestResult.UNCHANGED, IngestResult.DUPLICATE}
    )
    videos = [video for video in indexed if video is not None and video.kind is MediaKind.VIDEO]
    if videos:
        count = pluralize(len(videos), "video keeps its frames", "videos keep their frames")
        remedy = f"vidlocal rm {videos[0].id} and ingest take them anew, without what was described and noted."
        console.notice(f"{count}: --every is for new ones. {remedy}", quiet=quiet)


def _exit_with(outcomes: "Sequence[Outcome]") -> None:
    from vidlocal.ingest.run import IngestResult

    results = [outcome.result for outcome in outcomes if outcome.result is not IngestResult.SKIPPED]
    failed = results.count(IngestResult.FAILED)
    if failed:
        raise typer.Exit(ALL_FAILED if failed == len(results) else SOME_FAILED)
