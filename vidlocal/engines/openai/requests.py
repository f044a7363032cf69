"""Parts of requests to servers with the OpenAI API: pictures and schemas, in the forms of different servers."""

import base64
import json
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

# Forms of a schema, the strictest first.
SCHEMA_FORMS = ("json_schema", "json_object", "words")


def picture_part(image: bytes, *, as_data_url: bool) -> Json:
    """Return an image (JPEG or PNG) as a part of a message: a data URL, or mere base64."""
    encoded = base64.b64encode(image).decode()
    kind = "png" if image.startswith(b"\x89PNG") else "jpeg"
    url = f"data:image/{kind};base64,{encoded}" if as_data_url else encoded
    return {"type": "image_url", "image_url": {"url": url}}


def without_data_urls(body: Mapping[str, Any]) -> Json:
    """Return a request with its pictures as mere base64."""
    *before, last = body["messages"]
    parts = [
        {"type": "image_url", "image_url": {"url": part["image_url"]["url"].partition("base64,")[2]}}
        if part["type"] == "image_url"
        else part
        for part in last["content"]
    ]
    return {**body, "messages": [*before, {**last, "content": parts}]}


def add_schema(body: Json, schema: Json, form: str) -> None:
    """Add a schema to a request, in a form of SCHEMA_FORMS."""
    if form == "json_schema":
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": schema},
        }
        return
    if form == "json_object":
        body["response_format"] = {"type": "json_object"}
    words = f"\nAnswer with a JSON object of this schema, and nothing else: {json.dumps(schema)}"
    content = body["messages"][-1]["content"]
    if isinstance(content, str):
        body["messages"][-1]["content"] = content + words
    else:
        content[-1]["text"] += words
