"""Model servers of settings.toml (`[[servers]]`) and of the option `--server KIND=URL`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from vidlocal.errors import SettingsError, UsageError
from vidlocal.settings.address import ollama_address


class ServerKind(StrEnum):
    """Protocol of a server, a model in process, or an engine of a plugin. The values stand in the settings."""

    OLLAMA = "ollama"
    OPENAI = "openai"
    TRANSFORMERS = "transformers"
    PLUGIN = "plugin"


class Role(StrEnum):
    """Work of a server. The values stand in the settings."""

    DESCRIBE = "describe"
    WATCH = "watch"
    TEXT = "text"
    EMBED = "embed"
    SPEECH = "speech"
    PICTURES = "pictures"


_VISION_ROLES = frozenset({Role.DESCRIBE, Role.WATCH})
_USUAL_ROLES = _VISION_ROLES | {Role.TEXT, Role.EMBED}
# Roles that a kind of server can have, and those it has by default: not those of engines in process.
_POSSIBLE_ROLES: Mapping[ServerKind, frozenset[Role]] = {
    ServerKind.OLLAMA: _USUAL_ROLES | {Role.PICTURES},
    ServerKind.OPENAI: _USUAL_ROLES | {Role.PICTURES, Role.SPEECH},
    ServerKind.TRANSFORMERS: _VISION_ROLES | {Role.TEXT},
    ServerKind.PLUGIN: _USUAL_ROLES,
}
_DEFAULT_ROLES: Mapping[ServerKind, frozenset[Role]] = {
    ServerKind.OLLAMA: _USUAL_ROLES,
    ServerKind.OPENAI: _USUAL_ROLES,
    ServerKind.TRANSFORMERS: _VISION_ROLES,
    ServerKind.PLUGIN: _VISION_ROLES | {Role.TEXT},
}
_MODELS = ("vision_model", "text_model", "embed_model", "speech_model", "decision_model", "pictures_model")
_KEYS = ("kind", "url", "name", "roles", "api_key", *_MODELS)


@dataclass(frozen=True, slots=True)
class ServerSetting:
    """A model server. Its models override the models of the settings; empty for none.

    `url`: the address; for a model in process its folder or name; for a plugin `NAME`, or `NAME:` and an address.
    """

    kind: ServerKind
    url: str
    name: str = ""
    roles: frozenset[Role] = _USUAL_ROLES
    api_key: str | None = field(default=None, repr=False)
    vision_model: str = ""
    text_model: str = ""
    embed_model: str = ""
    speech_model: str = ""
    decision_model: str = ""
    pictures_model: str = ""


def parse_servers(raw: object, origin: str) -> tuple[ServerSetting, ...]:
    """Parse the tables `[[servers]]`. `origin`: the file, for messages. Raises SettingsError."""
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise SettingsError(f"{origin}: servers: not a list of tables. Example: [[servers]]")
    return tuple(_parse_server(entry, f"{origin}: servers, number {number}") for number, entry in enumerate(raw, 1))


def parse_server_options(values: Sequence[str]) -> tuple[ServerSetting, ...]:
    """Parse `KIND=URL`. Raises UsageError."""
    try:
        return tuple(_parse_option(value) for value in values)
    except ValueError:
        raise UsageError(
            f"--server: not KIND=URL. Kinds: {', '.join(ServerKind)}. Examples: "
            "--server openai=http://127.0.0.1:8080, --server transformers=llava-hf/llava-1.5-7b-hf"
        ) from None


def server_address(kind: ServerKind, url: str) -> str:
    """Return the URL of a server, the folder or name of a model in process, or a plugin's name. Raises ValueError."""
    if kind is ServerKind.TRANSFORMERS:
        return _model_reference(url)
    if kind is ServerKind.PLUGIN:
        return _plugin_reference(url)
    if kind is ServerKind.OPENAI and "://" not in url:
        url = f"http://{url}"
    return ollama_address(url).removesuffix("/v1")


def _parse_option(value: str) -> ServerSetting:
    kind, equals, url = value.partition("=")
    if not equals or not url.strip():
        raise ValueError
    parsed = ServerKind(kind.strip().lower())
    return ServerSetting(parsed, server_address(parsed, url), roles=_DEFAULT_ROLES[parsed])


def _model_reference(text: str) -> str:
    """Return a folder, or a name like `llava-hf/llava-1.5-7b-hf`. Raises ValueError."""
    reference = text.strip()
    if not reference or not reference.isprintable() or "://" in reference:
        raise ValueError
    return reference


def _plugin_reference(text: str) -> str:
    """Return the name of an engine, with or without an address after a colon. Raises ValueError."""
    name, colon, address = text.strip().partition(":")
    if not name or not text.isprintable() or "/" in name:
        raise ValueError
    return f"{name}{colon}{address}"


def _parse_server(entry: object, place: str) -> ServerSetting:
    if not isinstance(entry, Mapping):
        raise SettingsError(f"{place}: not a table.")
    unknown = [name for name in entry if name not in _KEYS]
    if unknown:
        raise SettingsError(f"{place}: unknown key {unknown[0]!r}. Keys: {', '.join(_KEYS)}.")
    texts = {name: value for name, value in entry.items() if name != "roles"}
    for name, value in texts.items():
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise SettingsError(f"{place}: {name} is not a text.")
    try:
        kind = ServerKind(texts.pop("kind", ServerKind.OLLAMA))
    except ValueError:
        raise SettingsError(f"{place}: kind is not one of {', '.join(ServerKind)}.") from None
    try:
        url = server_address(kind, texts.pop("url"))
    except (KeyError, ValueError):
        raise SettingsError(f"{place}: {_EXAMPLES[kind]}") from None
    return ServerSetting(kind, url, roles=_parse_roles(entry.get("roles"), kind, place), **texts)


_EXAMPLES = {
    ServerKind.OLLAMA: 'url is not an address. Example: url = "http://127.0.0.1:11434"',
    ServerKind.OPENAI: 'url is not an address. Example: url = "http://127.0.0.1:8080"',
    ServerKind.PLUGIN: 'url is no engine of a plugin. Example: url = "acme" or "acme:http://127.0.0.1:9000"',
    ServerKind.TRANSFORMERS: 'url is no model folder or name. Example: url = "llava-hf/llava-1.5-7b-hf"',
}


def _parse_roles(raw: object, kind: ServerKind, place: str) -> frozenset[Role]:
    possible = _POSSIBLE_ROLES[kind]
    if raw is None:
        return _DEFAULT_ROLES[kind]
    try:
        roles = frozenset(map(Role, raw if isinstance(raw, list) else [raw]))
    except ValueError:
        roles = frozenset()
    if not roles or not roles <= possible:
        listed = ", ".join(role for role in Role if role in possible)
        raise SettingsError(f"{place}: roles is not a list of {listed}.")
    return roles
