"""CLIP by the real fastembed, with a small synthetic model and with broken models."""

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.support import clip_model as made
from vidlocal import process
from vidlocal.engines.base import ImageRejected
from vidlocal.engines.clip.clip_files import TEXT, VISION, WEIGHTS, clip_model
from vidlocal.engines.clip.embedder import ClipEncoder
from vidlocal.errors import AnswerRejected, EngineError

COLOURS = ("red", "green", "blue", "yellow", "white", "black")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.place(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def engine(models: Path) -> Iterator[ClipEncoder]:
    with ClipEncoder(clip_model(models)) as opened:
        yield opened


def test_text_is_nearest_to_its_image(engine: ClipEncoder) -> None:
    images = engine.embed_images([made.jpeg(colour) for colour in COLOURS])
    assert (images.shape, images.dtype) == ((6, 512), np.float32)
    for position, colour in enumerate(COLOURS):
        text = engine.embed_text(f"something {colour.upper()}")
        assert (text.shape, text.dtype) == ((512,), np.float32)
        assert int(np.argmax(images @ text)) == position


def test_every_vector_has_length_one(engine: ClipEncoder) -> None:
    vectors = [*engine.embed_images([made.jpeg("red"), made.jpeg("gray")]), engine.embed_text("")]
    np.testing.assert_allclose([np.linalg.norm(vector) for vector in vectors], 1.0, atol=1e-6)


def test_a_batch_equals_single_images(engine: ClipEncoder) -> None:
    jpegs = [made.jpeg(colour) for colour in COLOURS]
    single = np.concatenate([engine.embed_images([jpeg]) for jpeg in jpegs])
    np.testing.assert_allclose(engine.embed_images(jpegs), single, atol=1e-6)


def test_text_vectors_equal_the_vectors_of_fastembed(engine: ClipEncoder, models: Path) -> None:
    texts = ["red", "a Red\tand BLUE thing", "", "red " * 500, "blue, blue; red!", "人 \x00 ?"]
    code = f"""
import json
from fastembed import TextEmbedding
model = TextEmbedding("Qdrant/{TEXT}", specific_model_path={str(models / TEXT)!r}, cache_dir={str(models)!r})
print(json.dumps([[float(number) for number in next(iter(model.embed([text])))] for text in {texts!r}]))
"""
    expected = np.array(json.loads(process.run([sys.executable, "-c", code], timeout=60).stdout))
    actual = np.stack([engine.embed_text(text) for text in texts])
    np.testing.assert_allclose(actual, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)


def test_a_lone_surrogate_is_replaced(engine: ClipEncoder) -> None:
    np.testing.assert_array_equal(engine.embed_text("red \ud800"), engine.embed_text("red ?"))


@pytest.mark.parametrize("data", [b"", b"no picture", made.jpeg("red")[:200]])
def test_a_damaged_image_is_rejected_and_the_model_still_works(engine: ClipEncoder, data: bytes) -> None:
    with pytest.raises(AnswerRejected, match="damaged"):
        engine.embed_images([made.jpeg("red"), data])
    assert len(engine.embed_images([made.jpeg("red")])) == 1


def test_a_crash_rejects_the_image_and_costs_one_answer_only(models: Path) -> None:
    with ClipEncoder(clip_model(models)) as engine:
        before = engine.embed_images([made.jpeg("red")])
        child = _child()
        os.kill(child, signal.SIGSTOP)
        killer = threading.Timer(0.05, os.kill, (child, signal.SIGKILL))
        killer.start()
        with pytest.raises(ImageRejected, match="failed on an image"):
            engine.embed_images([made.jpeg("red")])
        killer.join()
        np.testing.assert_array_equal(engine.embed_images([made.jpeg("red")]), before)


def test_broken_weights_are_an_error_of_the_model(tmp_path: Path) -> None:
    made.place(tmp_path)
    for part in (VISION, TEXT):
        (tmp_path / part / WEIGHTS).write_bytes(os.urandom(20_000))
    made.seal(tmp_path)
    with ClipEncoder(clip_model(tmp_path)) as engine:
        with pytest.raises(EngineError, match=r"cannot be loaded.*vidlocal setup --pictures") as caught:
            engine.embed_images([made.jpeg("red")])
        assert not isinstance(caught.value, AnswerRejected)
        started = len(psutil.Process().children())
        with pytest.raises(EngineError, match="cannot be loaded"):
            engine.embed_images([made.jpeg("red")])
        assert len(psutil.Process().children()) == started
        with pytest.raises(EngineError, match="cannot be loaded"):
            engine.embed_text("red")


def test_a_broken_package_is_named_with_the_command_to_reinstall_it(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fastembed.py").write_text('raise ImportError("libsomething.so.6: cannot open shared object file")')
    monkeypatch.syspath_prepend(tmp_path)  # pytest itself has not imported it
    with (
        ClipEncoder(clip_model(models)) as engine,
        pytest.raises(EngineError, match=r"ImportError: libsomething.*pip install --force-reinstall"),
    ):
        engine.embed_images([made.jpeg("red")])


def test_exit_ends_the_child_and_prints_nothing(models: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with ClipEncoder(clip_model(models)) as engine:
        engine.embed_text("red")
        child = _child()
    assert not psutil.pid_exists(child)
    assert capfd.readouterr() == ("", "")


def test_the_child_creates_no_files(models: Path, tmp_path: Path) -> None:
    before = sorted(models.rglob("*"))
    with ClipEncoder(clip_model(models)) as engine:
        engine.embed_images([made.jpeg("red")])
    assert sorted(models.rglob("*")) == before


def _child() -> int:
    """Return the process id of the newest child."""
    return int(max(psutil.Process().children(), key=lambda child: child.create_time()).pid)
