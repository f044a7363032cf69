"""`vidlocal serve`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal.cli.ui import console, options
from vidlocal.errors import ToolError, UsageError
from vidlocal.installation import extra_command
from vidlocal.settings import load

if TYPE_CHECKING:
    from vidlocal.web.login import Login

EXAMPLES = (
    "vidlocal serve --open",
    "vidlocal serve --port 9000 --read-only",
    "vidlocal serve --lan                  # for other machines, with a pass phrase",
)

_PHRASE_VARIABLE = "VIDLOCAL_PASS_PHRASE"


def command(
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="Port; 0 chooses a free one.")
    ] = 8421,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in your browser.")] = False,
    lan: Annotated[
        bool, typer.Option("--lan", help="Let other machines of the network in, with a pass phrase.")
    ] = False,
    new_phrase: Annotated[bool, typer.Option("--new-pass-phrase", help="Ask for a new pass phrase first.")] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Refuse every change: notes, settings, ingest, clips.")
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Search, watch and steer in a browser.

    The page plays every moment, also of films that the browser itself cannot play, and shows the progress of the night.
    It runs until Ctrl-C, beside all other commands. Only this machine can open it; with --lan the others of your
    network, who know the pass phrase. The connection is not encrypted: use --lan at home only.

    For a service, the variable VIDLOCAL_PASS_PHRASE may hold the pass phrase.
    """
    settings = load()
    _require_web()
    from vidlocal.web.server import ServerOptions, serve

    login = _login(settings.home, is_new=new_phrase) if lan else None

    def on_start(address: str) -> None:
        if json:
            console.document({"url": address, "lan": lan, "read_only": read_only})
        else:
            console.line(address)
        if lan:
            console.notice("Everyone in your network who knows the pass phrase can see your videos.", quiet=quiet)
        console.notice("Stop with Ctrl-C.", quiet=quiet)
        console.flush()
        if open_page:
            typer.launch(address)

    serve(settings.home, ServerOptions(port, login, read_only), on_start=on_start)


def _require_web() -> None:
    """Raise ToolError if the optional packages are not installed."""
    from importlib.util import find_spec

    missing = [name for name in ("starlette", "uvicorn", "jinja2") if find_spec(name) is None]
    if missing:
        raise ToolError(f"Not installed: {', '.join(missing)}. Run: {extra_command('web')}")


def _login(home: Path, *, is_new: bool) -> "Login":
    """Load the stored pass phrase, or ask for a new phrase. Raises UsageError without a terminal."""
    from vidlocal.web.login import load_login, store_phrase

    from_variable = os.environ.get(_PHRASE_VARIABLE)
    if from_variable:
        return store_phrase(home, from_variable)
    login = None if is_new else load_login(home)
    if login is not None:
        return login
    if not sys.stdin.isatty():
        raise UsageError(f"--lan needs a pass phrase. Run it in a terminal once, or set {_PHRASE_VARIABLE}.")
    console.notice("Choose a pass phrase for the page, four words or more.")
    return store_phrase(home, typer.prompt("Pass phrase", hide_input=True, confirmation_prompt=True, err=True))
