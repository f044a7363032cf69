"""Policy for servers and models: videos stay on this machine.

Light imports only, because every search needs this module.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from vidlocal.errors import EngineError
from vidlocal.text import full_model_name


def check_host(host: str, *, allow_remote: bool) -> None:
    """Raise EngineError for an invalid URL, or for another machine unless `allow_remote`."""
    try:
        parts = urlsplit(host)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise EngineError(f"{host!r} is not the address of an Ollama server. Example: http://127.0.0.1:11434")
    if not allow_remote and not is_loopback(host):
        raise EngineError(
            f"The Ollama server {origin(host)} is on another machine and would receive frames and text of your videos. "
            "To allow this, run: vidlocal config allow_remote_host true (for one run: --allow-remote-host)"
        )


def is_loopback(host: str) -> bool:
    """True if the URL can only mean this machine. Host names other than localhost may resolve to any machine."""
    from ipaddress import ip_address

    name = (urlsplit(host).hostname or "").rstrip(".")
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def origin(host: str) -> str:
    """Return scheme, host and port of a URL, without path, user name and password."""
    parts = urlsplit(host)
    name = parts.hostname or ""
    return f"{parts.scheme}://{f'[{name}]' if ':' in name else name}" + (f":{parts.port}" if parts.port else "")


def refuse_hosted(model: str, *entries: Mapping[str, object]) -> None:
    """Raise EngineError for a model on another machine, by name or by `entries` of the server."""
    # Ollama sends names with these endings to its cloud, installed or not.
    if model.lower().endswith((":cloud", "-cloud")) or any(map(is_hosted, entries)):
        raise EngineError(
            f"{model} is a hosted model: the server would send its input to another machine. "
            "To choose a local model, run: vidlocal setup"
        )


def is_hosted(entry: Mapping[str, object]) -> bool:
    return bool(entry.get("remote_host") or entry.get("remote_model"))


def is_entry_of(entry: Mapping[str, object], model: str) -> bool:
    """True if an entry of the server's model list is this model."""
    names = (full_model_name(str(entry.get(field, ""))) for field in ("name", "model"))
    return full_model_name(model) in names
