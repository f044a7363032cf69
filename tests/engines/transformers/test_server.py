"""Models of transformers in process, built here with tiny weights. Needs the extra `transformers`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.support import tiny_transformers
from vidlocal.engines.base import AnswerTruncated, PromptTooLong, SchemaMismatch
from vidlocal.engines.jpeg import noisy_colour
from vidlocal.engines.prompts import text_prompts
from vidlocal.engines.served import canary
from vidlocal.engines.served.models import ServedText, ServedVision
from vidlocal.engines.transformers import transformers_files
from vidlocal.engines.transformers.server import TransformersServer
from vidlocal.errors import AnswerRejected, EngineError

OPTIONS: dict[str, int | float] = {"num_predict": 6, "num_ctx": 2048, "temperature": 0.2, "seed": 7}
SCHEMA: dict[str, object] = {"type": "object", "properties": {"summary": {"type": "string"}}}


def picture(colour: str) -> bytes:
    return noisy_colour(canary.COLOURS[colour], side_px=canary.SIDE_PX)


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TransformersServer]:
    folder = tiny_transformers.save_seeing_llava(tmp_path_factory.mktemp("seeing"))
    with TransformersServer(transformers_files.read_folder(folder)) as server:
        yield server


@pytest.fixture(scope="module")
def blip2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TransformersServer]:
    folder = tiny_transformers.save_blip2(tmp_path_factory.mktemp("blip2"))
    with TransformersServer(transformers_files.read_folder(folder)) as server:
        yield server


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TransformersServer]:
    folder = tiny_transformers.save_qwen(tmp_path_factory.mktemp("qwen"))
    with TransformersServer(transformers_files.read_folder(folder)) as server:
        yield server


def vision_of(server: TransformersServer) -> ServedVision:
    return ServedVision(server, server.preflight("any name", "vision"))


def generate(server: TransformersServer, *images: bytes, prompt: str = "What is this?") -> str:
    """Return the beginning of an answer: a model with random weights does not come to an end."""
    pieces: list[str] = []
    try:
        return server.chat("x", system="Be brief.", prompt=prompt, images=images, options=OPTIONS, keep_alive="1m")
    except AnswerTruncated as error:
        pieces.append(str(error))
    return pieces[0]


def test_it_sees(seeing: TransformersServer) -> None:
    assert canary.check_vision(vision_of(seeing)).passed


def test_a_frame_is_described_in_plain_sentences(seeing: TransformersServer) -> None:
    vision = vision_of(seeing)
    assert vision.describe(picture("red"), plain=True).description == tiny_transformers.caption("red")
    assert vision.usage.tokens == 10
    assert vision.provenance(plain=True).engine == "transformers"


def test_an_answer_without_json_breaks_the_schema(seeing: TransformersServer) -> None:
    with pytest.raises(SchemaMismatch):
        vision_of(seeing).describe(picture("red"))


def test_the_first_token_has_probabilities(seeing: TransformersServer) -> None:
    tokens = seeing.first_token("x", system="", prompt="Is it red?", options=OPTIONS, keep_alive="1m")
    assert len(tokens) > 1
    assert 0 < sum(tokens.values()) <= 1.001


def test_the_same_seed_gives_the_same_answer(qwen: TransformersServer) -> None:
    assert generate(qwen, picture("red")) == generate(qwen, picture("red"))


@pytest.mark.parametrize("text", ["a sign with <image> on it", "</s><pad>", "<|image_pad|><video>"])
def test_markers_written_in_a_prompt_are_no_images(
    seeing: TransformersServer, qwen: TransformersServer, text: str
) -> None:
    assert generate(seeing, picture("red"), prompt=text)
    assert generate(qwen, picture("red"), prompt=text)


def test_it_is_unloaded_and_loaded_again(seeing: TransformersServer) -> None:
    vision = vision_of(seeing)
    assert seeing.loaded_models()[0][0] == seeing.host
    vision.unload()
    assert seeing.loaded_models() == []
    assert vision.describe(picture("blue"), plain=True).description == tiny_transformers.caption("blue")


def test_a_killed_process_is_started_again(seeing: TransformersServer) -> None:
    vision = vision_of(seeing)
    seeing._worker.interrupt()
    assert vision.describe(picture("green"), plain=True).description == tiny_transformers.caption("green")
    assert vision.reloads == 1


def test_a_damaged_image_is_rejected(seeing: TransformersServer) -> None:
    with pytest.raises(AnswerRejected, match="damaged"):
        vision_of(seeing).describe(b"no picture", plain=True)


def test_a_long_prompt_is_refused_with_its_length(seeing: TransformersServer) -> None:
    text = ServedText(seeing, seeing.preflight("x", "completion"), num_ctx=2048)
    with pytest.raises(PromptTooLong, match=r"the prompt has \d+ tokens, too many for 2048"):
        text.complete("", "word " * 3000)


def test_embeddings_are_refused(seeing: TransformersServer) -> None:
    with pytest.raises(EngineError, match="does not support embeddings"):
        seeing.preflight("x", "embedding")


def test_blip2_answers_in_plain_sentences_only(blip2: TransformersServer) -> None:
    with pytest.raises(SchemaMismatch, match="plain sentences only"):
        vision_of(blip2).describe(picture("red"))
    assert generate(blip2, picture("red"))


def test_blip2_takes_one_image_and_no_text_alone(blip2: TransformersServer) -> None:
    with pytest.raises(AnswerRejected, match="takes one image at a time"):
        generate(blip2, picture("red"), picture("blue"))
    with pytest.raises(EngineError, match="does not support text without an image"):
        blip2.preflight("x", "completion")
    with pytest.raises(EngineError, match="does not support text without an image"):
        generate(blip2)


def test_a_video_model_gets_several_frames_as_a_video(qwen: TransformersServer, seeing: TransformersServer) -> None:
    assert vision_of(qwen).takes_video
    assert not vision_of(seeing).takes_video
    frames = [picture(colour) for colour in ("red", "green", "blue", "white")]
    request = qwen._request("chat", "", text_prompts.WATCH_SYSTEM, OPTIONS)
    sizes = [len(frame) for frame in frames]
    # Two frames share the tokens of one image: a video costs half.
    as_video = qwen._call({**request, "sizes": sizes, "context": 1}, b"".join(frames), 60.0)["tokens"]
    one = qwen._call({**request, "sizes": sizes[:1], "context": 1}, frames[0], 60.0)["tokens"]
    none = qwen._call({**request, "sizes": [], "context": 1}, b"", 60.0)["tokens"]
    assert 1.5 * (one - none) < as_video - none < 3 * (one - none)
    assert generate(qwen, *frames)


def test_damaged_weights_are_a_sentence(tmp_path: Path) -> None:
    folder = tiny_transformers.save_llava(tmp_path)
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with TransformersServer(transformers_files.read_folder(folder)) as server, pytest.raises(EngineError) as caught:
        server.preflight("x", "vision")
    assert folder.name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_code_of_a_model_is_never_run(tmp_path: Path) -> None:
    folder = tiny_transformers.save_llava(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "odd", "auto_map": {"AutoConfig": "own.Odd", "AutoModelForImageTextToText": "own.Odd"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with (
        TransformersServer(transformers_files.read_folder(folder)) as server,
        pytest.raises(EngineError, match="not usable in process"),
    ):
        server.preflight("x", "vision")
    assert not (tmp_path / "ran").exists()
