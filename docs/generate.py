"""Write the pages that are made from the program itself, or with --check say which are out of date."""

import sys
from pathlib import Path

from typer.testing import CliRunner

from vidlocal.cli import COMMANDS, app

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


PAGES = {"commands.md": commands_page}


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
