"""Model servers of settings.toml (`[[servers]]`) and of the option `--server KIND=URL`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from vidlocal.errors import SettingsError, UsageError
from vidlocal.settings.address import ollama_address


class ServerKind(StrEnum):
    """Protocol of a server. The values are those of the settings."""

    OLLAMA = "ollama"
    OPENAI = "openai"


class Role(StrEnum):
    """Work of a server. The values are those of the settings."""

    DESCRIBE = "describe"
    WATCH = "watch"
    TEXT = "text"
    EMBED = "embed"


ALL_ROLES = frozenset(Role)
_MODELS = ("vision_model", "text_model", "embed_model")
_KEYS = ("kind", "url", "name", "roles", "api_key", *_MODELS)


@dataclass(frozen=True, slots=True)
class ServerSetting:
    """A model server. Its models override those of the settings; empty for none."""

    kind: ServerKind
    url: str
    name: str = ""
    roles: frozenset[Role] = ALL_ROLES
    api_key: str | None = field(default=None, repr=False)
    vision_model: str = ""
    text_model: str = ""
    embed_model: str = ""


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
            "--server: not KIND=URL. Kinds: ollama, openai. Example: --server openai=http://127.0.0.1:8080"
        ) from None


def server_address(kind: ServerKind, url: str) -> str:
    """Return the URL of a server. Raises ValueError."""
    if kind is ServerKind.OPENAI and "://" not in url:
        url = f"http://{url}"
    return ollama_address(url).removesuffix("/v1")


def _parse_option(value: str) -> ServerSetting:
    kind, equals, url = value.partition("=")
    if not equals or not url.strip():
        raise ValueError
    parsed = ServerKind(kind.strip().lower())
    return ServerSetting(parsed, server_address(parsed, url))


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
        raise SettingsError(f'{place}: url is not an address. Example: url = "http://127.0.0.1:8080"') from None
    return ServerSetting(kind, url, roles=_parse_roles(entry.get("roles"), place), **texts)


def _parse_roles(raw: object, place: str) -> frozenset[Role]:
    if raw is None:
        return ALL_ROLES
    try:
        roles = frozenset(map(Role, raw if isinstance(raw, list) else [raw]))
    except ValueError:
        roles = frozenset()
    if not roles:
        raise SettingsError(f"{place}: roles is not a list of {', '.join(Role)}.")
    return roles
