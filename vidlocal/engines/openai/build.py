"""Name and digest of a model on a server with the OpenAI API. Light imports only: every search needs this module."""

from collections.abc import Mapping, Sequence
from typing import Any

from vidlocal.engines.host_policy import origin
from vidlocal.errors import ModelMissing

Entry = Mapping[str, Any]

# Properties of a model file reported by llama.cpp, without the options of the server.
_STABLE = ("n_params", "size", "n_vocab", "n_embd", "ftype")


def openai_build(entries: Sequence[Entry], model: str, host: str) -> tuple[str, str]:
    """Return name and digest of `model` in the model list of a server. Raises ModelMissing."""
    entry = openai_entry(entries, model, host)
    return str(entry["id"]), openai_digest(entry)


def openai_entry(entries: Sequence[Entry], model: str, host: str) -> Entry:
    """Return the entry of `model`; any name selects the only model of a server. Raises ModelMissing."""
    usable = [entry for entry in entries if entry.get("id")]
    named = [entry for entry in usable if entry["id"] == model]
    if named or len(usable) == 1:
        return (named or usable)[0]
    names = ", ".join(str(entry["id"]) for entry in usable[:8]) or "none"
    raise ModelMissing(f"{model} is not on the model server at {origin(host)}. Its models: {names}.")


def openai_digest(entry: Entry) -> str:
    """Return a digest of the model's description: the API has no digest."""
    import hashlib
    import json

    meta = entry.get("meta")
    stable = {"id": entry["id"]} | {name: meta.get(name) for name in _STABLE if isinstance(meta, dict)}
    return hashlib.blake2s(json.dumps(stable, sort_keys=True, default=str).encode()).hexdigest()
