"""Settings, by precedence: option, environment variable, settings.toml, default.

`load()` returns the values, `explain()` also their origins, `write()` changes settings.toml in the home folder. The
table of all settings is `vidlocal.settings.table`.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vidlocal.errors import InvalidOption, ModelMissing, SettingsError
from vidlocal.settings.address import ollama_address
from vidlocal.settings.file import FILE_NAME, SERVERS, read_file, suggest, write_file
from vidlocal.settings.parsers import parse_folder
from vidlocal.settings.servers import Role, ServerKind, ServerSetting, parse_servers
from vidlocal.settings.table import BY_NAME, DEFAULT_OLLAMA_HOST, TABLE, Setting, Value

__all__ = [
    "ResolvedSetting",
    "Settings",
    "explain",
    "get_setting",
    "load",
    "ollama_address",
    "unknown_variables",
    "write",
]


OPTION = "option"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. Folders are absolute; `ollama_host` is a URL without a trailing slash."""

    home: Path
    models_folder: Path
    clips_folder: Path
    page_folders: str = ""
    ffmpeg: str | None = None
    every: float = 2.0
    exclude: str = ""
    sidecars: str = ""
    include: str = ""
    media: str = ""
    whisper_model: str = "base"
    speech_language: str = ""
    speech_words: str = ""
    translate_speech: bool = False
    audio_track: int = 0
    recognize_speakers: bool = True
    vision_model: str = "llava:7b"
    text_model: str = "phi3.5"
    embed_model: str = "embeddinggemma"
    embed_on_gpu: bool = False
    search_pictures: bool = True
    rerank_seconds: float = 10.0
    ollama_host: str = DEFAULT_OLLAMA_HOST
    more_hosts: str = ""
    slots: int = 0
    allow_remote_host: bool = False
    recognize_people: bool = True
    vram: float = 0.0
    num_ctx: int = 4096
    keep_alive: str = "30m"
    window: str = "22:00-07:00"
    player: str | None = None
    thumbs: str = "auto"
    cluster: str = ""
    plugins: bool = True
    servers: tuple[ServerSetting, ...] = ()

    @property
    def model_servers(self) -> tuple[ServerSetting, ...]:
        """The servers of `[[servers]]`, else the Ollama servers of ollama_host, first, and more_hosts."""
        hosts = (self.ollama_host, *self.more_hosts.split())
        return self.servers or tuple(ServerSetting(ServerKind.OLLAMA, host) for host in hosts)

    def server_for(self, role: Role) -> ServerSetting:
        """The first server with a role. Raises ModelMissing if there is none."""
        server = next((server for server in self.model_servers if role in server.roles), None)
        if server is None:
            raise ModelMissing(f"No server of the settings has the role {role}. Add it to one of [[servers]].")
        return server

    @property
    def file(self) -> Path:
        """Path of settings.toml, also if missing."""
        return self.home / FILE_NAME


@dataclass(frozen=True, slots=True)
class ResolvedSetting:
    """A setting with value and origin: `default`, `option`, the name of a variable or the path of the file."""

    setting: Setting
    value: Value
    origin: str


def load(options: Mapping[str, object] | None = None, env: Mapping[str, str] = os.environ) -> Settings:
    """Load the settings in effect. Options with the value None are ignored.

    Raises SettingsError with the setting, the origin and the allowed values.
    """
    rows, servers = _read(options or {}, env)
    return Settings(**{row.setting.name: row.value for row in rows}, servers=servers)  # type: ignore[arg-type]


def explain(options: Mapping[str, object] | None = None, env: Mapping[str, str] = os.environ) -> list[ResolvedSetting]:
    """All settings with value and origin, in the order of the table. Raises SettingsError."""
    return _read(options or {}, env)[0]


def _read(
    options: Mapping[str, object], env: Mapping[str, str]
) -> tuple[list[ResolvedSetting], tuple[ServerSetting, ...]]:
    home = _resolve(BY_NAME["home"], options, {}, env, None)
    folder = Path(str(home.value)) if home.value else _default_home()
    file = read_file(folder / FILE_NAME)
    rows = [_resolve(setting, options, file, env, folder) for setting in TABLE if setting.in_file]
    defaults = {"models_folder": folder / "models", "clips_folder": folder / "clips"}
    resolved = [
        ResolvedSetting(BY_NAME["home"], folder, home.origin),
        *(
            ResolvedSetting(row.setting, row.value or defaults.get(row.setting.name, row.value), row.origin)
            for row in rows
        ),
    ]
    # An address for this run or shell overrides the servers of the file.
    is_overridden = any(row.setting.name == "ollama_host" and row.origin in (OPTION, row.setting.env) for row in rows)
    servers = () if is_overridden else parse_servers(file.get(SERVERS), str(folder / FILE_NAME))
    return resolved, servers


def get_setting(name: str) -> Setting:
    """The setting `name`. Raises SettingsError with a suggestion."""
    if name not in BY_NAME:
        raise SettingsError(f"Unknown setting: {name!r}. {suggest(name)}")
    return BY_NAME[name]


def unknown_variables(env: Mapping[str, str] = os.environ) -> list[str]:
    """Variables with the prefix VIDLOCAL_ without a setting, probably misspelt."""
    valid = {setting.env for setting in TABLE}
    return sorted(name for name in env if name.startswith("VIDLOCAL_") and name not in valid)


def write(home: Path, changes: Mapping[str, object]) -> None:
    """Store `changes` in settings.toml. Other lines and comments are kept.

    Raises SettingsError, with the file unchanged, for an invalid value or if the file cannot be written.
    """
    values = {name: _parse(get_setting(name), raw, "new value", None) for name, raw in changes.items()}
    for name in values:
        if not BY_NAME[name].in_file:
            raise SettingsError(f"{name} cannot be set in {FILE_NAME}. Set the variable {BY_NAME[name].env} instead.")
    write_file(home / FILE_NAME, values)


def _default_home() -> Path:
    from platformdirs import user_data_path

    return user_data_path("vidlocal", appauthor=False)


def _resolve(
    setting: Setting,
    options: Mapping[str, object],
    file: Mapping[str, object],
    env: Mapping[str, str],
    folder: Path | None,
) -> ResolvedSetting:
    for raw, origin, base in _sources(setting, options, file, env, folder):
        return ResolvedSetting(setting, _parse(setting, raw, origin, base), origin)
    if setting.name == "ollama_host" and env.get("OLLAMA_HOST", "").strip():
        return ResolvedSetting(setting, _ollama_host_variable(env["OLLAMA_HOST"]), "OLLAMA_HOST")
    if setting.name == "slots" and env.get("OLLAMA_NUM_PARALLEL", "").isdecimal():
        return ResolvedSetting(setting, min(16, int(env["OLLAMA_NUM_PARALLEL"])), "OLLAMA_NUM_PARALLEL")
    return ResolvedSetting(setting, setting.default, "default")


def _sources(
    setting: Setting,
    options: Mapping[str, object],
    file: Mapping[str, object],
    env: Mapping[str, str],
    folder: Path | None,
) -> Iterator[tuple[object, str, Path | None]]:
    """Values for `setting` by precedence: raw value, origin, base of relative folders."""
    if options.get(setting.name) is not None:
        yield options[setting.name], OPTION, None
    if env.get(setting.env, "").strip():
        yield env[setting.env], setting.env, None
    if setting.name in file and folder is not None:
        yield file[setting.name], str(folder / FILE_NAME), folder


def _parse(setting: Setting, raw: object, origin: str, base: Path | None) -> Value:
    """Parse a raw value. A relative folder in the file is relative to the folder of the file."""
    value = raw
    if base is not None and setting.parse is parse_folder and isinstance(raw, str) and raw.strip():
        value = os.path.join(base, os.path.expanduser(raw.strip()))
    try:
        return setting.parse(value)
    except ValueError as error:
        raise _invalid(setting, raw, origin) from error


def _ollama_host_variable(text: str) -> str:
    try:
        return ollama_address(text, lenient=True)
    except ValueError as error:
        raise _invalid(BY_NAME["ollama_host"], text, "OLLAMA_HOST") from error


def _invalid(setting: Setting, raw: object, origin: str) -> SettingsError:
    if origin == OPTION:
        return InvalidOption(f"{setting.name}: invalid value {str(raw)[:80]!r}. Expected: {setting.allowed}.")
    return SettingsError(f"{setting.name}: invalid value {str(raw)[:80]!r} ({origin}). Expected: {setting.allowed}.")
