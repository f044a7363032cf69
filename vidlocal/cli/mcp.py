"""`vidlocal mcp`."""

import shutil
import sys
from typing import Annotated

import typer

from vidlocal.cli.ui import console, options
from vidlocal.errors import ToolError, UsageError
from vidlocal.installation import extra_command
from vidlocal.mcp.client_config import FILES, Assistant, config_lines
from vidlocal.settings import load

EXAMPLES = (
    "vidlocal mcp --config claude          # the lines to paste into its settings",
    "vidlocal mcp --config vscode --allow-write",
    "vidlocal mcp --http --port 8765",
)


def command(
    config: Annotated[
        Assistant | None,
        typer.Option("--config", help="Print the configuration of this assistant.", show_default=False),
    ] = None,
    http: Annotated[
        bool, typer.Option("--http", help="Serve on a loopback address with a token, not on stdio.")
    ] = False,
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="Port for --http; 0 chooses a free one.")
    ] = 0,
    allow_write: Annotated[bool, typer.Option("--allow-write", help="With the tool that cuts clips.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Let an assistant search your videos, by the Model Context Protocol.

    The assistant starts this command itself, once its settings have the lines of --config. It can search, ask, show
    texts and frames, and change nothing without --allow-write. What it reads goes where the assistant sends it: with a
    hosted assistant, texts and frames of your videos leave this machine.
    """
    if port and not http:
        raise UsageError("--port needs --http.")
    if config is not None:
        _print_config(config, allow_write=allow_write, json=json, quiet=quiet)
        return
    _require_sdk()
    from vidlocal.mcp.server import create_server, serve_http, serve_stdio

    server = create_server(load(), allow_write=allow_write)
    if not http:
        serve_stdio(server)
        return

    def on_start(address: str, token: str) -> None:
        if json:
            console.document({"url": address, "token": token})
        else:
            console.line(address)
            console.line(f"Authorization: Bearer {token}")
        console.flush()
        console.notice("Stop with Ctrl-C.", quiet=quiet)

    serve_http(server, port, on_start=on_start)


def _print_config(assistant: Assistant, *, allow_write: bool, json: bool, quiet: bool) -> None:
    home = load().home
    program = shutil.which("vidlocal") or sys.executable
    module = [] if program != sys.executable else ["-m", "vidlocal"]
    arguments = [*module, "--home", str(home), "mcp", *(["--allow-write"] if allow_write else [])]
    lines = config_lines(assistant, program, arguments)
    if json:
        console.document({"file": FILES[assistant], "lines": lines})
        return
    sys.stdout.write(lines)
    console.flush()
    console.notice(f"Paste this into: {FILES[assistant]}", quiet=quiet)


def _require_sdk() -> None:
    from importlib.util import find_spec

    if find_spec("mcp") is None:
        raise ToolError(f"Not installed: mcp. Run: {extra_command('mcp')}")
