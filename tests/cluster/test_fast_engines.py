"""OCR, CLIP and speech on other machines give the same results as here."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.support import clip_model, speech, tones
from tests.support.commands import add_video
from tests.support.fake_speech import FakeSpeech
from tests.support.loopback import Loopback
from vidlocal.app.cluster.engines import add_machines
from vidlocal.app.cluster.fast_engines import ClusterFastEngines, fast_identities
from vidlocal.app.cluster.hosts import ClusterHosts, models_of
from vidlocal.app.cluster.site import Site
from vidlocal.app.engines.fast_engines import open_fast_engines
from vidlocal.cluster.engine_pool import EnginePool
from vidlocal.cluster.messages import Failure, OfferedModel, Result, encode
from vidlocal.cluster.remote_engines import Machine
from vidlocal.cluster.remote_fast_engines import RemoteClip, RemoteDiarizer, RemoteOcr, RemoteSpeech
from vidlocal.engines.jpeg import encode as encode_jpeg
from vidlocal.enrich.workers.fast_lanes import FastLanes
from vidlocal.enrich.workers.fast_pass import FastEngines
from vidlocal.errors import EngineBusy, EngineUnreachable
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.flac import decode_flac, encode_flac
from vidlocal.media.probe.prober import Prober
from vidlocal.records import JobKind
from vidlocal.settings import Settings, load
from vidlocal.settings.servers import Role, ServerKind, ServerSetting
from vidlocal.signals.screen_text import ScreenText
from vidlocal.store.content import frames
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import ALL_JOBS

ASSETS = Path(__file__).parents[1] / "assets"
MODELS = models_of(load())


@dataclass(frozen=True)
class Here:
    """Engines of this machine, and of another machine with the same models."""

    local: FastEngines
    pools: Mapping[str, EnginePool]
    connection: Loopback


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    home = tmp_path_factory.mktemp("home")
    clip_model.place(home / "models")
    tones.place(home / "models")
    settings = load(
        {"home": str(home), "whisper_model": str(ASSETS / "ggml-vidlocal-test.bin"), "ollama_host": "127.0.0.1:9"}
    )
    with opened(settings) as both:
        yield both


@contextmanager
def opened(settings: Settings) -> Iterator[Here]:
    site = Site(settings)
    connection = Loopback({"pc": site.handle})
    messages: list[str] = []
    with ExitStack() as stack:
        stack.callback(site.close)
        prober = stack.enter_context(Prober())
        local = open_fast_engines(stack, settings, find_ffmpeg(settings.ffmpeg), prober)
        machines = ClusterHosts(connection, models_of(settings), messages.append, False, fast_identities(local))
        assert machines.first() == []  # no model server there
        assert messages[0].startswith(
            "pc of the cluster works, too: OCR, speech (vidlocal-test), speakers, image vectors (clip"
        )
        yield Here(local, machines.pools, connection)


def test_speech_heard_there_is_speech_heard_here(here: Here) -> None:
    samples = speech.decoded(ASSETS / "wedding-en.flac")[: 16_000 * 12]
    remote = RemoteSpeech(here.pools["speech"])
    assert here.local.speech is not None
    assert (remote.name, remote.digest) == (here.local.speech.name, here.local.speech.digest)
    assert remote.has_speech(samples) == here.local.speech.has_speech(samples)
    there, local = remote.transcribe(samples, "en"), here.local.speech.transcribe(samples, "en")
    assert [(cue.text, cue.start, cue.end) for cue in there.cues] == [
        (cue.text, cue.start, cue.end) for cue in local.cues
    ]
    assert [cue.confidence for cue in there.cues] == pytest.approx([cue.confidence for cue in local.cues], abs=1e-3)
    assert len(there.cues) >= 2


def test_remote_diarization_equals_the_local_one(here: Here) -> None:
    placed = [(0.5, 2.5, tones.LOW_HZ), (3.0, 5.0, tones.HIGH_HZ)]
    samples = tones.tones(placed, seconds=6)
    remote = RemoteDiarizer(here.pools["speakers"])
    assert here.local.speakers is not None
    assert remote.key == here.local.speakers.key
    there, local = remote.diarize(samples), here.local.speakers.diarize(samples)
    assert [voice.turns for voice in there] == [voice.turns for voice in local]
    assert len(there) == 2
    for one, other in zip(there, local, strict=True):
        assert float(one.vector @ other.vector) == pytest.approx(1, abs=1e-4)


def test_enrich_transcribes_with_the_speech_server_of_another_machine(library: Library, tmp_path: Path) -> None:
    owner = load({"home": str(tmp_path / "home"), "ollama_host": "127.0.0.1:9"})
    with FakeSpeech(tmp_path) as server, ExitStack() as stack:
        speaking = ServerSetting(ServerKind.OPENAI, server.host, roles=frozenset({Role.SPEECH}))
        site = Site(replace(load({"home": str(tmp_path / "pc")}), servers=(speaking,)))
        stack.callback(site.close)
        local = open_fast_engines(stack, owner, find_ffmpeg(None), stack.enter_context(Prober()))
        assert local.speech is None
        connection = Loopback({"pc": site.handle})
        engines = add_machines(
            stack,
            owner,
            {JobKind.TRANSCRIBE: 1},
            local,
            connection,
            library=library,
            canary=False,
            patient=False,
            notify=lambda message: None,
        )
        assert engines.remote is not None
        assert engines.remote.lanes()[JobKind.TRANSCRIBE] >= 1
        with engines.remote.open(JobKind.TRANSCRIBE) as opened:
            assert opened.speech is not None
            heard = opened.speech.transcribe(speech.decoded(ASSETS / "wedding-en.flac"), "en")
    assert len(heard.cues) >= 2


def test_images_are_embedded_there_as_here(here: Here) -> None:
    images = [clip_model.jpeg("red"), clip_model.jpeg("blue")]
    remote = RemoteClip(here.pools["pictures"])
    assert here.local.pictures is not None
    assert remote.key == here.local.pictures.key
    assert np.array_equal(remote.embed_images(images), here.local.pictures.embed_images(images))


def test_text_read_ahead_there_is_text_read_here(here: Here) -> None:
    jpeg = sign("GRIMSEL PASS 2164m")
    remote = RemoteOcr(here.pools["ocr"])
    remote.prefetch(jpeg)
    before = len(here.connection.calls)
    there = remote.read(jpeg)
    assert there == here.local.ocr.read(jpeg)
    assert there is not None
    assert "GRIMSEL" in there.text
    assert len(here.connection.calls) - before <= 1
    remote.close()


def sign(text: str) -> bytes:
    """A picture of a line of text."""
    image = Image.new("RGB", (640, 200), "white")
    ImageDraw.Draw(image).text((40, 60), text, fill="black", font=ImageFont.load_default(48))
    return encode_jpeg(image)


def test_samples_survive_flac() -> None:
    samples = (np.sin(np.arange(16_000) / 7) * 0.003).astype(np.float32)
    assert np.abs(decode_flac(encode_flac(samples)) - samples).max() < 0.003 / 60_000
    assert decode_flac(encode_flac(np.zeros(160, np.float32))).tolist() == [0.0] * 160


# ------------------------------------------------------------ several machines


def answering(value: object) -> bytes:
    return encode(Result(value))


def pool_of(connection: Loopback, slots: int = 1, now: float = 0.0, step: float = 0.0) -> EnginePool:
    ticks = count()
    pool = EnginePool("ocr", OfferedModel("rapidocr", "", "rapidocr 3"), now=lambda: now + step * next(ticks))
    for name in connection.sites:
        pool.add(Machine(connection, name, MODELS), slots)
    return pool


def test_a_machine_that_left_costs_a_call_only_its_time() -> None:
    connection = Loopback({"a": lambda call: answering("a"), "b": lambda call: answering("b")}, gone={"a"})
    pool = pool_of(connection)
    assert [pool.call("read", b"jpeg") for _ in range(5)] == ["b"] * 5
    assert connection.calls.count("a") == 1


def test_a_machine_in_use_is_passed_over() -> None:
    busy = encode(Failure("EngineBusy", "Paused while other programs use the machine.", 30.0))
    connection = Loopback({"a": lambda call: busy, "b": lambda call: answering("b")})
    assert pool_of(connection).call("read", b"jpeg") == "b"


@pytest.mark.parametrize(
    ("sites", "gone", "kind"),
    [
        ({"a": lambda call: answering("a")}, {"a"}, EngineUnreachable),
        ({"a": lambda call: encode(Failure("EngineBusy", "in use", 30.0))}, set(), EngineBusy),
    ],
)
def test_a_call_that_no_machine_takes_is_given_up_after_a_while(
    sites: dict[str, object], gone: set[str], kind: type[Exception]
) -> None:
    connection = Loopback(sites, gone=gone)  # type: ignore[arg-type]
    with pytest.raises((EngineUnreachable, kind)):
        pool_of(connection, step=50.0).call("read", b"jpeg")


def test_no_machine_gets_more_calls_than_it_performs_and_one_more() -> None:
    gate, entered = threading.Event(), threading.Semaphore(0)

    def wait(call: bytes) -> bytes:
        entered.release()
        gate.wait(20)
        return answering("done")

    connection = Loopback({"a": wait})
    pool = pool_of(connection, slots=2)
    threads = [threading.Thread(target=pool.call, args=("read", b"x")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        assert entered.acquire(timeout=20)
    assert not entered.acquire(blocking=False)
    gate.set()
    for thread in threads:
        thread.join(20)
    assert connection.calls == ["a"] * 8


# ------------------------------------------------------------ lanes


@dataclass
class CountingOcr:
    """A remote OCR engine: answers only with two frames at work at the same time."""

    together: threading.Barrier
    read_images: list[bytes] = field(default_factory=list)

    def warm_up(self) -> None: ...

    def forget_prefetched(self) -> None: ...

    def prefetch(self, jpeg: bytes) -> None: ...

    def read(self, jpeg: bytes) -> ScreenText | None:
        self.together.wait(20)
        self.read_images.append(jpeg)
        return ScreenText(f"SIGN {len(jpeg)}", 0.9, "fake")


@dataclass
class TwoLanes:
    """Two machines with OCR."""

    local: FastEngines
    ocr: CountingOcr

    def lanes(self) -> Mapping[JobKind, int]:
        return {JobKind.READ: 2}

    @contextmanager
    def open(self, kind: JobKind) -> Iterator[FastEngines]:
        yield replace(self.local, ocr=self.ocr)


def queue_videos(library: Library, titles: list[str]) -> list[int]:
    """Videos with a frame to read each."""
    ids = [add_video(library, title, "hello") for title in titles]
    for video_id in ids:
        for frame in frames.representatives(library, video_id):
            path = library.folder / str(frame.image)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(clip_model.jpeg("red"))
        jobs.add(library, JobKind.READ, video_id, video_id)
    return ids


def test_lanes_read_several_videos_at_the_same_time(library: Library, here: Here) -> None:
    ids = queue_videos(library, ["one", "two"])
    images = sum(len(frames.representatives(library, video_id)) for video_id in ids)
    ocr = CountingOcr(threading.Barrier(2))
    with (
        ProcessLock(library.folder) as lock,
        FastLanes(library.folder, TwoLanes(here.local, ocr), lock, ALL_JOBS, {JobKind.READ}) as lanes,
    ):
        lanes.fill(library)
        while lanes.is_working():
            lanes.wait(lambda stage: None)
    assert len(ocr.read_images) == images > 0
    assert lanes.notes == []
    assert library.number("SELECT count(*) FROM jobs WHERE kind = 'read' AND state = 'done'") == 2
    assert library.number("SELECT count(*) FROM passages WHERE text LIKE 'SIGN %'") > 0


def test_held_lanes_start_nothing(library: Library, here: Here) -> None:
    queue_videos(library, ["one"])
    ocr = CountingOcr(threading.Barrier(1))
    with (
        ProcessLock(library.folder) as lock,
        FastLanes(library.folder, TwoLanes(here.local, ocr), lock, ALL_JOBS, {JobKind.READ}) as lanes,
    ):
        lanes.follow(library, False)
        lanes.fill(library)
        lanes.wait(lambda stage: None)
    assert ocr.read_images == []
    assert library.number("SELECT count(*) FROM jobs WHERE kind = 'read' AND state = 'queued'") == 1


def test_lanes_follow_the_machines_that_are_there(here: Here) -> None:
    remote = ClusterFastEngines(lambda: here.pools, here.local)
    assert remote.lanes()[JobKind.READ] == 1
    with remote.open(JobKind.TRANSCRIBE) as engines:
        assert isinstance(engines.speech, RemoteSpeech)
    with remote.open(JobKind.SPEAKERS) as engines:
        assert isinstance(engines.speakers, RemoteDiarizer)
        assert isinstance(engines.speech, RemoteSpeech)
    without = {role: pool for role, pool in here.pools.items() if role != "speech"}
    assert JobKind.SPEAKERS not in ClusterFastEngines(lambda: without, here.local).lanes()


def test_speakers_wait_for_the_transcription(library: Library) -> None:
    video_id = add_video(library, "talk", "")
    for kind in (JobKind.TRANSCRIBE, JobKind.SPEAKERS):
        jobs.add(library, kind, video_id, video_id)
    assert jobs.next_due(library, JobKind.SPEAKERS, now=0.0) is None
    job = jobs.claim(library, JobKind.TRANSCRIBE, worker="a", now=0.0, lease_s=9.0)
    assert job is not None
    assert jobs.next_due(library, JobKind.SPEAKERS, now=0.0) is None
    jobs.finish(library, job)
    assert jobs.next_due(library, JobKind.SPEAKERS, now=0.0) is not None
