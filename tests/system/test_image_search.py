"""From a video file to image search, by the commands of a user, with unpatched fastembed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.support import clip_model as made
from tests.support import clips, films
from vidlocal.cli import app
from vidlocal.engines.clip.clip_files import TEXT, VISION, clip_model
from vidlocal.engines.clip.embedder import ClipEncoder
from vidlocal.records import JobKind, JobState
from vidlocal.store.content import frame_vectors
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

# Seconds of one colour, in this order.
COLOURS, EACH_S = ("red", "blue", "yellow"), 6
NOT_HERE = "The CLIP model is not installed. Run: vidlocal setup --pictures"


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "127.0.0.1:9")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("films") / "colours.mp4"
    sources = [
        word for colour in COLOURS for word in ("-f", "lavfi", "-i", f"color={colour}:s=320x180:d={EACH_S}:r=10")
    ]
    clips.run(*sources, "-filter_complex", f"concat=n={len(COLOURS)}:v=1:a=0", *clips.X264, "-g", "20", path)
    return path


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The models folder with the model."""
    return made.place(tmp_path / "home" / "models")


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "home", create=True) as library:
        yield library


def run(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.stdout, result.stderr


def pictures(library: Library) -> dict[JobState, int]:
    return {state: number for (kind, state), number in jobs.counts(library).items() if kind is JobKind.PICTURES}


def found(library: Library, models: Path, text: str) -> float:
    """Time of the frame nearest to a text."""
    with ClipEncoder(clip_model(models)) as engine:
        stored = frame_vectors.every(library, engine.key)
        return float(stored.times[int(np.argmax(stored.vectors @ engine.embed_text(text)))])


@pytest.mark.slow
def test_ingest_stores_frame_vectors_found_by_words(film: Path, models: Path, opened: Library) -> None:
    code, _, err = run("ingest", str(film))
    assert (code, pictures(opened)) == (0, {JobState.DONE: 1}), err
    assert len(frame_vectors.every(opened, clip_model(models).key).frames) == len(COLOURS)
    for number, colour in enumerate(COLOURS):
        assert number * EACH_S <= found(opened, models, f"something {colour}") < (number + 1) * EACH_S


def test_without_the_model_nothing_is_queued_or_reported(film: Path, opened: Library) -> None:
    code, out, err = run("ingest", "--later", str(film))
    assert code == 0
    printed = out + err + run("status")[1]
    assert "picture" not in printed.replace(str(film), "")
    assert pictures(opened) == {}
    run("enrich", "--only", "tag")
    assert pictures(opened) == {}


def test_later_leaves_frame_vectors_to_enrich(film: Path, models: Path, opened: Library) -> None:
    run("ingest", "--later", str(film))
    assert pictures(opened) == {JobState.QUEUED: 1}
    assert "pictures 1" in run("status")[1]


def test_earlier_videos_get_frame_vectors_without_a_server(opened: Library, tmp_path: Path) -> None:
    films.add_video(opened, name="before")
    code, out, err = run("enrich", "--only", "pictures")
    assert (code, out, err) == (5, "", f"{NOT_HERE}\n")
    assert pictures(opened) == {}
    key = clip_model(made.place(tmp_path / "home" / "models")).key
    code, out, err = run("enrich", "--only", "pictures", "--json")
    assert (code, json.loads(out)["done"], json.loads(out)["left"].get("pictures")) == (0, {"pictures": 1}, None), err
    assert len(frame_vectors.every(opened, key).frames) == 6
    run("enrich", "--only", "pictures")
    assert opened.number("SELECT max(id) FROM frame_vectors") == 6  # nothing was done twice


def test_enrich_queues_frames_without_a_vector(opened: Library, models: Path) -> None:
    films.add_video(opened)
    run("enrich", "--only", "tag")
    assert pictures(opened) == {JobState.QUEUED: 1}


def test_without_the_extra_it_says_how_to_install_it_and_ingest_needs_it_not(film: Path, models: Path) -> None:
    without = 'import sys; sys.modules["fastembed"] = None; from vidlocal.cli import main; main()'

    def run_without(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", without, *words], capture_output=True, text=True, check=False)

    done = run_without("ingest", "--later", str(film))
    assert done.returncode == 0, done.stderr
    assert "pictures" not in done.stderr
    done = run_without("enrich", "--only", "pictures")
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr == 'Image search needs the package fastembed. Run: pip install "vidlocal[pictures]"\n'


@pytest.mark.parametrize("damaged", [f"{VISION}/model.onnx", f"{TEXT}/tokenizer.json"])
def test_a_damaged_file_is_one_sentence_and_costs_no_video_anything(
    opened: Library, models: Path, damaged: str
) -> None:
    films.add_video(opened)
    run("enrich", "--only", "tag")
    (models / damaged).write_bytes(b"damaged")
    code, out, err = run("enrich", "--only", "pictures")
    assert (code, out, err.count("\n")) == (5, "", 1)
    assert damaged in err
    assert err.endswith("Run: vidlocal setup --pictures\n")
    assert pictures(opened) == {JobState.QUEUED: 1}


def test_jobs_of_a_removed_model_are_reported_once(film: Path, models: Path, opened: Library) -> None:
    run("ingest", "--later", str(film))
    (models / VISION / "SHA256SUMS").unlink()
    opened.connection.execute("UPDATE jobs SET state = 'done' WHERE kind = 'read'")
    code, _, err = run("ingest", str(film))
    assert code == 0
    assert err.count(NOT_HERE) == 1
    assert pictures(opened) == {JobState.QUEUED: 1}


def test_another_build_of_the_model_makes_all_vectors_anew(film: Path, models: Path, opened: Library) -> None:
    run("ingest", "--later", str(film))
    run("enrich", "--only", "pictures")
    first = clip_model(models).key
    assert frame_vectors.keys(opened) == [first]
    second = clip_model(made.place(models, build=2)).key
    assert run("enrich", "--only", "pictures")[0] == 0
    assert frame_vectors.keys(opened) == [second] != [first]
    assert len(frame_vectors.every(opened, second).frames) == len(COLOURS)


@pytest.mark.slow
def test_imported_export_regains_frame_vectors_with_its_images(
    film: Path, models: Path, opened: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("ingest", "--later", str(film))
    run("enrich", "--only", "pictures")
    assert run("export", "-o", str(tmp_path / "all.jsonl"))[0] == 0
    monkeypatch.setenv("VIDLOCAL_HOME", str(tmp_path / "other"))
    made.place(tmp_path / "other" / "models")
    assert run("import", str(tmp_path / "all.jsonl"))[0] == 0
    assert run("enrich", "--only", "pictures")[0] == 0  # nothing to look at yet
    with Library.open(tmp_path / "other") as other:
        assert (frame_vectors.keys(other), pictures(other)) == ([], {})
        assert run("check", "--repair")[0] == 0
        assert run("enrich", "--only", "pictures")[0] == 0
        np.testing.assert_allclose(
            frame_vectors.every(other, clip_model(models).key).vectors,
            frame_vectors.every(opened, clip_model(models).key).vectors,
            atol=1e-3,
        )
