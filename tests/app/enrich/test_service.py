"""The rounds of `vidlocal worker`."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import clip_model as made
from tests.support import clips
from tests.support.clocks import Wall
from tests.support.fake_ollama import Asked, FakeOllama
from tests.support.films import add_video
from tests.support.progress_lines import RecordedLine
from vidlocal import settings
from vidlocal.app.enrich import session
from vidlocal.app.enrich.run_log import RunLog
from vidlocal.app.enrich.service import Service
from vidlocal.engines.clip.clip_files import clip_model
from vidlocal.enrich.runner.schedule import When
from vidlocal.enrich.runner.sleep_inhibitor import SleepInhibitor
from vidlocal.errors import ModelMissing
from vidlocal.ingest.folder_watcher import FolderWatcher
from vidlocal.records import JobKind
from vidlocal.store.content import frame_vectors, frames, videos
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.process_locks import ProcessLock


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama() as running:
        yield running


@pytest.fixture
def line() -> RecordedLine:
    return RecordedLine()


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def service(
    library: Library, server: FakeOllama, line: RecordedLine, wall: Wall, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    monkeypatch.setenv("OLLAMA_HOST", server.host)
    loaded = settings.load({"every": 1.0})
    hours = session.working_hours(loaded, overnight=False, now=True, when=When.ANY)
    with ExitStack() as stack:
        lock = stack.enter_context(ProcessLock(library.folder))
        run_session = session.RunSession(
            library, lock, hours, line, RunLog(library.folder), stack.enter_context(SleepInhibitor()), now=wall.now
        )
        watcher = FolderWatcher([inbox], wall.now)
        yield Service(
            library, loaded, lock, run_session, watcher, record=lambda value: None, canary=False, now=wall.now
        )


def rounds(service: Service, wall: Wall, seconds: float) -> None:
    """So many seconds of a worker's life. Our clock passes, yours does not."""
    until = wall.at + seconds
    while wall.at < until:
        wall.pass_time(service.run_round())


def test_queue_is_processed_and_an_empty_one_asks_no_server(
    service: Service, library: Library, server: FakeOllama, wall: Wall
) -> None:
    rounds(service, wall, 30)
    assert server.requests == []
    add_video(library)
    rounds(service, wall, 30)
    assert frames.coverage(library).described == 6
    asked = len(server.requests)
    rounds(service, wall, 300)
    assert len(server.requests) == asked


def test_sidecars_are_kept_current(service: Service, library: Library, inbox: Path, wall: Wall) -> None:
    service.settings = replace(service.settings, sidecars="md, srt")
    film = clips.scenes(inbox / "party.mp4", seconds=4)
    film.with_suffix(".srt").write_text("1\n00:00:00,000 --> 00:00:02,000\nAnna arrives.\n")
    rounds(service, wall, 200)
    assert "Anna arrives." in film.with_name("party.vidlocal.srt").read_text()
    assert film.with_suffix(".md").read_text().startswith("# party\n")


def test_unreachable_server_is_awaited_with_one_message(
    service: Service, library: Library, server: FakeOllama, wall: Wall, line: RecordedLine
) -> None:
    add_video(library)
    server.down()
    service.check_models()
    rounds(service, wall, 1200)
    assert len(line.messages) == 1
    assert frames.coverage(library).described == 0
    server.up()
    rounds(service, wall, 620)
    assert frames.coverage(library).described == 6
    assert library.number("SELECT sum(attempts) FROM jobs WHERE kind = 'describe'") == 0
    assert "The models are available now." in line.messages


def test_earlier_videos_get_frame_vectors(service: Service, library: Library, wall: Wall) -> None:
    add_video(library)
    key = clip_model(made.place(service.settings.models_folder)).key
    service.check_models()
    rounds(service, wall, 30)
    assert len(frame_vectors.every(library, key).frames) == 6


def test_a_missing_model_ends_it_at_the_start_and_is_waited_for_later(
    service: Service, library: Library, server: FakeOllama, wall: Wall, line: RecordedLine
) -> None:
    llava = server.models.pop("llava:7b")
    with pytest.raises(ModelMissing, match="ollama pull llava:7b"):
        service.check_models()
    add_video(library)
    rounds(service, wall, 60)
    assert len([sentence for sentence in line.messages if "ollama pull llava:7b" in sentence]) == 1
    server.models["llava:7b"] = llava
    rounds(service, wall, 620)
    assert frames.coverage(library).described == 6


@pytest.mark.slow
def test_new_file_is_ingested_after_settling_and_enriched(
    service: Service, library: Library, wall: Wall, inbox: Path, line: RecordedLine
) -> None:
    rounds(service, wall, 20)
    clips.scenes(inbox / "film.mp4", seconds=4, seed=1)
    (inbox / "broken.mp4").write_bytes(b"no film at all")
    rounds(service, wall, 40)
    assert videos.every(library) == []
    rounds(service, wall, 60)
    assert [video.title for video in videos.every(library)] == ["film"]
    assert frames.coverage(library).described == frames.coverage(library).total > 0
    assert len([sentence for sentence in line.messages if sentence.startswith("broken.mp4: not indexed: ")]) == 1
    rounds(service, wall, 200)
    assert len([sentence for sentence in line.messages if "broken.mp4" in sentence]) == 1


def test_new_files_are_ingested_before_queued_frames(
    service: Service, library: Library, server: FakeOllama, wall: Wall, inbox: Path
) -> None:
    add_video(library, pictures=12)
    clips.scenes(inbox / "film.mp4", seconds=4, seed=1)

    def take_a_while(asked: Asked) -> None:
        wall.pass_time(30 if asked.path == "/api/chat" else 0)

    described: list[int] = []
    server.choose = take_a_while
    service.record = lambda value: described.append(frames.coverage(library, 1).described)
    rounds(service, wall, 600)
    # One record for the stretch that was cut short, one for the file, one for the rest.
    assert len(described) == 3
    assert 0 < described[0] == described[1] < 12
    assert frames.coverage(library, 1).described == 12


@pytest.mark.slow
def test_a_pause_holds_files_and_frames(
    service: Service, library: Library, server: FakeOllama, wall: Wall, inbox: Path
) -> None:
    facts.put(library, facts.PAUSED, "2026-11-21T20:00:00+00:00")
    add_video(library)
    clips.scenes(inbox / "film.mp4", seconds=4, seed=1)
    rounds(service, wall, 200)
    assert len(videos.every(library)) == 1
    assert server.asked("/api/chat") == []
    facts.delete(library, facts.PAUSED)
    rounds(service, wall, 100)
    assert frames.coverage(library, 1).described == 6
    assert len(videos.every(library)) == 2


def test_unavailable_work_is_retried_at_intervals(
    service: Service, library: Library, server: FakeOllama, wall: Wall, line: RecordedLine
) -> None:
    del server.models["embeddinggemma:latest"]
    add_video(library)
    rounds(service, wall, 30)
    left = library.number("SELECT count(*) FROM jobs WHERE kind = ? AND state = 'queued'", JobKind.EMBED)
    assert left == 1
    asked = len(server.requests)
    rounds(service, wall, 500)
    assert len(server.requests) == asked
    rounds(service, wall, 200)
    assert len(server.requests) > asked


def test_a_service_ends_when_its_library_is_gone(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "127.0.0.1:9")
    command = [sys.executable, "-m", "vidlocal", "worker", "--now"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as worker:
        assert worker.stderr is not None
        assert "Waiting for it." in worker.stderr.readline()
        library.folder.rename(library.folder.with_name("elsewhere"))
        assert worker.wait(timeout=60) == 6
        assert "moved, deleted or replaced" in worker.stderr.read()
