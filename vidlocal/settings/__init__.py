"""What a person may set: option > environment variable > settings.toml > default.

`load()` gives the values, `explain()` says where each comes from, `write()` changes settings.toml in
the home folder. The table of all settings is `vidlocal.settings.table`.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vidlocal.errors import SettingsError
from vidlocal.settings.address import ollama_address
from vidlocal.settings.file import FILE_NAME, read_file, suggest, write_file
from vidlocal.settings.table import BY_NAME, DEFAULT_OLLAMA_HOST, TABLE, Setting, Value, parse_folder

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


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting. Folders are absolute; `ollama_host` is a URL without a slash at its end."""

    home: Path
    models_folder: Path
    ffmpeg: str | None = None
    every: float = 2.0
    whisper_model: str = "base"
    vision_model: str = "llava:7b"
    text_model: str = "phi3.5"
    embed_model: str = "embeddinggemma"
    embed_on_gpu: bool = False
    search_pictures: bool = True
    ollama_host: str = DEFAULT_OLLAMA_HOST
    more_hosts: str = ""
    slots: int = 0
    allow_remote_host: bool = False
    vram: float = 0.0
    num_ctx: int = 4096
    keep_alive: str = "30m"
    window: str = "22:00-07:00"
    player: str | None = None
    thumbs: str = "auto"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The URLs of all Ollama servers, the one that search asks first."""
        return (self.ollama_host, *self.more_hosts.split())

    @property
    def file(self) -> Path:
        """settings.toml, which may not be there."""
        return self.home / FILE_NAME


@dataclass(frozen=True, slots=True)
class ResolvedSetting:
    """A setting, its value and the place it comes from: `default`, `option`, a variable or the path of the file."""

    setting: Setting
    value: Value
    origin: str


def load(options: Mapping[str, object] | None = None, env: Mapping[str, str] = os.environ) -> Settings:
    """The settings that hold now. An option that is None counts as not given.

    Raises SettingsError naming the setting, the place and what is allowed there.
    """
    return Settings(**{row.setting.name: row.value for row in explain(options, env)})  # type: ignore[arg-type]


def explain(options: Mapping[str, object] | None = None, env: Mapping[str, str] = os.environ) -> list[ResolvedSetting]:
    """Every setting with its value and where that comes from, in the order of the table. Raises SettingsError."""
    given = options or {}
    home = _resolve(BY_NAME["home"], given, {}, env, None)
    folder = Path(str(home.value)) if home.value else _default_home()
    file = read_file(folder / FILE_NAME)
    rows = [_resolve(setting, given, file, env, folder) for setting in TABLE if setting.in_file]
    defaults = {"models_folder": folder / "models"}
    return [
        ResolvedSetting(BY_NAME["home"], folder, home.origin),
        *(
            ResolvedSetting(row.setting, row.value or defaults.get(row.setting.name, row.value), row.origin)
            for row in rows
        ),
    ]


def get_setting(name: str) -> Setting:
    """The setting called `name`. Raises SettingsError naming the nearest one."""
    if name not in BY_NAME:
        raise SettingsError(f"There is no setting {name!r}. {suggest(name)}")
    return BY_NAME[name]


def unknown_variables(env: Mapping[str, str] = os.environ) -> list[str]:
    """Variables that begin like ours and set nothing: most likely misspelt."""
    known = {setting.env for setting in TABLE}
    return sorted(name for name in env if name.startswith("VIDLOCAL_") and name not in known)


def write(home: Path, changes: Mapping[str, object]) -> None:
    """Store `changes` in settings.toml, whose other lines and comments stay.

    Raises SettingsError when a value is not allowed or the file cannot be written; it is then as it was.
    """
    values = {name: _parse(get_setting(name), given, "as given", None) for name, given in changes.items()}
    for name in values:
        if not BY_NAME[name].in_file:
            raise SettingsError(f"{name} cannot stand in the file. Set the variable {BY_NAME[name].env} instead.")
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
    for given, origin, base in _sources(setting, options, file, env, folder):
        return ResolvedSetting(setting, _parse(setting, given, origin, base), origin)
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
    """What sets `setting`, strongest first: what was given, the name of the place, what folders are relative to."""
    if options.get(setting.name) is not None:
        yield options[setting.name], "option", None
    if env.get(setting.env, "").strip():
        yield env[setting.env], setting.env, None
    if setting.name in file and folder is not None:
        yield file[setting.name], str(folder / FILE_NAME), folder


def _parse(setting: Setting, given: object, origin: str, base: Path | None) -> Value:
    """The value of what was given. A relative folder in the file counts from the folder of the file."""
    value = given
    if base is not None and setting.parse is parse_folder and isinstance(given, str) and given.strip():
        value = os.path.join(base, os.path.expanduser(given.strip()))
    try:
        return setting.parse(value)
    except ValueError as error:
        raise _invalid(setting, given, origin) from error


def _ollama_host_variable(text: str) -> str:
    try:
        return ollama_address(text, lenient=True)
    except ValueError as error:
        raise _invalid(BY_NAME["ollama_host"], text, "OLLAMA_HOST") from error


def _invalid(setting: Setting, given: object, origin: str) -> SettingsError:
    return SettingsError(f"{setting.name} cannot be {str(given)[:80]!r} ({origin}). It takes {setting.allowed}.")
