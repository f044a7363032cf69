"""Write the pages that are made from the program itself, or with --check say which are out of date."""

import sys
from pathlib import Path

from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1]))  # the neighbour is found from any folder

from docs.schema_page import schema_page
from vidlocal.cli import COMMANDS, app
from vidlocal.settings.table import TABLE, Setting

FOLDER = Path(__file__).parent
COMMANDS_HEAD = """# Commands

This page is made from the commands' own help: `python docs/generate.py`.

Data goes to stdout, everything else to stderr. On a terminal you get tables; piped, the same data comes as plain
tab-separated lines, and with `--json` as one JSON document. `NO_COLOR` turns colour off.

| exit code | meaning |
| --- | --- |
| 0 | done; nothing found, a question declined and a reader that left early are also 0 |
| 1 | a bug in vidlocal |
| 2 | wrong usage |
| 3 | finished, but some inputs failed |
| 4 | all inputs failed |
| 5 | a tool, server or model is missing |
| 6 | the library is missing, locked or too new, or the disk is full |
| 7 | a setting makes no sense |
| 130, 143 | interrupted, terminated |
"""

SETTINGS_HEAD = """# Settings

This page is made from the program's own table: `python docs/generate.py`.

A setting can stand in four places. The strongest wins: an option of the command, then the environment variable, then
`settings.toml` in the home folder, then the default. `vidlocal config` shows every value and where it comes from,
`vidlocal config NAME VALUE` stores one in `settings.toml` and leaves its other lines and comments alone. An empty
variable counts as not set. A wrong value or an unknown name in the file ends every command with exit code 7 and a
sentence that names it.

```toml
# settings.toml
every = 1.0
vision_model = "moondream"
ollama_host = "127.0.0.1:11434"
```

`vidlocal setup` writes `vision_model`, `embed_model` and `whisper_model` of the profile that was fetched.

| setting | default | variable | meaning | takes |
| --- | --- | --- | --- | --- |
"""
SETTINGS_FOOT = """
`home` says where `settings.toml` is, so it cannot stand in it. A relative folder in the file counts from the home
folder, one in a variable from the folder you are in.

Addresses of the Ollama server are read as Ollama reads `OLLAMA_HOST`: `nas` is `http://nas:11434`, `http://nas` is
port 80, `0.0.0.0` is this machine. A server on another machine is only used with `allow_remote_host`.
"""


def commands_page() -> str:
    """The help of every command, the same on every machine and terminal."""
    parts = [COMMANDS_HEAD, _section("vidlocal", [])]
    parts += [_section(f"vidlocal {name}", [name]) for name in COMMANDS]
    return "\n".join(parts)


def _section(title: str, words: list[str]) -> str:
    result = CliRunner().invoke(app, [*words, "--help"], prog_name="vidlocal")
    if result.exit_code:
        raise SystemExit(f"the help of {title} fails: {result.output}")
    return f"## {title}\n\n```text\n{result.stdout.rstrip()}\n```\n"


def settings_page() -> str:
    """The table of all settings."""
    return SETTINGS_HEAD + "".join(f"{_row(setting)}\n" for setting in TABLE) + SETTINGS_FOOT


def _row(setting: Setting) -> str:
    default = setting.default_note or f"`{_plain(setting.default)}`"
    cells = (f"`{setting.name}`", default, f"`{setting.env}`", setting.description, setting.allowed)
    return f"| {' | '.join(cells)} |"


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


PAGES = {"commands.md": commands_page, "settings.md": settings_page, "schema.md": schema_page}


def main() -> None:
    stale = [name for name, page in PAGES.items() if _text_of(FOLDER / name) != page()]
    if "--check" in sys.argv:
        if stale:
            raise SystemExit(f"Out of date: {', '.join(stale)}. Run: python docs/generate.py")
        return
    for name in stale:
        (FOLDER / name).write_text(PAGES[name](), encoding="utf-8")


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    main()
