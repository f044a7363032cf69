"""`vidlocal enrich`."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Annotated

import typer

from vidlocal.app.session import run_session, working_hours
from vidlocal.cli.ui import console, hours_options, options
from vidlocal.cli.ui.progress import progress_line
from vidlocal.errors import UsageError
from vidlocal.records import JobKind
from vidlocal.settings import load
from vidlocal.store.content import stale, videos
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue.job_filter import JobFilter

OVERNIGHT = "overnight"


Videos = Annotated[
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
    words: Videos = None,
    all_videos: AllVideos = False,
    model: Model = None,
    vram: Vram = None,
    text_model: TextModel = None,
    only: Only = None,
    host: Hosts = None,
    allow_remote_host: options.AllowRemoteHost = False,
    window: hours_options.WindowOption = None,
    until: hours_options.UntilOption = None,
    lasts: hours_options.ForOption = None,
    now: Now = False,
    when: hours_options.WhenOption = None,
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
    from vidlocal.app.enrich import queue_stale, run_enrich

    words = words or []
    first, *others = host or [""]
    settings = load(
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
    hours = working_hours(settings, overnight=overnight, now=now, until=until, lasts=lasts, when=when)
    with ExitStack() as stack:
        library = stack.enter_context(Library.open(settings.home))
        job_filter = JobFilter(_video_ids(library, words, all_videos=all_videos), budget, searched)
        if redo_stale:
            queue_stale(library, settings, job_filter.videos)
        if redo_weak:
            stale.requeue_frames(library, stale.weak_frames(library, job_filter.videos))
        lock = stack.enter_context(ProcessLock(library.folder))
        line = stack.enter_context(progress_line(quiet=quiet))
        session = stack.enter_context(run_session(library, lock, hours, line, exits=(typer.Exit, typer.Abort)))
        summary = run_enrich(library, settings, session, job_filter=job_filter, canary=canary, only=only or None)
    if json:
        console.document(summary.as_data())


def _video_ids(library: Library, words: Sequence[str], *, all_videos: bool) -> tuple[int, ...] | None:
    """Ids of the named videos; None, meaning all, if none is named."""
    named = [word for word in words if word != OVERNIGHT]
    if named and all_videos:
        raise UsageError("--all means every video; leave it out, or name no video.")
    return tuple(videos.resolve(library, name).id for name in named) or None
