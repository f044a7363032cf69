"""A wedding film of ten minutes and a run of the deep pass, for tests of summaries."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.fake_ollama import FakeOllama
from tests.support.images import plain_colour
from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.served.models import ServedEmbeddings, ServedText, ServedVision
from vidlocal.enrich.run import EnrichEngines, enrich
from vidlocal.enrich.runner.pool import Host
from vidlocal.enrich.runner.queue_runner import Clock, RunSummary
from vidlocal.enrich.workers import fast_pass
from vidlocal.errors import EngineError
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.probe.prober import Prober
from vidlocal.records import FileStamp, FrameDraft, JobKind, MediaKind, Passage, PassageKind, Probe
from vidlocal.signals.screen_text import RapidOcr
from vidlocal.store.content import understanding, videos
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue.job_filter import for_videos

SAID = (
    (5.0, "Welcome to the church for this wedding."),
    (65.0, "The bride walks down the aisle to the groom."),
    (130.0, "They say their vows before the priest."),
    (250.0, "Now all the guests dance in the garden."),
    (370.0, "The children eat cake."),
    (490.0, "Goodbye and thank you, dear guests."),
)


def add_film(
    library: Library,
    *,
    name: str = "wedding",
    said: Sequence[tuple[float, str]] = SAID,
    kind: PassageKind = PassageKind.SUBTITLE,
    pictures: int = 6,
    duration: float = 600.0,
    media: MediaKind = MediaKind.VIDEO,
    content_hash: str | None = None,
) -> int:
    """A stored film with its plan. Pictures every 2 s at its beginning, in shades of a single shot."""
    images = content_hash or name
    folder = library.frames_folder / images
    folder.mkdir()
    drafts = []
    for number in range(pictures):
        (folder / f"{number}.jpg").write_bytes(plain_colour((40 * number % 256, 90, 160), side_px=96))
        drafts.append(FrameDraft(2.0 * number, 0, f"frames/{images}/{number}.jpg", number, rank=number))
    with library.writing():
        video_id = videos.add(
            library,
            content_hash=images,
            path=Path("/films") / f"{name}.mp4",
            stamp=FileStamp(1, 1, 1),
            probe=Probe(kind=media, duration=duration),
            frame_drafts=drafts,
            text_passages=[Passage(start, start + 3.0, kind, text) for start, text in said],
            plan=[],
        )
        understanding.queue(library, video_id)
    return video_id


@contextmanager
def engines_on(server: FakeOllama, *, writes: bool = True, num_ctx: int = 4096) -> Iterator[EnrichEngines]:
    """The models of a fake server, opened like by the command."""
    with ExitStack() as stack:
        ollama = stack.enter_context(Ollama(server.host))
        host = Host(
            ollama.host,
            ServedVision(ollama, ollama.preflight("llava:7b", "vision"), num_ctx=num_ctx),
            ServedEmbeddings(ollama, ollama.preflight("embeddinggemma", "embedding")),
            lambda: _answers(ollama),
            writer=ServedText(ollama, ollama.preflight("phi3.5", "completion"), num_ctx=num_ctx) if writes else None,
        )
        tools = fast_pass.FastEngines(
            find_ffmpeg(None), stack.enter_context(Prober()), stack.enter_context(RapidOcr()), None
        )
        yield EnrichEngines(tools, [host])


def deep(
    library: Library,
    server: FakeOllama,
    *videos_: int,
    writes: bool = True,
    num_ctx: int = 4096,
    only: Sequence[JobKind] | None = None,
) -> RunSummary:
    """A run of the deep pass, until no doable work is left."""
    with engines_on(server, writes=writes, num_ctx=num_ctx) as engines, ProcessLock(library.folder) as lock:
        if videos_:
            return enrich(library, engines, lock, job_filter=for_videos(*videos_), only=only, clock=_impatient())
        return enrich(library, engines, lock, only=only, clock=_impatient())


def _impatient() -> Clock:
    """A clock without waiting."""
    waited = [0.0]

    def sleep(seconds: float) -> None:
        waited[0] += seconds

    return Clock(now=lambda: time.monotonic() + waited[0], sleep=sleep)


def _answers(ollama: Ollama) -> bool:
    try:
        return bool(ollama.version())
    except EngineError:
        return False
