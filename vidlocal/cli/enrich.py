"""`vidlocal enrich`."""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal import settings
from vidlocal.cli import options, output, progress
from vidlocal.errors import UsageError
from vidlocal.records import JobKind
from vidlocal.store import frames, jobs, measures, videos
from vidlocal.store.database import Library
from vidlocal.store.measures import SECONDS_PER_FRAME
from vidlocal.store.owners import Owner
from vidlocal.timecode import lasting

if TYPE_CHECKING:
    from vidlocal.enrich import Engines
    from vidlocal.steps.gate import Gate
    from vidlocal.steps.worker import Clock, Progress, Summary

OVERNIGHT = "overnight"


def command(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VIDEO... overnight",
            help="Videos by id, path or part of the title; none means all. `overnight` works in the night window only.",
            show_default=False,
        ),
    ] = None,
    all_videos: Annotated[bool, typer.Option("--all", help="All videos: what is meant when none is named.")] = False,
    model: Annotated[
        str | None, typer.Option(help="The vision model to use.", show_default="the setting vision_model")
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(
            help="An Ollama server to use; may be repeated, several share the work.",
            show_default="the setting ollama_host",
        ),
    ] = None,
    allow_remote_host: Annotated[
        bool, typer.Option("--allow-remote-host", help="Allow an Ollama server on another machine.")
    ] = False,
    canary: Annotated[
        bool, typer.Option("--canary/--no-canary", help="Check first that the model really sees pictures.")
    ] = True,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Describe the frames with the local vision model, most valuable first.

    Every answer is stored as it arrives: stop it whenever you like, the next run goes on there. With
    `overnight` it waits for the night window (22:00 to 07:00, the setting `window`) and stops at its end.
    """
    words = list(what or [])
    overnight = OVERNIGHT in words
    named = [word for word in words if word != OVERNIGHT]
    if named and all_videos:
        raise UsageError("--all means every video; leave it out, or name no video.")
    first, *others = host or [""]
    chosen = settings.load(
        {
            "vision_model": model,
            "ollama_host": first or None,
            "more_hosts": " ".join(others) if host else None,
            "allow_remote_host": allow_remote_host or None,
        }
    )
    with ExitStack() as stack:
        library = stack.enter_context(Library.open(chosen.home))
        among = [videos.resolve(library, name).id for name in named] or None
        run = _Command(stack, library, chosen, among, quiet=quiet)
        summary = run.go(overnight=overnight, canary=canary)
    if json:
        output.document(_as_data(summary))


class _Command:
    """The steps of the command: look what is left, check the models, wait, work, sum up."""

    def __init__(
        self,
        stack: ExitStack,
        library: Library,
        chosen: settings.Settings,
        among: Sequence[int] | None,
        *,
        quiet: bool,
    ) -> None:
        self.stack = stack
        self.library = library
        self.chosen = chosen
        self.among = among
        self.quiet = quiet

    def go(self, *, overnight: bool, canary: bool) -> "Summary":
        from vidlocal.enrich import enrich
        from vidlocal.steps.worker import Clock, Summary, work_left

        owner = self.stack.enter_context(Owner(self.library.folder))
        jobs.release_dead(self.library)
        left = work_left(self.library, self.among)
        if not left:
            self._say_all_is_done()
            return Summary()
        engines = self._engines(left, canary=canary)
        self._estimate(left)
        with progress.line(quiet=self.quiet) as line:
            summary = enrich(
                self.library,
                engines,
                owner,
                among=self.among,
                gate=self._gate(line, Clock(), overnight=overnight),
                report=lambda at: _show(line, at),
                say=line.say,
            )
        self._sum_up(summary)
        return summary

    def _gate(self, line: progress.Line, clock: "Clock", *, overnight: bool) -> "Gate":
        from vidlocal.steps.gate import Night, Open
        from vidlocal.steps.window import parse_window

        return Night(parse_window(self.chosen.window), clock.local, line.say) if overnight else Open()

    def _engines(self, left: dict[JobKind, int], *, canary: bool) -> "Engines":
        """The models that the waiting work needs, each checked before the first frame. Raises EngineError."""
        from vidlocal.cli.fast_engines import fast_engines
        from vidlocal.cli.hosts import open_hosts
        from vidlocal.enrich import Engines
        from vidlocal.media.ffmpeg import find
        from vidlocal.media.probe import Prober

        ffmpeg = find(self.chosen.ffmpeg)
        prober = self.stack.enter_context(Prober())
        fast = fast_engines(self.stack, self.chosen, ffmpeg, prober)
        hosts = open_hosts(self.stack, self.chosen, left, canary=canary, say=self._notice)
        return Engines(fast, hosts, guarded=canary)

    def _estimate(self, left: dict[JobKind, int]) -> None:
        frames_left = left.get(JobKind.DESCRIBE, 0)
        if not frames_left:
            return
        each = measures.get(self.library, SECONDS_PER_FRAME)
        words = f"{frames_left:,} frames to describe with {self.chosen.vision_model}"
        if each is None:
            self._notice(f"{words}; how long one takes is not yet known here.")
            return
        seconds = frames_left * float(each)
        ready = datetime.now() + timedelta(seconds=seconds)
        self._notice(f"{words}; about {lasting(seconds)} at {float(each):.1f} s each, done by {ready:%a %H:%M}.")

    def _say_all_is_done(self) -> None:
        seen = frames.coverage(self.library)
        if self.among is not None:
            self._notice("Nothing is left to do for these videos.")
        elif not seen.total and not videos.every(self.library):
            self._notice("The library is empty. Take videos in with: vidlocal ingest PATH")
        else:
            self._notice(f"Nothing is left to do: {seen.described:,} of {seen.total:,} frames are described.")

    def _sum_up(self, summary: "Summary") -> None:
        for note in dict.fromkeys(summary.notes):
            self._notice(note)
        described = summary.done.get(JobKind.DESCRIBE, 0)
        told = [f"{described:,} frames described in {lasting(summary.seconds)}"] if described else []
        if summary.failed:
            told.append(f"{summary.failed:,} set aside (vidlocal status tells why)")
        waiting = ", ".join(f"{kind.value} {number:,}" for kind, number in summary.left.items())
        told.append(f"left for another run: {waiting}" if waiting else "nothing is left to do")
        sentence = "; ".join(told)
        self._notice(f"{sentence[0].upper()}{sentence[1:]}.{' ' + summary.stopped if summary.stopped else ''}")

    def _notice(self, sentence: str) -> None:
        output.notice(sentence, quiet=self.quiet)


def _as_data(summary: "Summary") -> dict[str, object]:
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
    JobKind.EMBED: "embedding",
    JobKind.READ: "reading the screen",
    JobKind.TRANSCRIBE: "listening",
}


def _show(line: progress.Line, at: "Progress") -> None:
    what = f"{_STAGES[at.kind]} {at.done:,}/{at.total:,}  {at.video}"
    if at.seconds_each is not None and at.kind is JobKind.DESCRIBE:
        what += f"  {at.seconds_each:.1f} s/frame"
    line.at(what, at.done / at.total if at.total else None, eta=at.eta, detail=at.last)
