"""`vidlocal enrich`."""

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal import settings
from vidlocal.app import session
from vidlocal.app.clip_engine import queue_pictures
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.progress import Line
from vidlocal.engines.prompts import PLAIN_PROMPT_VERSION, PROMPT_VERSION
from vidlocal.engines.text_prompts import TEXT_PROMPT_VERSION, WATCH_PROMPT_VERSION
from vidlocal.errors import UsageError
from vidlocal.records import JobKind
from vidlocal.store.content import frames, passages, videos
from vidlocal.store.content import stale as redo
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.history.facts import SECONDS_PER_FRAME
from vidlocal.store.process_locks import Owner
from vidlocal.store.queue import jobs, priorities
from vidlocal.store.queue.job_filter import Among
from vidlocal.text import counted
from vidlocal.timecode import lasting

if TYPE_CHECKING:
    from vidlocal.enrich.runner.worker import Progress, Summary

OVERNIGHT = "overnight"
# What a description of today was asked with.
_DESCRIBED = (PROMPT_VERSION, PLAIN_PROMPT_VERSION)


Wanted = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="VIDEO... overnight",
        help="Videos by id, path or part of the title; none means all. `overnight` works in the night window only.",
        show_default=False,
    ),
]
AllVideos = Annotated[bool, typer.Option("--all", help="All videos: what is meant when none is named.")]
Model = Annotated[str | None, typer.Option(help="The vision model to use.", show_default="the setting vision_model")]
Vram = Annotated[
    float | None,
    typer.Option(metavar="GB", help="Memory of the graphics card: only a model that fits is used.", show_default=False),
]
TextModel = Annotated[
    str | None, typer.Option(help="The model that tags and sums up.", show_default="the setting text_model")
]
Only = Annotated[
    list[JobKind] | None,
    typer.Option(metavar="WORK", help=f"Only this kind of work: {', '.join(JobKind)}. May be repeated."),
]
Hosts = Annotated[
    list[str] | None,
    typer.Option(
        help="An Ollama server to use; may be repeated, several share the work.", show_default="the setting ollama_host"
    ),
]
Now = Annotated[bool, typer.Option("--now", help="Work at any hour: what is meant without `overnight`.")]
Searched = Annotated[bool, typer.Option("--searched", help="Only frames in or near what past searches were after.")]
Budget = Annotated[
    int | None,
    typer.Option(
        metavar="FRAMES",
        min=1,
        max=50,
        help="The fast look: so many frames of each video, those that show best what it is about.",
        show_default="all frames",
    ),
]
RedoStale = Annotated[bool, typer.Option("--redo-stale", help="Do again what another model or an older prompt wrote.")]
RedoWeak = Annotated[
    bool, typer.Option("--redo-weak", help="Describe again what is short, or said of several frames alike.")
]
Canary = Annotated[bool, typer.Option("--canary/--no-canary", help="Check first that the model really sees pictures.")]


def command(
    what: Wanted = None,
    all_videos: AllVideos = False,
    model: Model = None,
    vram: Vram = None,
    text_model: TextModel = None,
    only: Only = None,
    host: Hosts = None,
    allow_remote_host: options.AllowRemoteHost = False,
    window: session.WindowOption = None,
    until: session.UntilOption = None,
    lasts: session.ForOption = None,
    now: Now = False,
    when: session.WhenOption = None,
    searched: Searched = False,
    budget: Budget = None,
    redo_stale: RedoStale = False,
    redo_weak: RedoWeak = False,
    canary: Canary = True,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Describe the frames with the local vision model, most valuable first.

    Every answer is stored as it arrives: stop it with Ctrl-C whenever you like, the next run goes on there. A
    closed terminal does not end it; `vidlocal status` and `vidlocal pause` reach it from another one. With
    `overnight`, or hours of its own with --window, it works in the night only, holds while the machine is in
    use or on battery, and goes on the next night until nothing is left.
    """
    words = what or []
    first, *others = host or [""]
    chosen = settings.load(
        {
            "vision_model": model,
            "vram": vram,
            "text_model": text_model,
            "ollama_host": first or None,
            "more_hosts": " ".join(others) if host else None,
            "allow_remote_host": allow_remote_host or None,
            "window": window,
        }
    )
    overnight = OVERNIGHT in words or window is not None
    hours = session.read_hours(chosen, overnight=overnight, now=now, until=until, lasts=lasts, when=when)
    with ExitStack() as stack:
        library = stack.enter_context(Library.open(chosen.home))
        among = Among(_ids(library, words, all_videos=all_videos), budget, searched)
        if redo_stale:
            _queue_stale(library, chosen, among.videos)
        if redo_weak:
            redo.queue(library, redo.weak(library, among.videos))
        owner = stack.enter_context(Owner(library.folder))
        shift = stack.enter_context(session.shift(library, owner, hours, quiet=quiet))
        summary = _Command(stack, library, chosen, among, shift).go(canary=canary, only=only or None)
    if json:
        console.document(as_data(summary))


def _ids(library: Library, words: Sequence[str], *, all_videos: bool) -> tuple[int, ...] | None:
    """The videos that are named; None where none is, and all are meant."""
    named = [word for word in words if word != OVERNIGHT]
    if named and all_videos:
        raise UsageError("--all means every video; leave it out, or name no video.")
    return tuple(videos.resolve(library, name).id for name in named) or None


def _queue_stale(library: Library, chosen: settings.Settings, among: tuple[int, ...] | None) -> None:
    """Have done again what other models than the chosen ones wrote, or older prompts."""
    watched = (WATCH_PROMPT_VERSION, f"{WATCH_PROMPT_VERSION}-plain")
    redo.queue(library, redo.stale(library, chosen.vision_model, _DESCRIBED, among))
    redo.watch_stale(library, chosen.vision_model, watched, among)
    redo.understand_stale(library, chosen.text_model, TEXT_PROMPT_VERSION, among)


class _Command:
    """The steps of the command: look what is left, check the models, wait, work, sum up."""

    def __init__(
        self,
        stack: ExitStack,
        library: Library,
        chosen: settings.Settings,
        among: Among,
        shift: session.Shift,
    ) -> None:
        self.stack = stack
        self.library = library
        self.chosen = chosen
        self.among = among
        self.shift = shift

    def go(self, *, canary: bool, only: Collection[JobKind] | None) -> "Summary":
        from vidlocal.app.engines import open_engines
        from vidlocal.enrich.run import enrich
        from vidlocal.enrich.runner.worker import Summary, work_left

        jobs.release_dead(self.library)
        priorities.reprioritise(self.library)
        passages.queue_for_model(self.library, self.chosen.embed_model)
        queue_pictures(self.library, self.chosen, required=only is not None and JobKind.PICTURES in only)
        queued = work_left(self.library, self.among)
        left = {kind: number for kind, number in queued.items() if not only or kind in only}
        if not left:
            self._say_all_is_done()
            return Summary()
        engines = open_engines(self.stack, self.chosen, left, canary=canary, say=self.shift.say)
        self._estimate(left)
        with self.shift.working():
            summary = enrich(
                self.library,
                engines,
                self.shift.owner,
                among=self.among,
                only=only,
                gate=self.shift.gate(),
                report=lambda at: show(self.shift, at),
                say=self.shift.say,
            )
        self._sum_up(summary)
        self.shift.end(summary.stopped or (None if summary.left else "Nothing is left to do."))
        return summary

    def _estimate(self, left: dict[JobKind, int]) -> None:
        frames_left = left.get(JobKind.DESCRIBE, 0)
        if not frames_left:
            return
        each = facts.get(self.library, SECONDS_PER_FRAME)
        words = f"{pluralize(frames_left, 'frame')} to describe with {self.chosen.vision_model}"
        if each is None:
            self.shift.say(f"{words}; how long one takes is not yet known here.")
            return
        seconds = frames_left * float(each)
        ready = datetime.now() + timedelta(seconds=seconds)
        self.shift.say(f"{words}; about {format_duration(seconds)} at {float(each):.1f} s each, done by {ready:%a %H:%M}.")

    def _say_all_is_done(self) -> None:
        seen = frames.coverage(self.library)
        if self.among.searched:
            self.shift.say("Nothing that was searched for is left to describe.")
        elif self.among.videos is not None:
            self.shift.say("Nothing is left to do for these videos.")
        elif not seen.total and not videos.every(self.library):
            self.shift.say("The library is empty. Take videos in with: vidlocal ingest PATH")
        else:
            self.shift.say(f"Nothing is left to do: {seen.described:,} of {seen.total:,} frames are described.")
            self._say_what_is_stale()

    def _say_what_is_stale(self) -> None:
        stale = len(redo.stale(self.library, self.chosen.vision_model, _DESCRIBED))
        if stale:
            told = pluralize(stale, "is", "are")
            model = self.chosen.vision_model
            self.shift.say(
                f"{told} by another model than {model} or an older prompt; --redo-stale has them described again."
            )

    def _sum_up(self, summary: "Summary") -> None:
        for note in dict.fromkeys(summary.notes):
            self.shift.say(note)
        described = summary.done.get(JobKind.DESCRIBE, 0)
        told = [f"{pluralize(described, 'frame')} described in {format_duration(summary.seconds)}"] if described else []
        if summary.failed:
            told.append(f"{summary.failed:,} set aside (vidlocal failed tells why)")
        waiting = ", ".join(f"{kind.value} {number:,}" for kind, number in summary.left.items() if number)
        told.append(f"left for another run: {waiting}" if waiting else "nothing is left to do")
        sentence = "; ".join(told)
        self.shift.say(f"{sentence[0].upper()}{sentence[1:]}.{' ' + summary.stopped if summary.stopped else ''}")


def as_data(summary: "Summary") -> dict[str, object]:
    """What a run did, as JSON holds it."""
    return {
        "done": dict(summary.done),
        "failed": summary.failed,
        "left": dict(summary.left),
        "seconds": round(summary.seconds, 3),
        "stopped": summary.stopped,
        "notes": summary.notes,
    }


_STAGES = {
    JobKind.DESCRIBE: "describing",
    JobKind.WATCH: "watching",
    JobKind.TAG: "tagging",
    JobKind.SUMMARISE: "summing up",
    JobKind.EMBED: "embedding",
    JobKind.READ: "reading the screen",
    JobKind.PICTURES: "looking at pictures",
    JobKind.TRANSCRIBE: "listening",
}


def show(line: Line, at: "Progress") -> None:
    """Where the deep pass stands, on a line of progress."""
    what = f"{_STAGES[at.kind]} {at.done:,}/{at.total:,}  {at.video}"
    if at.seconds_each is not None and at.kind is JobKind.DESCRIBE:
        what += f"  {at.seconds_each:.1f} s/frame"
    line.at(what, at.done / at.total if at.total else None, eta=at.eta, detail=at.last)
