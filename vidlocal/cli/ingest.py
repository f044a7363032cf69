"""`vidlocal ingest`."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.exit_handling import ALL_FAILED, SOME_FAILED
from vidlocal.cli.ui.progress import progress_line
from vidlocal.records import MediaKind, PassageKind
from vidlocal.render.sanitize import one_line
from vidlocal.store.content import passages
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock
from vidlocal.text import pluralize
from vidlocal.timecode import format_duration, format_short_time

if TYPE_CHECKING:
    from vidlocal.app.progress import ProgressLine
    from vidlocal.ingest.run import Outcome

# What `vidlocal import` reads. So many that came late are named.
_SUBTITLES = frozenset({".srt", ".vtt", ".ass", ".ssa"})
_MOST_LATE = 5


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
    from vidlocal.ingest.run import ingest

    chosen = settings.load({"every": every, "whisper_model": whisper_model})
    with ExitStack() as stack:
        library = stack.enter_context(Library.open(chosen.home, create=True))
        owner = stack.enter_context(ProcessLock(library.folder))
        tools = open_ingest_tools(stack, chosen)
        line = stack.enter_context(progress_line(quiet=quiet))
        outcomes = ingest(
            library,
            [path.absolute() for path in paths],
            tools,
            owner,
            every=chosen.every,
            transcribe=transcribe,
            later=later,
            on_progress=lambda stage: line.update(f"{stage.stage}: {stage.path.name}", stage.fraction),
        )
        done = list(_told(outcomes, line, json=json, quiet=quiet))
        late = list(_late_subtitles(library, done))
    _sum_up(done, quiet=quiet or json)
    for file in late[:_MOST_LATE]:
        told = f"{one_line(file.name)} came after its video was taken in. Read it with: vidlocal import"
        console.notice(f"{told} {shlex.quote(one_line(str(file)))}", quiet=quiet)
    if every is not None:
        _say_what_keeps_its_frames(done, quiet=quiet or json)
    _exit_with(done)


def _told(outcomes: "Iterator[Outcome]", line: "ProgressLine", *, json: bool, quiet: bool) -> "Iterator[Outcome]":
    """The outcomes, each said as it is finished; what was passed over in a folder is only counted."""
    from vidlocal.ingest.run import IngestResult

    for outcome in outcomes:
        if json:
            console.record(outcome.as_data())
        elif outcome.result is not IngestResult.SKIPPED:
            if console.is_terminal():
                line.notify(_sentence(outcome))
            else:
                console.fields(*_fields(outcome))
        yield outcome


def _sentence(outcome: "Outcome") -> str:
    from vidlocal.ingest.run import IngestResult

    name = one_line(outcome.path.name)
    if outcome.result is IngestResult.FAILED:
        return f"failed: {outcome.reason}"
    video = outcome.video
    if video is None:
        return f"{outcome.result.value}: {name}"
    if outcome.result is IngestResult.UNCHANGED:
        return f"known: {name} is video {video.id}, unchanged"
    if outcome.result is IngestResult.DUPLICATE:
        return f"copy: {name} is the same as video {video.id} ({video.title})"
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


def _sum_up(done: "Sequence[Outcome]", *, quiet: bool) -> None:
    """The closing table, and each note once however many files it concerns."""
    from vidlocal.ingest.run import IngestResult

    counts = Counter(outcome.result for outcome in done)
    told = [f"{counts[result]:,} {result.value}" for result in IngestResult if counts[result]]
    console.notice(f"{', '.join(told) or 'There was nothing to take in'}.", quiet=quiet)
    for note in dict.fromkeys(note for outcome in done for note in outcome.notes):
        console.notice(note, quiet=quiet)
    if counts[IngestResult.ADDED]:
        console.notice(
            'Next: vidlocal search "what you look for", and vidlocal enrich to describe the frames.', quiet=quiet
        )


def _late_subtitles(library: Library, done: "Sequence[Outcome]") -> Iterator[Path]:
    """Subtitles beside a known video that has none: a known video is not read again, nor what lies beside it."""
    from vidlocal.ingest.run import IngestResult

    known = {one.path.with_suffix(""): one.video for one in done if one.result is IngestResult.UNCHANGED}
    for one in done:
        if one.result is not IngestResult.SKIPPED or one.path.suffix.lower() not in _SUBTITLES:
            continue
        stem = one.path.with_suffix("")
        video = known.get(stem) or known.get(stem.with_suffix(""))
        if video is not None and not passages.has_kind(library, video.id, PassageKind.SUBTITLE):
            yield one.path


def _say_what_keeps_its_frames(done: "Sequence[Outcome]", *, quiet: bool) -> None:
    """--every is for videos that are taken in now; without a word it would seem to have worked."""
    from vidlocal.ingest.run import IngestResult

    there = (one.video for one in done if one.result in {IngestResult.UNCHANGED, IngestResult.DUPLICATE})
    known = [video for video in there if video is not None and video.kind is MediaKind.VIDEO]
    if known:
        told = (
            f"{pluralize(len(known), 'video keeps its frames', 'videos keep their frames')}: --every is for new ones."
        )
        lost = f"vidlocal rm {known[0].id} and ingest take them anew, without what was described and noted."
        console.notice(f"{told} {lost}", quiet=quiet)


def _exit_with(done: "Sequence[Outcome]") -> None:
    from vidlocal.ingest.run import IngestResult

    tried = [outcome for outcome in done if outcome.result is not IngestResult.SKIPPED]
    failed = sum(outcome.result is IngestResult.FAILED for outcome in tried)
    if failed:
        raise typer.Exit(ALL_FAILED if failed == len(tried) else SOME_FAILED)
