"""Engines of ingest and of the deep pass, by the settings."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack

from vidlocal.app.engines.fast_engines import open_fast_engines
from vidlocal.app.engines.hosts import open_hosts
from vidlocal.app.plugins import frame_signals
from vidlocal.enrich.run import EnrichEngines
from vidlocal.ingest.run import IngestTools
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.probe.prober import Prober
from vidlocal.records import JobKind
from vidlocal.settings import Settings
from vidlocal.store.database import Library


def _ignore(message: str) -> None:
    """Drop a message."""


def open_ingest_tools(
    stack: ExitStack,
    settings: Settings,
    library: Library | None = None,
    *,
    notify: Callable[[str], None] = _ignore,
) -> IngestTools:
    """Open ffmpeg, the prober and the engines of the fast pass; closed with `stack`.

    Faces need the consent stored in `library`. `notify` gets failures of plugins.
    """
    ffmpeg = find_ffmpeg(settings.ffmpeg)
    prober = stack.enter_context(Prober())
    fast = open_fast_engines(stack, settings, ffmpeg, prober, library=library)
    return IngestTools(ffmpeg, prober, fast, signals=tuple(frame_signals(settings, notify)))


def open_engines(
    stack: ExitStack,
    settings: Settings,
    remaining: Mapping[JobKind, int],
    *,
    library: Library,
    canary: bool,
    patient: bool = False,
    notify: Callable[[str], None],
) -> EnrichEngines:
    """Open and check the models for the remaining jobs; closed with `stack`. Raises EngineError.

    With a cluster in the settings its machines are hosts, too, and one of them is enough; `patient` waits for it.
    """
    ffmpeg = find_ffmpeg(settings.ffmpeg)
    prober = stack.enter_context(Prober())
    fast = open_fast_engines(stack, settings, ffmpeg, prober, library=library)
    if not settings.cluster:
        hosts = open_hosts(stack, settings, remaining, library=library, canary=canary, notify=notify)
        return EnrichEngines(fast, hosts, guarded=canary)
    from vidlocal.app.cluster.engines import open_cluster_engines

    return open_cluster_engines(
        stack, settings, remaining, fast, library=library, canary=canary, patient=patient, notify=notify
    )
