"""Commands with a speech server in place of Whisper in process."""

import json
from pathlib import Path

import pytest

from tests.support.commands import Run
from tests.support.fake_speech import DIALECTS, SPEACHES, WHISPER_CPP, Dialect, FakeSpeech
from tests.support.speech import ASSETS
from vidlocal.store.content import passages, word_times
from vidlocal.store.database import Library

FLAC = str(ASSETS / "wedding-en.flac")


def use(library: Library, address: str) -> None:
    (library.folder / "settings.toml").write_text(
        f'[[servers]]\nkind = "openai"\nurl = "{address}"\nroles = ["speech"]\n'
    )


@pytest.mark.parametrize("dialect", list(DIALECTS.values()), ids=list(DIALECTS))
def test_speech_is_found_after_ingest(library: Library, run: Run, tmp_path: Path, dialect: Dialect) -> None:
    with FakeSpeech(tmp_path, dialect) as fake:
        use(library, fake.host)
        assert run("ingest", FLAC).exit_code == 0
    moments = json.loads(run("search", "groom reads a letter", "--json").stdout)["moments"]
    assert "The groom reads a letter" in moments[0]["text"]
    spoken = passages.of_video(library, 1)
    assert {(passage.engine, passage.model) for passage in spoken} == {("openai", (dialect.models or ("whisper",))[0])}
    if dialect.words:
        timed = [word_times.of_passage(library, passage) for passage in spoken]
        assert "groom" in {word.text for words in timed for word in words}


def test_a_server_that_is_gone_costs_nothing(library: Library, run: Run, tmp_path: Path) -> None:
    use(library, "http://127.0.0.1:9")
    taken = run("ingest", FLAC)
    assert taken.exit_code == 0
    assert "Not transcribed. No speech server at http://127.0.0.1:9. Start it" in taken.stderr
    with FakeSpeech(tmp_path) as fake:
        use(library, fake.host)
        fake.answer = lambda: (503, b"{}")
        assert "busy" in run("enrich").stderr
        fake.answer = lambda: None
        library.connection.execute("UPDATE jobs SET not_before = 0")
        assert run("enrich").exit_code == 0
    assert json.loads(run("search", "groom", "--json").stdout)["moments"]


def test_doctor_shows_and_asks_a_speech_server(library: Library, run: Run, tmp_path: Path) -> None:
    with FakeSpeech(tmp_path, SPEACHES) as fake:
        use(library, fake.host)
        rows = dict(line.split("\t")[::2] for line in run("doctor").stdout.splitlines())
        assert rows["speech"] == f"Systran/faster-whisper-base on the server at {fake.host}"
        asked = dict(line.split("\t")[::2] for line in run("doctor", "--server", fake.host).stdout.splitlines())
    assert asked["Systran/faster-whisper-base: speech"] == "it transcribes, and tells the language"
    assert asked["roles"] == "speech"


def test_doctor_asks_whisper_cpp_which_lists_no_models(run: Run, tmp_path: Path) -> None:
    with FakeSpeech(tmp_path, WHISPER_CPP) as fake:
        rows = dict(line.split("\t")[::2] for line in run("doctor", "--server", fake.host).stdout.splitlines())
        assert rows["server"] == f"speech server of whisper.cpp, at {fake.host}"
    assert rows["roles"] == "speech"


def test_setup_offers_no_whisper_model_then(library: Library, run: Run) -> None:
    use(library, "http://127.0.0.1:9")
    assert "speech" not in run("setup", "--dry-run").stdout
