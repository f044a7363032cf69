"""`vidlocal start`."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.exit_handling import SOME_FAILED
from vidlocal.errors import ToolError, UsageError

EXAMPLES = ("vidlocal start ~/Videos", "vidlocal start /media/card --yes")

_PROGRAM = (sys.executable, "-m", "vidlocal")


def command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder with your videos.")],
    yes: options.Yes = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Check, download, index and search a folder: the first day in one command.

    Runs `doctor`, `setup`, `ingest FOLDER` and, if an Ollama server has a vision model, `enrich --all` in the
    background; then it asks for searches. Each step is printed as you would type it.
    """
    if not os.path.isdir(folder):
        raise UsageError(f"{folder}: not a folder.")
    common = ["--json"] if json else ["--quiet"] if quiet else []
    code = _run("doctor", *common)
    if code:
        raise typer.Exit(code)
    if not json or yes:  # --json cannot prompt
        _run("setup", *common, *(["--yes"] if yes else []))
    code = _run("ingest", str(folder), *common)
    if code not in (0, SOME_FAILED):
        raise typer.Exit(code)
    _start_enrich(quiet=quiet)
    if sys.stdin.isatty() and not json:
        _ask_for_searches()


def _run(*words: str) -> int:
    """Run a vidlocal command in this terminal. Returns the exit code; Ctrl-C ends both."""
    _announce(*words)
    return subprocess.run([*_PROGRAM, *words], check=False).returncode


def _announce(*words: str, is_background: bool = False) -> None:
    console.notice("")
    console.notice(f"$ vidlocal {shlex.join(words)}{' &' if is_background else ''}")


def _start_enrich(*, quiet: bool) -> None:
    """Start the deep pass in the background, if a server has the vision model."""
    from vidlocal.app.doctor.check import CheckState
    from vidlocal.app.doctor.ollama_checks import VISION_MODEL
    from vidlocal.app.doctor.run import run_checks
    from vidlocal.process import start_detached
    from vidlocal.settings.servers import Role, ServerKind

    # Later checks take longer, and were made by doctor.
    loaded = settings.load()
    vision = next((check for check in run_checks(loaded) if check.part == VISION_MODEL), None)
    is_served_elsewhere = any(
        server.kind is not ServerKind.OLLAMA and Role.DESCRIBE in server.roles for server in loaded.model_servers
    )
    if not is_served_elsewhere and (vision is None or vision.state is not CheckState.OK):
        part = "a vision model" if vision else "a running Ollama server (https://ollama.com/download)"
        console.notice(f"Captions need {part}. Then run: vidlocal setup && vidlocal enrich", quiet=quiet)
        return
    _announce("enrich", "--all", is_background=True)
    try:
        start_detached([*_PROGRAM, "enrich", "--all"], hint="Run: vidlocal enrich")
    except ToolError as error:
        console.notice(str(error))
    else:
        console.notice("Captioning in the background. Progress: vidlocal status --watch", quiet=quiet)


def _ask_for_searches() -> None:
    console.notice("")
    while True:
        sys.stderr.write("Search for (Enter to quit): ")
        sys.stderr.flush()
        query = sys.stdin.readline().strip()
        if not query:
            return
        _run("search", "--", *query.split())
