"""Errors of both Ollama clients. Light imports only: a search embeds its query without httpx."""

from vidlocal.engines.host_policy import origin
from vidlocal.errors import EngineUnreachable, ModelMissing


def unreachable(host: str) -> EngineUnreachable:
    return EngineUnreachable(f"No Ollama server at {origin(host)}. Run: ollama serve")


def model_missing(model: str, host: str) -> ModelMissing:
    return ModelMissing(f"{model} is not installed on the Ollama server at {origin(host)}. Run: ollama pull {model}")
