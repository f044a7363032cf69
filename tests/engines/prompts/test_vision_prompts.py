"""Prompts, schemas and prefixes."""

import hashlib
import json
from pathlib import Path

import pytest

from vidlocal.engines.prompts import vision_prompts

ROOT = Path(__file__).parents[3]
FINGERPRINT = {"1": "eba619773f6a6627"}


def test_a_changed_prompt_has_a_new_version() -> None:
    """Fails if text, schema or parameters changed: then increment both versions and add the new fingerprint."""
    texts = [vision_prompts.SYSTEM, vision_prompts.SCENE_PROMPT, vision_prompts.PLAIN_PROMPT]
    content = json.dumps([*texts, vision_prompts.SCENE_SCHEMA, dict(vision_prompts.VISION_PARAMETERS)], sort_keys=True)
    assert hashlib.blake2b(content.encode(), digest_size=8).hexdigest() == FINGERPRINT[vision_prompts.PROMPT_VERSION]
    assert f"{vision_prompts.PROMPT_VERSION}-plain" == vision_prompts.PLAIN_PROMPT_VERSION


def test_the_schema_has_no_keyword_that_breaks_grammars() -> None:
    def keys(schema: object) -> set[str]:
        if not isinstance(schema, dict):
            return set()
        inner = schema.get("properties", {})
        return {*schema} | keys(schema.get("items")) | {key for value in inner.values() for key in keys(value)}

    assert keys(vision_prompts.SCENE_SCHEMA) == {"type", "properties", "required", "items"}
    assert vision_prompts.SCENE_SCHEMA["required"] == list(vision_prompts.SCENE_SCHEMA["properties"])  # type: ignore[call-overload]


def test_the_prompt_names_every_field_of_the_schema() -> None:
    for name in vision_prompts.SCENE_SCHEMA["required"]:  # type: ignore[attr-defined]
        assert f"\n{name}: " in vision_prompts.SCENE_PROMPT


def test_the_modelfile_file_equals_the_requests_of_enrich() -> None:
    text = (ROOT / "Modelfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    parameters = dict(line.split()[1:] for line in lines if line.startswith("PARAMETER "))
    assert lines[0] == "FROM llava:7b"
    assert text.split('SYSTEM """')[1].split('"""')[0] == vision_prompts.SYSTEM
    assert parameters == {name: str(value) for name, value in vision_prompts.VISION_PARAMETERS.items()}


@pytest.mark.parametrize(
    ("model", "query", "document"),
    [
        ("embeddinggemma", "task: search result | query: ", "title: none | text: "),
        ("embeddinggemma:300m-qat-q8_0", "task: search result | query: ", "title: none | text: "),
        ("nomic-embed-text:latest", "search_query: ", "search_document: "),
        ("nomic-embed-text-v2-moe", "search_query: ", "search_document: "),
        ("someone/Nomic-Embed-Text:v1.5", "search_query: ", "search_document: "),
        ("snowflake-arctic-embed2:568m", "query: ", ""),
        ("mxbai-embed-large", "Represent this sentence for searching relevant passages: ", ""),
        ("bge-m3", "", ""),
        ("all-minilm:l6-v2", "", ""),
        ("a-model-nobody-knows", "", ""),
    ],
)
def test_embedding_models_get_their_prefixes(model: str, query: str, document: str) -> None:
    assert vision_prompts.embed_prefixes(model) == vision_prompts.EmbedPrefixes(query, document)
