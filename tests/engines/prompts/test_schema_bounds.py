"""Bounds on the length of answers."""

import json
from typing import Any

import pytest

from tests.support.fake_ollama import FakeOllama, broken, say
from vidlocal.engines.base import RunnerFailed
from vidlocal.engines.prompts import organize_prompts, rerank_prompts, schema_bounds, text_prompts, vision_prompts
from vidlocal.engines.served.models import ServedVision

SCHEMAS = [
    vision_prompts.SCENE_SCHEMA,
    text_prompts.WATCH_SCHEMA,
    text_prompts.SECTION_SCHEMA,
    text_prompts.CHAPTERS_SCHEMA,
    text_prompts.MERGE_SCHEMA,
    rerank_prompts.RERANK_SCHEMA,
    organize_prompts.SCHEMA,
]


def unbounded(schema: Any, path: str = "") -> list[str]:
    """Paths of texts and lists without a maximum length."""
    missing = {"string": "maxLength", "array": "maxItems"}.get(schema.get("type"))
    found = [path] if missing and missing not in schema else []
    fields = schema.get("properties", {}) | ({"[]": schema["items"]} if "items" in schema else {})
    return found + [line for name, field in fields.items() for line in unbounded(field, f"{path}/{name}")]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_text_and_list_of_every_schema_is_bounded(schema: dict[str, object]) -> None:
    assert unbounded(schema)
    bounded = schema_bounds.bounded(schema)
    assert unbounded(bounded) == []
    assert bounded["required"] == schema["required"]


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ('{"words": ["cat", "dog"], "count": 2}', True),
        ('{"words": ["cat", "dog", "cow", "hen"], "count": 4}', False),
        ('{"words": ["hippopotamus"], "count": 1}', False),
        ('{"words": ["cat"]}', False),
        ("Cat, dog and cow.", False),
        ('["cat"]', False),
    ],
)
def test_a_model_that_ignores_bounds_is_asked_without(
    server: FakeOllama, vision: ServedVision, red: bytes, answer: str, kept: bool
) -> None:
    server.script(say(answer))
    assert vision.probe_bounds() is kept
    vision.describe(red)
    assert (unbounded(server.asked("/api/chat")[-1].body["format"]) == []) is kept


def test_a_failed_engine_is_no_answer_about_bounds(server: FakeOllama, vision: ServedVision) -> None:
    server.script(broken(), broken())
    with pytest.raises(RunnerFailed):
        vision.probe_bounds()
    assert vision.keeps_bounds


def test_the_test_of_bounds_fits_into_its_own_bounds() -> None:
    assert schema_bounds.are_kept(lambda prompt, schema: json.dumps({"words": ["cat"] * 3, "count": 3}))
