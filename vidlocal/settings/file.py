"""Read settings.toml, and change single lines in place."""

import json
import os
import re
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from vidlocal.errors import SettingsError
from vidlocal.settings.table import BY_NAME, Value

FILE_NAME = "settings.toml"
# The only list of tables.
SERVERS = "servers"
_NEW_FILE = "# Settings of vidlocal. `vidlocal config` shows all there are.\n"
_MAX_BYTES = 1 << 20
_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)
# A value on a line.
_VALUE = r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^"'#\s]+)"""


def read_file(path: Path) -> dict[str, object]:
    """Values of settings.toml, {} if the file does not exist.

    Raises SettingsError for an unreadable file, invalid TOML (with the line) or an unknown setting.
    """
    return _parse(_read_text(path), path)


def write_file(path: Path, values: Mapping[str, Value]) -> None:
    """Set `values` in the file, keeping all other lines and comments.

    Raises SettingsError, with the file unchanged, if the file cannot be edited safely.
    """
    text = _read_text(path)
    expected = _parse(text, path) | {name: _plain(value) for name, value in values.items()}
    text = text or _NEW_FILE
    for name, value in values.items():
        text = _set_line(text, name, _plain(value))
    if not _parses_to(text, expected):
        raise SettingsError(f"{path}: cannot be changed automatically. Edit it by hand.")
    _replace(path, text)


def suggest(name: str) -> str:
    """A sentence with the most similar setting name, or all names."""
    from difflib import get_close_matches

    names = [setting.name for setting in BY_NAME.values()]
    close = get_close_matches(name, names, n=1)
    return f"Did you mean {close[0]}?" if close else f"Settings: {', '.join(names)}."


def _read_text(path: Path) -> str:
    try:
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SettingsError(f"{path}: not a file.")
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}). Fix its permissions or delete it.") from error
    if len(data) > _MAX_BYTES:
        raise SettingsError(f"{path}: too large for a settings file. Delete it.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8. Save it as UTF-8 or delete it.") from error


def _parse(text: str, path: Path) -> dict[str, object]:
    if not text:
        return {}
    import tomllib

    try:
        values: dict[str, object] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, numbers of thousands of digits, nesting
        raise SettingsError(f"{path}: invalid TOML: {str(error)[:200]}.") from error
    for name in values:
        if name == SERVERS:
            continue
        if name not in BY_NAME:
            raise SettingsError(f"{path}: unknown setting {name!r}. {suggest(name)}")
        if not BY_NAME[name].in_file:
            raise SettingsError(f"{path}: {name} cannot be set here. Set the variable {BY_NAME[name].env} instead.")
    return values


def _parses_to(text: str, expected: Mapping[str, object]) -> bool:
    import tomllib

    try:
        return tomllib.loads(text) == expected
    except (ValueError, RecursionError):
        return False


def _plain(value: Value) -> str | int | float | bool:
    return value if isinstance(value, bool | int | float) else str(value)


def _set_line(text: str, name: str, value: str | float | bool) -> str:
    # JSON and TOML have the same syntax for these values, except for DEL, which no parser of a setting accepts.
    line = f"{name} = {json.dumps(value, ensure_ascii=False)}"
    existing = re.compile(rf"^[ \t]*{name}[ \t]*=[ \t]*{_VALUE}(?=[ \t]*(?:#|\r?$))", re.MULTILINE)
    first_table = _TABLE.search(text)
    end = len(text) if first_table is None else first_table.start()
    head, tables = text[:end], text[end:]
    if existing.search(head):
        return existing.sub(lambda match: line, head, count=1) + tables
    newline = "" if head.endswith("\n") or not head else "\n"
    return f"{head}{newline}{line}\n{tables}"


def _replace(path: Path, text: str) -> None:
    """Replace the contents of the file atomically, with mode 0600. Links are kept."""
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
        raise SettingsError(f"{path}: cannot be written ({error}). The settings are unchanged.") from error
