"""settings.toml: reading it strictly, and changing a line without touching the others."""

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from vidlocal.errors import SettingsError
from vidlocal.settings.table import BY_NAME, Value

FILE_NAME = "settings.toml"
_NEW_FILE = "# Settings of vidlocal. `vidlocal config` shows all there are.\n"
_MAX_BYTES = 1 << 20
# A value that fits on one line, and what follows it there.
_VALUE = r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^"'#\s]+)"""


def read_file(path: Path) -> dict[str, object]:
    """What settings.toml says, {} where there is none.

    Raises SettingsError for a file that cannot be read, is no TOML (with the line) or names an unknown setting.
    """
    return _parse(_read_text(path), path)


def write_file(path: Path, values: Mapping[str, Value]) -> None:
    """Set `values` in the file, keeping its other lines and comments.

    Raises SettingsError when it cannot be done safely; the file is then as it was.
    """
    text = _read_text(path)
    wanted = _parse(text, path) | {name: _plain(value) for name, value in values.items()}
    text = text or _NEW_FILE
    for name, value in values.items():
        text = _set_line(text, name, _plain(value))
    if not _parses_to(text, wanted):
        raise SettingsError(f"{path} is laid out in a way that vidlocal cannot edit. Change it in an editor.")
    _replace(path, text)
    _replace(path, text)


def suggest(name: str) -> str:
    """A sentence that names the setting a misspelt one was meant to be, or all of them."""
    from difflib import get_close_matches

    names = [setting.name for setting in BY_NAME.values()]
    close = get_close_matches(name, names, n=1)
    return f"Did you mean {close[0]}?" if close else f"There are: {', '.join(names)}."


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            held = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read ({error.strerror}). Mend its permissions or move it away."
        ) from error
    if len(held) > _MAX_BYTES:
        raise SettingsError(f"{path} is too long to hold settings. Move it away.")
    try:
        return held.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not text in UTF-8. Save it as such or move it away.") from error


def _parse(text: str, path: Path) -> dict[str, object]:
    if not text:
        return {}
    import tomllib

    try:
        values: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from error
    for name in values:
        if name not in BY_NAME:
            raise SettingsError(f"{path} sets {name!r}, which is no setting. {suggest(name)}")
        if not BY_NAME[name].in_file:
            raise SettingsError(f"{path} sets {name}, which it cannot. Set the variable {BY_NAME[name].env} instead.")
    return values


def _parses_to(text: str, wanted: Mapping[str, object]) -> bool:
    import tomllib

    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _plain(value: Value) -> str | int | float | bool:
    return value if isinstance(value, bool | int | float) else str(value)


def _set_line(text: str, name: str, value: str | float | bool) -> str:
    # JSON writes these as TOML does, but for DEL, which no reader lets through.
    line = f"{name} = {json.dumps(value, ensure_ascii=False)}"
    existing = re.compile(rf"^[ \t]*{name}[ \t]*=[ \t]*{_VALUE}(?=[ \t]*(?:#|\r?$))", re.MULTILINE)
    if existing.search(text):
        return existing.sub(lambda match: line, text, count=1)
    ended = text if text.endswith("\n") else f"{text}\n"
    return f"{ended}{line}\n"


def _replace(path: Path, text: str) -> None:
    """Put `text` in place of the file in one step, 0600; a link stays a link."""
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except (OSError, UnicodeEncodeError) as error:
        with suppress(OSError):
            temporary.unlink()
        raise SettingsError(f"{path} cannot be written ({error}). The settings are as they were.") from error
