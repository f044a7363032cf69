"""The engines of a deep pass, opened for a command."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack

from vidlocal.app.fast_engines import fast_engines
from vidlocal.app.hosts import open_hosts
from vidlocal.enrich.run import Engines
from vidlocal.media.ffmpeg import find
from vidlocal.media.probe import Prober
from vidlocal.records import JobKind
from vidlocal.settings import Settings


def open_engines(
    stack: ExitStack, chosen: Settings, left: Mapping[JobKind, int], *, canary: bool, say: Callable[[str], None]
) -> Engines:
    """The models that the waiting work needs, each checked before the first frame. Raises EngineError."""
    ffmpeg = find(chosen.ffmpeg)
    prober = stack.enter_context(Prober())
    fast = fast_engines(stack, chosen, ffmpeg, prober)
    hosts = open_hosts(stack, chosen, left, canary=canary, say=say)
    return Engines(fast, hosts, guarded=canary)
