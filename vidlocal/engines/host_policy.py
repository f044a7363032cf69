"""What keeps videos on this machine: which servers and which models are used at all.

Imports next to nothing, for a search is over in a blink.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from vidlocal.errors import EngineError
from vidlocal.text import full_model_name


def check_host(host: str, *, allow_remote: bool) -> None:
    """EngineError for an address that is no URL, or is another machine's and was not allowed."""
    try:
        parts = urlsplit(host)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        usable = False
    if not usable:
        raise EngineError(f"{host!r} is not the address of an Ollama server. Write it like: http://127.0.0.1:11434")
    if not allow_remote and not is_loopback(host):
        raise EngineError(
            f"The Ollama server {origin(host)} is another machine: what is in your videos would be sent to it. If it "
            "is yours and you want that: vidlocal config allow_remote_host true, or --allow-remote-host for one run"
        )


def is_loopback(host: str) -> bool:
    """Whether the address, a URL, can only mean this machine. A name that must be looked up may mean any."""
    from ipaddress import ip_address

    name = (urlsplit(host).hostname or "").rstrip(".")
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def origin(host: str) -> str:
    """`http://machine:port` of an address, without a path, a user name or a password."""
    parts = urlsplit(host)
    name = parts.hostname or ""
    return f"{parts.scheme}://{f'[{name}]' if ':' in name else name}" + (f":{parts.port}" if parts.port else "")


def refuse_hosted(model: str, *said: Mapping[str, object]) -> None:
    """EngineError for a model that its name, or an answer of the server about it, says to run elsewhere."""
    # Ollama sends any name with such an ending straight to its cloud, installed or not.
    if model.lower().endswith((":cloud", "-cloud")) or any(map(is_hosted, said)):
        raise EngineError(
            f"The model {model} is a hosted model: the server would send what it is given to another machine. vidlocal "
            "never uses those; choose a local model with: vidlocal setup"
        )


def is_hosted(said: Mapping[str, object]) -> bool:
    return bool(said.get("remote_host") or said.get("remote_model"))


def is_entry_of(entry: Mapping[str, object], model: str) -> bool:
    """Whether an entry of the server's list is the model."""
    return full_model_name(model) in (
        full_model_name(str(entry.get("name", ""))),
        full_model_name(str(entry.get("model", ""))),
    )
