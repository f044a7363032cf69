"""Commands on servers with the OpenAI API."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.support.commands import Run
from tests.support.fake_ollama import FakeOllama
from tests.support.fake_openai import LLAMA_CPP, PLAIN, VLLM, Dialect, FakeOpenAi
from tests.support.films import add_video
from vidlocal.store.content import understanding
from vidlocal.store.database import Library


@pytest.mark.parametrize("dialect", [LLAMA_CPP, VLLM, PLAIN], ids=["llama.cpp", "vLLM", "plain"])
def test_the_whole_way_on_one_server(library: Library, run: Run, dialect: Dialect) -> None:
    add_video(library)
    with FakeOpenAi(dialect) as fake:
        (library.folder / "settings.toml").write_text(
            f'text_model = "phi3.5:latest"\nembed_model = "embeddinggemma:latest"\n'
            f'[[servers]]\nkind = "openai"\nurl = "{fake.host}"\n'
        )
        done = run("enrich", "--all")
        assert done.exit_code == 0, done.stderr
        assert "6 frames captioned" in done.stderr
        engines = {row["engine"] for row in library.rows("SELECT engine FROM passages WHERE kind = 'scene'")}
        assert engines == {"openai"}
        found = json.loads(run("search", "red", "--json").stdout)
        assert found["moments"]
        assert fake.asked("/v1/embeddings")[-1]["input"] == ["task: search result | query: red"]
        assert run("ask", "what is red?").exit_code == 0


def test_roles_divide_the_work(library: Library, run: Run) -> None:
    understanding.queue(library, add_video(library))
    with FakeOpenAi(model="llava:7b") as eyes, FakeOpenAi(model="embeddinggemma:latest") as meaning:
        (library.folder / "settings.toml").write_text(
            f'[[servers]]\nkind = "openai"\nurl = "{eyes.host}"\nroles = ["describe"]\n'
            f'[[servers]]\nkind = "openai"\nurl = "{meaning.host}"\nroles = ["embed"]\n'
        )
        done = run("enrich", "--all")
        assert done.exit_code == 0
        assert "No server of the settings has the role text: tag and summarise will wait." in done.stderr
        assert eyes.asked("/v1/chat/completions")
        assert not eyes.asked("/v1/embeddings")
        assert meaning.asked("/v1/embeddings")
        assert not meaning.asked("/v1/chat/completions")


def test_a_server_for_one_run(library: Library, run: Run) -> None:
    add_video(library)
    with FakeOpenAi(model="llava:7b") as fake:
        done = run("enrich", "--only", "describe", "--server", f"openai={fake.host}")
        assert done.exit_code == 0, done.stderr
        assert "to caption with llava:7b" in done.stderr
    wrong = run("enrich", "--server", "openai=x", "--host", "http://127.0.0.1:9")
    assert wrong.exit_code == 2
    assert "exclude each other" in wrong.stderr


def test_doctor_reports_the_kind_of_a_server(run: Run, tmp_path: Path) -> None:
    with FakeOpenAi(model="llava:7b") as fake:
        lines = dict(line.split("\t")[::2] for line in run("doctor", "--server", fake.host).stdout.splitlines())
    assert lines["server"] == f"openai, version llama.cpp b1-fake, at {fake.host}"
    assert lines["roles"] == "describe, text, watch"
    assert lines["llava:7b: images"].startswith("it sees")
    gone = run("doctor", "--server", "http://127.0.0.1:9")
    assert gone.exit_code == 5
    assert "127.0.0.1:9" in gone.stderr


def test_doctor_checks_the_models_of_the_roles_only(library: Library, run: Run) -> None:
    with FakeOllama(["embeddinggemma:latest"]) as ollama:
        (library.folder / "settings.toml").write_text(f'[[servers]]\nurl = "{ollama.host}"\nroles = ["embed"]\n')
        parts = {line.split("\t")[0] for line in run("doctor").stdout.splitlines()}
    assert "embedding model" in parts
    assert not parts & {"vision model", "multiple images", "text model", "custom model"}


def test_doctor_takes_the_form_of_enrich(run: Run) -> None:
    with FakeOpenAi(LLAMA_CPP) as fake:
        assert f"at {fake.host}" in run("doctor", "--server", f"openai={fake.host}/v1").stdout
        wrong = run("doctor", "--server", f"banana={fake.host}")
    assert wrong.exit_code == 2
    assert "not an address" in wrong.stderr


def test_doctor_tells_a_web_server_from_a_model_server(run: Run) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _EmptySite) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        answer = run("doctor", "--server", url)
        server.shutdown()
    assert answer.exit_code == 5
    assert f"{url} is no model server" in answer.stderr


class _EmptySite(BaseHTTPRequestHandler):
    """Has no page."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


def test_doctor_checks_the_servers_of_the_settings(library: Library, run: Run) -> None:
    with FakeOpenAi(model="llava:7b") as fake:
        (library.folder / "settings.toml").write_text(
            f'[[servers]]\nkind = "openai"\nurl = "{fake.host}"\nname = "mine"\n'
            '[[servers]]\nkind = "openai"\nurl = "http://127.0.0.1:9"\nname = "gone"\n'
        )
        lines = {line.split("\t")[0]: line.split("\t")[1:3] for line in run("doctor").stdout.splitlines()}
    assert lines["mine"][0] == "ok"
    assert "llava:7b" in lines["mine"][1]
    assert lines["gone"] == ["missing", "No model server at http://127.0.0.1:9. Start it, or correct its address."]


@pytest.mark.parametrize("dialect", [LLAMA_CPP, VLLM], ids=["llama.cpp", "vLLM"])
def test_vectors_of_another_size_are_a_sentence_and_lose_nothing(library: Library, run: Run, dialect: Dialect) -> None:
    add_video(library)
    with FakeOpenAi(dialect, model="embeddinggemma:latest") as fake:
        (library.folder / "settings.toml").write_text(
            f'[[servers]]\nkind = "openai"\nurl = "{fake.host}"\nroles = ["embed"]\n'
        )
        assert run("enrich", "--only", "embed").exit_code == 0
        before = library.number("SELECT count(*) FROM vectors")
        add_video(library, name="other")
        sizes = {"data": [{"index": 0, "embedding": [1.0] * 7}]}
        fake.answer = lambda path, body: (200, json.dumps(sizes).encode()) if path == "/v1/embeddings" else None
        done = run("enrich", "--only", "embed")
        assert "the server returned vectors of 7 dimensions, those in the library have 256" in done.stderr
        assert library.number("SELECT count(*) FROM vectors") == before
        assert library.number("SELECT count(*) FROM jobs WHERE kind = 'embed' AND state = 'failed'") == 0
        fake.answer = lambda path, body: None
        assert run("enrich", "--only", "embed").exit_code == 0
        assert library.number("SELECT count(*) FROM vectors") == 2 * before
