"""`vidlocal enrich`."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Annotated

import typer

from vidlocal.app.enrich.session import run_session, working_hours
from vidlocal.cli.ui import console, hours_options, options
from vidlocal.cli.ui.progress import progress_line
from vidlocal.errors import UsageError
from vidlocal.records import JobKind
from vidlocal.settings import load
from vidlocal.settings.servers import parse_server_options
from vidlocal.store.content import speech_drafts, videos
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue.job_filter import JobFilter

OVERNIGHT = "overnight"

# Before all other videos.
_REDO_PRIORITY = 1e6

EXAMPLES = (
    "vidlocal enrich --all overnight",
    "vidlocal enrich wedding --budget 10   # a first pass in minutes",
    "vidlocal enrich --only transcribe --until 07:00",
    "vidlocal enrich --model bakllava --redo-stale",
    "vidlocal enrich --server openai=http://127.0.0.1:8080   # llama.cpp, vLLM, LM Studio",
    "vidlocal enrich --cluster                               # with the machines that joined",
    "vidlocal enrich --only transcribe --redo wedding --whisper-model small",
)


Videos = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="VIDEO...|overnight",
        help="Videos: id, path or part of the title (default: all). overnight is the same as --overnight.",
    ),
]
AllVideos = Annotated[bool, typer.Option("--all", help="All videos (default).")]
Overnight = Annotated[bool, typer.Option("--overnight", help="Work in the night window only, night after night.")]
Model = Annotated[
    str | None, typer.Option(metavar="MODEL", help="Vision model.", show_default="the setting vision_model")
]
Vram = Annotated[
    float | None,
    typer.Option(metavar="GB", help="GPU memory; only a model that fits is used.", show_default="detected"),
]
TextModel = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="Model for tags and summaries.", show_default="the setting text_model"),
]
Only = Annotated[
    list[JobKind] | None,
    typer.Option(metavar="WORK", help=f"Only this kind of work (repeatable): {', '.join(JobKind)}."),
]
Hosts = Annotated[
    list[str] | None,
    typer.Option(
        metavar="URL",
        help="Ollama server (repeatable; several share the work).",
        show_default="the setting ollama_host",
    ),
]
Now = Annotated[bool, typer.Option("--now", help="Work at any hour (default without --overnight).")]
Searched = Annotated[bool, typer.Option("--searched", help="Only frames near results of earlier searches.")]
Budget = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        max=50,
        help="Caption at most N frames per video, the most representative ones.",
        show_default="all frames",
    ),
]
Redo = Annotated[
    list[str] | None, typer.Option("--redo", metavar="VIDEO", help="Transcribe this video again (repeatable).")
]
RedoStale = Annotated[
    bool, typer.Option("--redo-stale", help="Redo captions and transcripts from another model or older prompt.")
]
RedoWeak = Annotated[
    bool, typer.Option("--redo-weak", help="Redo poor captions, and unsure transcripts of another model.")
]
Canary = Annotated[bool, typer.Option("--canary/--no-canary", help="Test first that the model sees images.")]


def command(
    words: Videos = None,
    all_videos: AllVideos = False,
    model: Model = None,
    whisper_model: options.WhisperModel = None,
    language: options.Language = None,
    audio_track: options.AudioTrack = None,
    translate: options.Translate = False,
    vram: Vram = None,
    text_model: TextModel = None,
    only: Only = None,
    host: Hosts = None,
    server: options.Servers = None,
    allow_remote_host: options.AllowRemoteHost = False,
    cluster: options.Cluster = False,
    scheduler: options.Scheduler = None,
    window: hours_options.WindowOption = None,
    until: hours_options.UntilOption = None,
    lasts: hours_options.ForOption = None,
    overnight: Overnight = False,
    now: Now = False,
    when: hours_options.WhenOption = None,
    searched: Searched = False,
    budget: Budget = None,
    redo: Redo = None,
    redo_stale: RedoStale = False,
    redo_weak: RedoWeak = False,
    canary: Canary = True,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Caption frames, tag and summarise videos with local models.

    The most useful frames come first. Answers are stored as they arrive: stop with Ctrl-C at any time, the next run
    resumes. It keeps running when the terminal closes; control it with `vidlocal status` and `vidlocal pause`. With
    --overnight or --window it works at night only, pauses while the machine is in use or on battery, and continues the
    next night until everything is done.
    """
    from vidlocal.app.enrich.run import queue_stale, queue_untranslated, queue_weak, run_enrich

    words = words or []
    settings = load(
        {
            "vision_model": model,
            "whisper_model": whisper_model,
            "speech_language": language,
            "audio_track": audio_track,
            "translate_speech": translate or None,
            "vram": vram,
            "text_model": text_model,
            "allow_remote_host": allow_remote_host or None,
            "window": window,
            **_ollama_servers(host),
        }
    )
    settings = options.with_cluster(settings, cluster=cluster, scheduler=scheduler)
    if server and host:
        raise UsageError("--host and --server exclude each other. Give one of them.")
    if server:
        settings = replace(settings, servers=parse_server_options(server))
    overnight = overnight or OVERNIGHT in words or window is not None
    hours = working_hours(settings, overnight=overnight, now=now, until=until, lasts=lasts, when=when)
    with ExitStack() as stack:
        library = stack.enter_context(Library.open(settings.home))
        job_filter = JobFilter(_video_ids(library, words, all_videos=all_videos), budget, searched)
        if redo_stale:
            queue_stale(library, settings, job_filter.videos, only)
        if redo_weak:
            queue_weak(library, settings, job_filter.videos, only)
        if translate:
            queue_untranslated(library, job_filter.videos)
        _queue_transcripts(library, redo or ())
        lock = stack.enter_context(ProcessLock(library.folder))
        line = stack.enter_context(progress_line(quiet=quiet))
        session = stack.enter_context(run_session(library, lock, hours, line, exits=(typer.Exit, typer.Abort)))
        summary = run_enrich(library, settings, session, job_filter=job_filter, canary=canary, only=only or None)
    if json:
        console.document(summary.as_data())


def _ollama_servers(urls: Sequence[str] | None) -> dict[str, object]:
    """Settings for the servers of --host; empty without."""
    return {"ollama_host": urls[0] or None, "more_hosts": " ".join(urls[1:])} if urls else {}


def _queue_transcripts(library: Library, names: Sequence[str]) -> None:
    """Queue new transcripts of the named videos, before all other work."""
    for name in names:
        speech_drafts.request(library, videos.resolve(library, name).id, priority=_REDO_PRIORITY)


def _video_ids(library: Library, words: Sequence[str], *, all_videos: bool) -> tuple[int, ...] | None:
    """Ids of the named videos; None for all videos."""
    named = [word for word in words if word != OVERNIGHT]
    if named and all_videos:
        raise UsageError("--all and VIDEO exclude each other. Leave one of them out.")
    return tuple(videos.resolve(library, name).id for name in named) or None
