"""The Ollama protocol in vidlocal's usage: same results from the fake servers and a real server."""

import base64
import io
import json
import math
from collections.abc import Iterator
from datetime import datetime, timedelta

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.support.images import plain_colour
from tests.support.ollama_servers import (
    OPTIONS,
    REAL_URL,
    Json,
    OllamaServer,
    engine_error_of,
    error_of,
    lines_of,
    serving,
)
from vidlocal.engines.base import AnswerTruncated, ImageRejected
from vidlocal.engines.ollama.server import Ollama
from vidlocal.engines.served import canary
from vidlocal.engines.served.models import ServedEmbeddings, ServedText, ServedVision
from vidlocal.engines.served.query_vector import embed_query
from vidlocal.errors import EngineError, ModelMissing

MISSING = "vidlocal-no-such-model"
MADE = "vidlocal-protocol-test"
LONG = "alpha beta gamma " * 3_000
SCHEMA: Json = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 20},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 10}, "maxItems": 3},
        "count": {"type": "integer"},
        "moving": {"type": "boolean"},
    },
    "required": ["title", "tags", "count", "moving"],
}
METRICS = (
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
)
RED = plain_colour(canary.COLOURS["red"], side_px=canary.SIDE_PX)

real = pytest.mark.skipif(not REAL_URL, reason="VIDLOCAL_TEST_OLLAMA names no real server")


@pytest.fixture(scope="module", params=["templated", "native", pytest.param("real", marks=real)])
def server(request: pytest.FixtureRequest) -> Iterator[OllamaServer]:
    with serving(request.param) as running:
        yield running


@pytest.fixture
def ollama(server: OllamaServer) -> Iterator[Ollama]:
    with Ollama(server.url) as adapter:
        yield adapter


def encoded(kind: str, **how: object) -> bytes:
    """A red picture in a format of Pillow's."""
    held = io.BytesIO()
    Image.new("RGB", (100, 100), canary.COLOURS["red"]).save(held, kind, **how)
    return held.getvalue()


def raw_picture(server: OllamaServer, text: str) -> httpx.Response:
    """Response to a message with `text` as picture instead of valid base64."""
    message = {"role": "user", "content": canary.QUESTION, "images": [text]}
    return server.post(
        "/api/chat", {"model": server.vision, "messages": [message], "stream": False, "options": OPTIONS}
    )


def embedded(server: OllamaServer, texts: object, **fields: object) -> httpx.Response:
    return server.post("/api/embed", {"model": server.embedding, "input": texts} | fields)


def vectors_of(response: httpx.Response) -> np.ndarray:
    return np.asarray(response.json()["embeddings"], dtype=np.float64)


def says_red(response: httpx.Response) -> bool:
    return response.status_code == 200 and canary.named_colours(response.json()["message"]["content"]) == {"red"}


# ------------------------------------------------------------ the server


def test_a_server_tells_its_version_and_its_cloud(server: OllamaServer, ollama: Ollama) -> None:
    assert server.client.get("/").text == "Ollama is running"
    assert server.client.head("/").status_code == 200
    version = server.get("/api/version")["version"]
    assert all(part.isdigit() for part in version.split("-")[0].split("."))
    assert ollama.version() == version
    assert ollama.cloud_enabled() is not server.get("/api/status")["cloud"]["disabled"]


def test_unknown_paths_and_methods_are_answered_in_plain_text(server: OllamaServer) -> None:
    for response, status in (
        (server.client.get("/api/nothing"), 404),
        (server.client.get("/api/chat"), 405),
        (server.client.post("/api/version"), 405),
    ):
        assert response.status_code == status
        assert response.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(("body", "error"), [(b"", "missing request body"), (b'{"model":', "unexpected EOF")])
def test_a_body_that_is_not_json_is_refused(server: OllamaServer, body: bytes, error: str) -> None:
    response = server.client.post("/api/chat", content=body)
    assert (response.status_code, error_of(response)) == (400, error)


# ------------------------------------------------------------ models


def test_the_list_describes_every_model(server: OllamaServer, ollama: Ollama) -> None:
    for name in (server.vision, server.text, server.embedding):
        entry = server.listed(name)
        assert entry["name"] == entry["model"]
        assert len(entry["digest"]) == 64
        assert entry["size"] > 0
        assert datetime.fromisoformat(entry["modified_at"])
        assert {"format", "family", "families", "parameter_size", "quantization_level"} <= set(entry["details"])
    assert {entry["name"] for entry in server.get("/api/tags")["models"]} == {model.name for model in ollama.models()}


def test_only_show_tells_an_embedding_model(server: OllamaServer, ollama: Ollama) -> None:
    assert "vision" in server.listed(server.vision)["capabilities"]
    assert server.listed(server.embedding)["capabilities"] in (["completion"], ["embedding"])
    assert server.show(server.embedding)["capabilities"] == ["embedding"]
    assert ollama.preflight(server.embedding, "embedding").capabilities == ("embedding",)


def test_show_tells_abilities_and_context(server: OllamaServer) -> None:
    for name, can, cannot in (
        (server.vision, {"completion", "vision"}, {"embedding"}),
        (server.text, {"completion"}, {"vision", "embedding"}),
        (server.embedding, {"embedding"}, {"completion", "vision"}),
    ):
        shown = server.show(name)
        assert can <= set(shown["capabilities"])
        assert cannot.isdisjoint(shown["capabilities"])
        architecture = shown["model_info"]["general.architecture"]
        assert shown["model_info"][f"{architecture}.context_length"] > 0
        assert shown["model_info"][f"{architecture}.embedding_length"] > 0
        assert shown["details"]["format"] == "gguf"
        assert "remote_host" not in shown


def test_preflight_agrees_with_the_server(server: OllamaServer, ollama: Ollama) -> None:
    model = ollama.preflight(server.vision, "vision")
    entry = server.listed(server.vision)
    assert (model.name, model.digest, model.size_bytes) == (entry["name"], entry["digest"], entry["size"])
    assert ollama.digest(server.vision) == entry["digest"]
    for name, need in ((server.text, "vision"), (server.vision, "embedding"), (server.embedding, "completion")):
        with pytest.raises(EngineError, match="does not support"):
            ollama.preflight(name, need)  # type: ignore[arg-type]


def test_a_name_is_known_in_any_case_and_without_latest(server: OllamaServer) -> None:
    info = server.show(server.vision)["model_info"]
    for name in (server.vision.upper(), server.listed(server.vision)["name"].removesuffix(":latest")):
        assert server.show(name)["model_info"] == info


@pytest.mark.parametrize(
    ("path", "fields", "error"),
    [
        ("/api/chat", {"messages": [{"role": "user", "content": "x"}]}, f"model '{MISSING}' not found"),
        ("/api/generate", {"prompt": "x"}, f"model '{MISSING}' not found"),
        ("/api/generate", {"keep_alive": 0}, f"model '{MISSING}' not found"),
        ("/api/embed", {"input": "x"}, f'model "{MISSING}" not found, try pulling it first'),
        ("/api/show", {}, f"model '{MISSING}:latest' not found"),
    ],
    ids=["chat", "generate", "unload", "embed", "show"],
)
def test_a_missing_model_is_404(server: OllamaServer, path: str, fields: Json, error: str) -> None:
    response = server.post(path, {"model": MISSING} | fields)
    assert (response.status_code, error_of(response)) == (404, error)


def test_a_missing_model_is_reported_by_every_adapter(server: OllamaServer, ollama: Ollama) -> None:
    with pytest.raises(ModelMissing):
        ollama.preflight(MISSING, "vision")
    with pytest.raises(ModelMissing):
        ollama.chat(MISSING, system="", prompt="x", options=OPTIONS, keep_alive="1m")
    with pytest.raises(ModelMissing):
        ollama.embed(MISSING, ["x"], options={}, keep_alive="1m")
    with pytest.raises(ModelMissing):
        ollama.unload(MISSING)
    with pytest.raises(ModelMissing):
        embed_query(server.url, MISSING, "x", timeout_s=60)


def test_a_request_without_a_model_is_refused(server: OllamaServer) -> None:
    for path, status, error in (
        ("/api/chat", 400, "model is required"),
        ("/api/show", 400, "model is required"),
        ("/api/generate", 404, "model '' not found"),
        ("/api/embed", 404, "model '' not found"),
    ):
        response = server.post(path, {"model": ""})
        assert (response.status_code, error_of(response)) == (status, error)


def test_a_model_is_made_of_another_and_deleted(server: OllamaServer, ollama: Ollama) -> None:
    ollama.create(MADE, base=server.vision, system="You look.", parameters={"num_ctx": 2048, "seed": 11})
    try:
        shown = server.show(MADE)
        assert shown["system"] == "You look."
        parameters = [line.split() for line in shown["parameters"].splitlines()]
        assert ["num_ctx", "2048"] in parameters
        assert ["seed", "11"] in parameters
        assert shown["capabilities"] == server.show(server.vision)["capabilities"]
        assert server.listed(MADE)["digest"] != server.listed(server.vision)["digest"]
        assert says_red(server.chat(MADE, canary.QUESTION, [RED]))
    finally:
        deleted = server.client.request("DELETE", "/api/delete", json={"model": MADE})
    assert (deleted.status_code, deleted.content) == (200, b"")
    again = server.client.request("DELETE", "/api/delete", json={"model": MADE})
    assert (again.status_code, error_of(again)) == (404, f"model '{MADE}' not found")


def test_a_model_made_of_nothing_is_refused(server: OllamaServer) -> None:
    response = server.post("/api/create", {"model": MADE})
    assert (response.status_code, error_of(response)) == (400, "neither 'from' or 'files' was specified")


# ------------------------------------------------------------ chat


def test_an_answer_carries_text_reason_and_counts(server: OllamaServer) -> None:
    response = server.chat(server.vision, canary.QUESTION, [RED])
    answer = response.json()
    assert response.headers["content-type"].startswith("application/json")
    assert (answer["model"], answer["done"], answer["done_reason"]) == (server.vision, True, "stop")
    assert answer["message"]["role"] == "assistant"
    assert all(isinstance(answer[name], int) and answer[name] > 0 for name in METRICS)
    assert datetime.fromisoformat(answer["created_at"])
    assert "remote_host" not in answer


def test_a_streamed_answer_ends_with_its_counts(server: OllamaServer) -> None:
    response = server.chat(server.text, "Say hello.", stream=True)
    *parts, last = lines_of(response)
    assert response.headers["content-type"] == "application/x-ndjson"
    assert parts
    assert all(part["done"] is False and part["message"]["content"] for part in parts)
    assert not any(name in part for part in parts for name in METRICS)
    assert last["done"] is True
    assert last["message"] == {"role": "assistant", "content": ""}
    assert last["done_reason"] in ("stop", "length")
    assert all(last[name] > 0 for name in METRICS)


def test_a_request_is_streamed_unless_it_says_otherwise(server: OllamaServer) -> None:
    messages = [{"role": "user", "content": "Say hello."}]
    response = server.post("/api/chat", {"model": server.text, "messages": messages, "options": OPTIONS})
    assert response.headers["content-type"] == "application/x-ndjson"


def test_generate_answers_in_a_field_of_its_own(server: OllamaServer) -> None:
    picture = base64.b64encode(RED).decode()
    body = {"model": server.vision, "prompt": canary.QUESTION, "images": [picture], "stream": False}
    answer = server.post("/api/generate", body | {"options": OPTIONS}).json()
    assert canary.named_colours(answer["response"]) == {"red"}
    assert "message" not in answer
    assert all(answer[name] > 0 for name in METRICS)


def test_a_stream_left_early_blocks_no_other_request(server: OllamaServer) -> None:
    body = {"model": server.text, "messages": [{"role": "user", "content": "Tell a story."}]}
    options = OPTIONS | {"num_predict": 2_000}
    with server.client.stream("POST", "/api/chat", json=body | {"options": options}) as response:
        assert next(response.iter_lines())
    assert server.chat(server.text, "Say hello.", options={"num_predict": 2}).status_code == 200


@pytest.mark.parametrize("number", [1, 3])
def test_num_predict_cuts_an_answer(server: OllamaServer, ollama: Ollama, number: int) -> None:
    answer = server.chat(server.text, "Tell a story.", options={"num_predict": number}).json()
    assert (answer["done"], answer["done_reason"], answer["eval_count"]) == (True, "length", number)
    with pytest.raises(AnswerTruncated):
        ollama.chat(
            server.text, system="", prompt="Tell a story.", options=OPTIONS | {"num_predict": number}, keep_alive="5m"
        )


@pytest.mark.parametrize("number", [0, -1, None])
def test_num_predict_without_a_number_is_no_limit(server: OllamaServer, number: int | None) -> None:
    answer = server.chat(server.vision, canary.QUESTION, [RED], options={"num_predict": number}).json()
    assert answer["done_reason"] == "stop"
    assert answer["eval_count"] > 1


def test_more_text_and_more_pictures_count_more(server: OllamaServer) -> None:
    def count(prompt: str, pictures: int = 0) -> int:
        images = [plain_colour(rgb, side_px=100) for rgb in list(canary.COLOURS.values())[:pictures]]
        return int(server.chat(server.vision, prompt, images, options={"num_predict": 2}).json()["prompt_eval_count"])

    assert count("one two three") < count("one two three " * 30)
    assert count("one two three") < count("one two three", 1) < count("one two three", 2)


@pytest.mark.parametrize(
    ("option", "value", "kind"),
    [
        ("num_ctx", "4096", "integer"),
        ("num_predict", "x", "integer"),
        ("seed", "x", "integer"),
        ("num_gpu", True, "integer"),
        ("temperature", "x", "float32"),
        ("stop", "x", "array"),
        ("use_mmap", 1, "boolean"),
    ],
)
def test_an_option_of_another_type_is_500(server: OllamaServer, option: str, value: object, kind: str) -> None:
    response = server.chat(server.text, "x", options={option: value})
    assert (response.status_code, error_of(response)) == (500, f'option "{option}" must be of type {kind}')


def test_unknown_options_and_fractions_are_taken(server: OllamaServer) -> None:
    options = {"vidlocal_knows_not": 1, "seed": 7.5, "temperature": 1, "stop": None, "num_predict": 2}
    assert server.chat(server.text, "x", options=options).status_code == 200


def test_thinking_is_refused_by_a_model_without_it(server: OllamaServer) -> None:
    assert "thinking" not in server.show(server.text)["capabilities"]
    response = server.chat(server.text, "x", think=True)
    assert (response.status_code, error_of(response)) == (400, f'"{server.text}" does not support thinking')
    assert server.chat(server.text, "x", think=False, options={"num_predict": 2}).status_code == 200


# ------------------------------------------------------------ pictures


@pytest.mark.parametrize("colour", sorted(canary.COLOURS))
def test_a_vision_model_names_a_plain_colour(server: OllamaServer, colour: str) -> None:
    picture = plain_colour(canary.COLOURS[colour], side_px=canary.SIDE_PX)
    answer = server.chat(server.vision, canary.QUESTION, [picture]).json()
    assert canary.named_colours(answer["message"]["content"]) == {colour}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "PPM", "TGA"])
def test_a_picture_may_have_many_formats(server: OllamaServer, kind: str) -> None:
    assert says_red(server.chat(server.vision, canary.QUESTION, [encoded(kind)]))


def test_a_progressive_jpeg_and_a_single_pixel_are_pictures(server: OllamaServer) -> None:
    assert says_red(server.chat(server.vision, canary.QUESTION, [encoded("JPEG", progressive=True)]))
    assert server.chat(server.vision, canary.QUESTION, [plain_colour((220, 20, 20), side_px=1)]).status_code == 200


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    "picture",
    [encoded("TIFF"), encoded("PNG")[:60], RED[:100], b"no picture at all", b""],
    ids=["tiff", "cut png", "jpeg without size", "text", "empty"],
)
def test_an_unreadable_picture_is_400_from_the_engine(server: OllamaServer, picture: bytes, streamed: bool) -> None:
    response = server.chat(server.vision, canary.QUESTION, [picture], stream=streamed)
    error = engine_error_of(response)
    assert (response.status_code, error["code"]) == (400, 400)
    assert error["message"] == "Failed to load image or audio file"


@pytest.mark.parametrize(
    ("text", "at"),
    [("data:image/png;base64,AAAA", 4), ("abc!", 3), ("abc", 0), ("-_-_", 0)],
    ids=["data url", "broken", "unpadded", "url-safe"],
)
def test_invalid_base64_image_is_400(server: OllamaServer, text: str, at: int) -> None:
    response = raw_picture(server, text)
    assert (response.status_code, error_of(response)) == (400, f"illegal base64 data at input byte {at}")


def test_line_ends_in_base64_are_skipped(server: OllamaServer) -> None:
    assert says_red(raw_picture(server, base64.encodebytes(RED).decode()))


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6])
def test_a_cut_jpeg_is_described_all_the_same(server: OllamaServer, share: float) -> None:
    held = io.BytesIO()
    Image.effect_noise((300, 300), 80).convert("RGB").save(held, "JPEG", quality=95)
    cut = held.getvalue()[: int(len(held.getvalue()) * share)]
    answer = server.chat(server.vision, canary.QUESTION, [cut])
    assert answer.status_code == 200
    assert answer.json()["message"]["content"]


def test_a_text_model_refuses_a_picture(server: OllamaServer, ollama: Ollama) -> None:
    response = server.chat(server.text, canary.QUESTION, [RED])
    error = engine_error_of(response)
    assert response.status_code == error["code"]
    # Ollama renders the prompt for one model, the engine for the other: the error comes from different places.
    assert (error["code"], error["message"].split(" - ")[0]) in (
        (400, "Multimodal data provided, but model does not support multimodal requests."),
        (500, "image input is not supported"),
    )
    with pytest.raises(EngineError, match="cannot do this") as caught:
        ollama.chat(server.text, system="", prompt="x", images=[RED], options=OPTIONS, keep_alive="5m")
    assert type(caught.value) is EngineError
    assert server.chat(server.text, "x", options={"num_predict": 2}).status_code == 200


def test_an_embedding_model_refuses_to_chat(server: OllamaServer, ollama: Ollama) -> None:
    response = server.chat(server.embedding, "x")
    assert (response.status_code, error_of(response)) == (400, f'"{server.embedding}" does not support chat')
    response = server.post("/api/generate", {"model": server.embedding, "prompt": "x"})
    assert (response.status_code, error_of(response)) == (400, f'"{server.embedding}" does not support generate')
    with pytest.raises(EngineError, match="cannot do this"):
        ollama.chat(server.embedding, system="", prompt="x", options=OPTIONS, keep_alive="5m")


# ------------------------------------------------------------ answers of a form


def test_a_schema_is_kept_with_its_bounds(server: OllamaServer) -> None:
    options = {"num_predict": 512}
    answer = server.chat(server.text, "Describe a dog as JSON.", format=SCHEMA, options=options).json()
    fields = json.loads(answer["message"]["content"])
    assert answer["done_reason"] == "stop"
    assert set(fields) == set(SCHEMA["required"])  # their order depends on who renders the prompt
    assert len(fields["title"]) <= 20
    assert len(fields["tags"]) <= 3
    assert all(len(tag) <= 10 for tag in fields["tags"])
    assert isinstance(fields["count"], int)
    assert isinstance(fields["moving"], bool)


def test_a_schema_and_a_picture_go_together(server: OllamaServer, ollama: Ollama) -> None:
    vision = ServedVision(ollama, ollama.preflight(server.vision, "vision"))
    assert vision.describe(RED).description


def test_a_format_is_json_or_a_schema(server: OllamaServer) -> None:
    assert server.chat(server.text, "x", format="", options={"num_predict": 2}).status_code == 200
    assert server.chat(server.text, "x", format="json", options={"num_predict": 2}).status_code == 200
    for wanted in ("xml", 5, True, ["json"]):
        response = server.chat(server.text, "x", format=wanted)
        assert response.status_code == 500
        assert error_of(response).startswith("invalid format: ")
    refused = server.chat(server.text, "x", format={"type": "nonsense"})
    assert (refused.status_code, engine_error_of(refused)["code"]) == (400, 400)
    assert "JSON schema" in engine_error_of(refused)["message"]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_log_probabilities_come_with_an_answer_about_a_picture(server: OllamaServer, streamed: bool) -> None:
    response = server.chat(server.vision, canary.QUESTION, [RED], logprobs=True, top_logprobs=3, stream=streamed)
    answers = lines_of(response) if streamed else [response.json()]
    tokens = [token for answer in answers for token in answer.get("logprobs", [])]
    assert canary.named_colours("".join(token["token"] for token in tokens)) == {"red"}
    for token in tokens:
        assert token["logprob"] <= 0
        assert bytes(token["bytes"]).decode() == token["token"]
        assert len(token["top_logprobs"]) == 3
        assert token["top_logprobs"][0]["token"] == token["token"]


def test_log_probabilities_are_left_out_unasked(server: OllamaServer) -> None:
    few = {"num_predict": 2}
    assert "logprobs" not in server.chat(server.text, "x", top_logprobs=2, options=few).json()
    tokens = server.chat(server.text, "x", logprobs=True, options=few).json()["logprobs"]
    assert len(tokens) == 2
    assert not any("top_logprobs" in token for token in tokens)
    refused = server.chat(server.text, "x", logprobs=True, top_logprobs=21)
    assert (refused.status_code, error_of(refused)) == (400, "top_logprobs must be between 0 and 20")


# ------------------------------------------------------------ length


def test_over_long_text_is_cut_in_silence_or_refused(server: OllamaServer) -> None:
    response = server.chat(server.text, LONG, options={"num_ctx": 2048, "num_predict": 2})
    if response.status_code == 200:  # rendered by Ollama: about half of the context is kept
        assert 2048 // 3 < response.json()["prompt_eval_count"] < 2048
    else:
        assert_too_long(response, 2048)
    assert_too_long(server.chat(server.text, LONG, truncate=False, options={"num_ctx": 2048}), 2048)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_over_long_text_with_a_picture_is_refused(server: OllamaServer, streamed: bool) -> None:
    assert_too_long(server.chat(server.vision, LONG, [RED], stream=streamed), 4096)


def assert_too_long(response: httpx.Response, num_ctx: int) -> None:
    error = engine_error_of(response)
    assert (response.status_code, error["code"], error["type"]) == (400, 400, "exceed_context_size_error")
    assert error["n_ctx"] == num_ctx
    assert error["n_prompt_tokens"] > num_ctx
    assert f"({error['n_prompt_tokens']} tokens)" in error["message"]


# ------------------------------------------------------------ memory


def test_an_empty_request_loads_a_model(server: OllamaServer, ollama: Ollama) -> None:
    for path, field in (("/api/chat", "message"), ("/api/generate", "response")):
        body = {"model": server.vision, "messages": [], "options": OPTIONS, "keep_alive": "10m"}
        response = server.post(path, body)
        answer = response.json()
        assert response.headers["content-type"].startswith("application/json")
        assert (answer["done"], answer["done_reason"]) == (True, "load")
        assert answer[field] in ("", {"role": "assistant", "content": ""})
        assert not any(name in answer for name in METRICS)
    entry = server.running(server.vision)
    assert entry is not None
    assert entry["digest"] == server.listed(server.vision)["digest"]
    assert 0 <= entry["size_vram"] <= entry["size"]
    assert entry["context_length"] == OPTIONS["num_ctx"]
    assert datetime.fromisoformat(entry["expires_at"]).tzinfo is not None
    assert (entry["name"], entry["size"], entry["size_vram"]) in ollama.loaded_models()


@pytest.mark.parametrize(("path", "fields"), [("/api/chat", {"messages": []}), ("/api/generate", {"prompt": ""})])
def test_an_empty_request_with_keep_alive_0_unloads(server: OllamaServer, path: str, fields: Json) -> None:
    server.chat(server.vision, canary.QUESTION, [RED])
    for _ in range(2):  # also a model that is not loaded
        response = server.post(path, {"model": server.vision, "keep_alive": 0} | fields)
        assert (response.status_code, response.json()["done_reason"]) == (200, "unload")
        assert server.running(server.vision) is None


@pytest.mark.parametrize("keep_alive", [0, "0", "0s"])
def test_keep_alive_0_unloads_after_the_answer(server: OllamaServer, keep_alive: object) -> None:
    assert says_red(server.chat(server.vision, canary.QUESTION, [RED], keep_alive=keep_alive))
    assert server.running(server.vision) is None


def test_a_model_is_unloaded_by_its_adapter(server: OllamaServer, ollama: Ollama) -> None:
    vision = ServedVision(ollama, ollama.preflight(server.vision, "vision"))
    embeddings = ServedEmbeddings(ollama, ollama.preflight(server.embedding, "embedding"))
    vision.ask_image(RED, canary.QUESTION)
    embeddings.embed(["a"])
    for model in (vision, embeddings):
        assert server.running(model.name) is not None
        model.unload()
        assert server.running(model.name) is None
        model.unload()


@pytest.mark.parametrize(
    ("keep_alive", "least", "most"), [("10m", 500, 600), (900, 800, 900), ("1.5h", 5_300, 5_400), (-1, 1e8, math.inf)]
)
def test_keep_alive_sets_the_expiry(server: OllamaServer, keep_alive: object, least: float, most: float) -> None:
    answer = server.chat(server.vision, canary.QUESTION, [RED], keep_alive=keep_alive).json()
    entry = server.running(server.vision)
    assert entry is not None
    lifetime = datetime.fromisoformat(entry["expires_at"]) - datetime.fromisoformat(answer["created_at"])
    assert least < lifetime / timedelta(seconds=1) < most + 1
    without = server.chat(server.vision, canary.QUESTION, [RED]).json()
    entry = server.running(server.vision)
    assert entry is not None
    lifetime = datetime.fromisoformat(entry["expires_at"]) - datetime.fromisoformat(without["created_at"])
    assert least < lifetime / timedelta(seconds=1)  # left out, the last value holds


@pytest.mark.parametrize(
    ("keep_alive", "error"),
    [
        ("300", 'time: missing unit in duration "300"'),
        ("-1", 'time: missing unit in duration "-1"'),
        ("soon", 'time: invalid duration "soon"'),
    ],
)
def test_invalid_keep_alive_is_400(server: OllamaServer, keep_alive: str, error: str) -> None:
    for response in (
        server.chat(server.text, "x", keep_alive=keep_alive),
        embedded(server, "x", keep_alive=keep_alive),
    ):
        assert (response.status_code, error_of(response)) == (400, error)


def test_another_num_ctx_loads_a_model_again(server: OllamaServer) -> None:
    for num_ctx, context in ((4096, 4096), (2048, 2048), (16, 2048)):  # 2048 is the least for a model that sees
        server.chat(server.vision, canary.QUESTION, [RED], options={"num_ctx": num_ctx})
        entry = server.running(server.vision)
        assert entry is not None
        assert entry["context_length"] == context


# ------------------------------------------------------------ embeddings


def test_a_batch_is_unit_vectors_in_order(server: OllamaServer) -> None:
    texts = ["a dog runs", "a dog sleeps", "stock market"]
    response = embedded(server, texts)
    vectors, answer = vectors_of(response), response.json()
    assert vectors.shape == (3, vectors.shape[1])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert answer["model"] == server.embedding
    assert answer["prompt_eval_count"] >= 8
    assert answer["total_duration"] > 0
    for text, vector in zip(texts, vectors, strict=True):
        assert np.allclose(vectors_of(embedded(server, text)), [vector], atol=1e-3)


def test_vector_length_equals_the_one_from_show(server: OllamaServer) -> None:
    info = server.show(server.embedding)["model_info"]
    size = info[f"{info['general.architecture']}.embedding_length"]
    text = "The bride walks down the aisle while grandmother reads a letter to the children."
    whole = vectors_of(embedded(server, text))
    assert whole.shape == (1, size)
    assert vectors_of(embedded(server, text, dimensions=size + 1)).shape == (1, size)
    short = vectors_of(embedded(server, text, dimensions=size // 2))
    assert np.allclose(short, whole[:, : size // 2] / np.linalg.norm(whole[:, : size // 2]), atol=1e-4)
    assert np.isclose(np.linalg.norm(short), 1, atol=1e-4)


def test_long_texts_are_embedded_by_their_beginning(server: OllamaServer) -> None:
    options = {"num_ctx": 256}
    whole, longer = (embedded(server, [text], options=options) for text in (LONG, LONG + "delta"))
    assert whole.json()["prompt_eval_count"] <= 256
    assert np.allclose(vectors_of(whole), vectors_of(longer), atol=1e-3)
    for texts in ([LONG], ["a", LONG]):
        refused = embedded(server, texts, options=options, truncate=False)
        assert (refused.status_code, error_of(refused)) == (400, "the input length exceeds the context length")


@pytest.mark.parametrize("nothing", [[], "", None])
def test_empty_text_has_no_vector(server: OllamaServer, nothing: object) -> None:
    answer = embedded(server, nothing).json()
    assert answer == {"model": server.embedding, "embeddings": []}


def test_an_empty_text_in_a_list_has_a_vector(server: OllamaServer) -> None:
    vectors = vectors_of(embedded(server, ["", "a dog"]))
    assert len(vectors) == 2
    assert np.isfinite(vectors).all()
    assert embed_query(server.url, server.embedding, "", timeout_s=60).values


@pytest.mark.parametrize("wrong", [[{"image": base64.b64encode(RED).decode()}], {"image": "AAAA"}, [5], 5, ["a", None]])
def test_only_texts_are_embedded(server: OllamaServer, wrong: object) -> None:
    response = embedded(server, wrong)
    assert (response.status_code, error_of(response)) == (400, "invalid input type")


def test_a_model_that_chats_does_not_embed(server: OllamaServer, ollama: Ollama) -> None:
    for name in (server.vision, server.text):
        response = server.post("/api/embed", {"model": name, "input": "x"})
        assert response.status_code == 501
        assert error_of(response).startswith("This server does not support embeddings.")
        with pytest.raises(EngineError, match="cannot do this"):
            ollama.embed(name, ["x"], options={}, keep_alive="5m")


def test_passages_and_queries_share_one_space(server: OllamaServer, ollama: Ollama) -> None:
    embeddings = ServedEmbeddings(ollama, ollama.preflight(server.embedding, "embedding"))
    vectors = embeddings.embed(["a dog runs on the beach", "stock market"])
    assert vectors.dtype == np.float32
    query = embed_query(server.url, server.embedding, "a dog runs on the beach", timeout_s=60)
    assert query.key == embeddings.key
    near, far = vectors @ np.asarray(query.values)
    assert near > 0.9 > far


# ------------------------------------------------------------ engines at work


def test_a_vision_engine_passes_the_canary(server: OllamaServer, ollama: Ollama) -> None:
    assert canary.check_vision(ServedVision(ollama, ollama.preflight(server.vision, "vision"))).passed


def test_an_unreadable_picture_is_charged_to_the_picture(server: OllamaServer, ollama: Ollama) -> None:
    vision = ServedVision(ollama, ollama.preflight(server.vision, "vision"))
    with pytest.raises(ImageRejected, match="Failed to load image"):
        vision.ask_image(b"no picture at all", canary.QUESTION)


def test_a_text_engine_is_heard_piece_by_piece(server: OllamaServer, ollama: Ollama) -> None:
    pieces: list[str] = []
    text = ServedText(ollama, ollama.preflight(server.text, "completion"))
    with pytest.raises(AnswerTruncated):
        ollama.chat(
            text.name,
            system="You tell stories.",
            prompt="Tell a story.",
            options=OPTIONS | {"num_predict": 4},
            keep_alive="5m",
            on_token=pieces.append,
        )
    assert 1 < len(pieces) <= 4
