"""Image vectors by a server with the role pictures, in place of CLIP."""

import json
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.support import clip_model
from tests.support.commands import Run
from tests.support.fake_ollama import FakeOllama
from tests.support.films import add_video
from vidlocal.store.content import frame_vectors
from vidlocal.store.database import Library

MODEL = "embeddinggemma-2:440m"


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama([MODEL, "embeddinggemma:latest"]) as running:
        yield running


def use(library: Library, address: str, model: str = MODEL) -> None:
    (library.folder / "settings.toml").write_text(
        f'[[servers]]\nurl = "{address}"\nroles = ["pictures"]\npictures_model = "{model}"\n'
    )


def test_frames_are_found_before_they_are_captioned(library: Library, run: Run, server: FakeOllama) -> None:
    add_video(library)
    use(library, server.host)
    done = run("enrich", "--only", "pictures")
    assert done.exit_code == 0, done.stderr
    (key,) = frame_vectors.keys(library)
    assert key.startswith(f"{MODEL}@")
    moments = json.loads(run("search", "yellow", "--json").stdout)["moments"]
    assert [(moment["start"], moment["kinds"]) for moment in moments] == [(6.0, ["picture"])]
    assert run("similar", "1@0:00").exit_code == 0


def test_a_server_that_is_gone_costs_nothing(library: Library, run: Run, server: FakeOllama) -> None:
    add_video(library)
    use(library, "http://127.0.0.1:9")
    gone = run("enrich", "--only", "pictures")
    assert gone.exit_code == 5
    assert "Images are not embedded. No Ollama server at http://127.0.0.1:9" in gone.stderr
    assert frame_vectors.keys(library) == []
    use(library, server.host)
    assert run("enrich", "--only", "pictures").exit_code == 0
    assert len(frame_vectors.keys(library)) == 1


def test_a_text_model_for_images_is_refused(library: Library, run: Run, server: FakeOllama) -> None:
    add_video(library)
    use(library, server.host, "embeddinggemma")
    refused = run("enrich", "--only", "pictures")
    assert refused.exit_code == 5
    assert "embeddinggemma:latest on" in refused.stderr
    assert "embeds no images" in refused.stderr
    assert ("The CLIP model is not installed" if find_spec("fastembed") else "fastembed") in refused.stderr
    assert run("search", "birthday").exit_code == 0


def test_clip_embeds_where_the_server_cannot(library: Library, run: Run, server: FakeOllama) -> None:
    pytest.importorskip("fastembed")
    add_video(library)
    clip_model.place(library.folder / "models")
    use(library, server.host, "embeddinggemma")
    done = run("enrich", "--only", "pictures")
    assert done.exit_code == 0, done.stderr
    assert "embeds no images" in done.stderr
    assert "CLIP embeds the images instead." in done.stderr
    (key,) = frame_vectors.keys(library)
    assert key.startswith("clip-vit-b32@")
    assert run("search", "red").exit_code == 0


def test_doctor_says_which_model_makes_image_vectors(library: Library, run: Run, server: FakeOllama) -> None:
    use(library, server.host)
    rows = dict(line.split("\t")[::2] for line in run("doctor").stdout.splitlines())
    assert rows["image search"].startswith(f"Vectors by {MODEL}@")
    asked = dict(line.split("\t")[::2] for line in run("doctor", "--server", server.host).stdout.splitlines())
    assert asked[f"{MODEL}: image embeddings"] == "images and texts in one space"
    assert asked["embeddinggemma:latest: image embeddings"].startswith("no: ")
    assert asked["roles"] == "embed, pictures"
