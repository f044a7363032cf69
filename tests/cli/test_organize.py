"""`vidlocal organize`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Run
from tests.support.fake_ollama import FakeOllama
from vidlocal.media.files import read_stamp
from vidlocal.records import MediaKind, Probe
from vidlocal.store.content import videos
from vidlocal.store.database import Library


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOllama]:
    with FakeOllama() as running:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", running.host)
        yield running


@pytest.fixture
def films(library: Library, tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "a.mp4").write_text("film")
    (folder / "a.srt").write_text("words")
    videos.add(
        library,
        content_hash="0",
        path=folder / "a.mp4",
        stamp=read_stamp(folder / "a.mp4"),
        probe=Probe(kind=MediaKind.VIDEO, duration=60.0, recorded_at="2019-06-02T10:00:00Z"),
        frame_drafts=[],
        text_passages=[],
        plan=[],
    )
    return folder


def test_it_only_shows_until_it_is_asked_to_apply(run: Run, films: Path, server: FakeOllama) -> None:
    result = run("organize", str(films))
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{films}/a.mp4\t{films}/Films/2019/2019-06-02 a film.mp4\n"
    assert (films / "a.mp4").is_file()
    assert "Nothing was renamed" in result.stderr


def test_apply_follows_the_proposal_and_undo_reverts_it(run: Run, films: Path, server: FakeOllama) -> None:
    shown = json.loads(run("organize", str(films), "--json").stdout)
    asked = len(server.requests)
    applied = json.loads(run("organize", str(films), "--apply", "--json").stdout)
    assert len(server.requests) == asked
    assert (applied["moves"], applied["applied"], shown["applied"]) == (shown["moves"], True, False)
    assert (films / "Films/2019/2019-06-02 a film.srt").read_text() == "words"
    result = run("organize", "--undo")
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in films.iterdir()) == ["a.mp4", "a.srt"]
    assert "Nothing to undo." in run("organize", "--undo").stderr


@pytest.mark.parametrize("lacking", ["server", "model"])
def test_without_a_text_model_it_goes_by_date_and_title(
    run: Run, films: Path, server: FakeOllama, lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lacking == "model":
        del server.models["phi3.5:latest"]
    else:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "http://127.0.0.1:9")
    result = run("organize", str(films))
    assert result.exit_code == 0
    assert result.stdout.endswith("/2019/2019-06-02 a.mp4\n")
    assert "by date and title, without the text model" in result.stderr


def test_first_server_with_the_model_is_asked(
    run: Run, films: Path, server: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("VIDLOCAL_MORE_HOSTS", server.host)
    assert run("organize", str(films)).stdout == f"{films}/a.mp4\t{films}/Films/2019/2019-06-02 a film.mp4\n"


def test_remaining_problems_are_named_and_set_the_exit_code(run: Run, films: Path) -> None:
    run("organize", str(films), "--by-date")
    (films / "2019").mkdir()
    (films / "2019" / "2019-06-02 a.mp4").write_text("mine")
    result = run("organize", str(films), "--apply")
    assert result.exit_code == 4
    assert "not renamed (the new name already exists)." in result.stderr


def test_invalid_words_are_refused(run: Run, films: Path) -> None:
    for words in (["--undo", "--apply"], [str(films), "--undo"], [str(films / "nowhere")]):
        assert run("organize", *words).exit_code == 2
