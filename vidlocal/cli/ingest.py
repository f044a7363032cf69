"""`vidlocal ingest`."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console, options, progress
from vidlocal.cli.ui.exit_handling import ALL_FAILED, SOME_FAILED
from vidlocal.records import MediaKind, PassageKind
from vidlocal.render.sanitize import one_line
from vidlocal.store.content import passages
from vidlocal.store.database import Library
from vidlocal.store.process_locks import Owner
from vidlocal.text import counted
from vidlocal.timecode import lasting, short_clock

if TYPE_CHECKING:
    from vidlocal.ingest.run import Outcome, Tools

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
    from vidlocal.ingest.run import ingest

    chosen = settings.load({"every": every, "whisper_model": whisper_model})
    with ExitStack() as stack:
        library = stack.enter_context(Library.open(chosen.home, create=True))
        owner = stack.enter_context(Owner(library.folder))
        tools = open_tools(stack, chosen)
        line = stack.enter_context(progress.line(quiet=quiet))
        outcomes = ingest(
            library,
            [path.absolute() for path in paths],
            tools,
            owner,
            every=chosen.every,
            transcribe=transcribe,
            later=later,
            report=lambda at: line.at(f"{at.stage}: {at.path.name}", at.done),
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


def open_tools(stack: ExitStack, chosen: settings.Settings) -> "Tools":
    """What ingest works with, closed with `stack`."""
    from vidlocal.app.fast_engines import fast_engines
    from vidlocal.ingest.run import Tools
    from vidlocal.media.ffmpeg import find
    from vidlocal.media.probe import Prober

    ffmpeg = find(chosen.ffmpeg)
    prober = stack.enter_context(Prober())
    return Tools(ffmpeg, prober, fast_engines(stack, chosen, ffmpeg, prober))


def _told(outcomes: "Iterator[Outcome]", line: progress.Line, *, json: bool, quiet: bool) -> "Iterator[Outcome]":
    """The outcomes, each said as it is finished; what was passed over in a folder is only counted."""
    from vidlocal.ingest.run import Result

    for outcome in outcomes:
        if json:
            console.record(outcome.as_data())
        elif outcome.result is not Result.PASSED_OVER:
            if console.on_terminal():
                line.say(_sentence(outcome))
            else:
                console.fields(*_fields(outcome))
        yield outcome


def _sentence(outcome: "Outcome") -> str:
    from vidlocal.ingest.run import Result

    name = one_line(outcome.path.name)
    if outcome.result is Result.FAILED:
        return f"failed: {outcome.reason}"
    video = outcome.video
    if video is None:
        return f"{outcome.result.value}: {name}"
    if outcome.result is Result.KNOWN:
        return f"known: {name} is video {video.id}, unchanged"
    if outcome.result is Result.COPY:
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


def as_data(outcome: "Outcome") -> dict[str, object]:
    """What became of one file, as JSON holds it."""
    video = outcome.video
    return {
        "path": str(outcome.path),
        "result": outcome.result.value,
        "video": None if video is None else {"id": video.id, "title": video.title, "duration": video.duration},
        "frames": outcome.frames,
        "distinct": outcome.distinct,
        "subtitles": outcome.subtitles,
        "speech": outcome.speech,
        "screen_texts": outcome.screen_texts,
        "seconds": round(outcome.seconds, 3),
        "reason": outcome.reason,
        "partial": None if video is None else video.partial,
        "notes": list(outcome.notes),
    }


def _sum_up(done: "Sequence[Outcome]", *, quiet: bool) -> None:
    """The closing table, and each note once however many files it concerns."""
    from vidlocal.ingest.run import Result

    counts = Counter(outcome.result for outcome in done)
    told = [f"{counts[result]:,} {result.value}" for result in Result if counts[result]]
    console.notice(f"{', '.join(told) or 'There was nothing to take in'}.", quiet=quiet)
    for note in dict.fromkeys(note for outcome in done for note in outcome.notes):
        console.notice(note, quiet=quiet)
    if counts[Result.ADDED]:
        console.notice(
            'Next: vidlocal search "what you look for", and vidlocal enrich to describe the frames.', quiet=quiet
        )


def _late_subtitles(library: Library, done: "Sequence[Outcome]") -> Iterator[Path]:
    """Subtitles beside a known video that has none: a known video is not read again, nor what lies beside it."""
    from vidlocal.ingest.run import Result

    known = {one.path.with_suffix(""): one.video for one in done if one.result is Result.KNOWN}
    for one in done:
        if one.result is not Result.PASSED_OVER or one.path.suffix.lower() not in _SUBTITLES:
            continue
        stem = one.path.with_suffix("")
        video = known.get(stem) or known.get(stem.with_suffix(""))
        if video is not None and not passages.has_kind(library, video.id, PassageKind.SUBTITLE):
            yield one.path


def _say_what_keeps_its_frames(done: "Sequence[Outcome]", *, quiet: bool) -> None:
    """--every is for videos that are taken in now; without a word it would seem to have worked."""
    from vidlocal.ingest.run import Result

    there = (one.video for one in done if one.result in {Result.KNOWN, Result.COPY})
    known = [video for video in there if video is not None and video.kind is MediaKind.VIDEO]
    if known:
        told = f"{pluralize(len(known), 'video keeps its frames', 'videos keep their frames')}: --every is for new ones."
        lost = f"vidlocal rm {known[0].id} and ingest take them anew, without what was described and noted."
        console.notice(f"{told} {lost}", quiet=quiet)


def _exit_with(done: "Sequence[Outcome]") -> None:
    from vidlocal.ingest.run import Result

    tried = [outcome for outcome in done if outcome.result is not Result.PASSED_OVER]
    failed = sum(outcome.result is Result.FAILED for outcome in tried)
    if failed:
        raise typer.Exit(ALL_FAILED if failed == len(tried) else SOME_FAILED)
