"""The MCP server: tools and resources by the SDK, on stdio or on loopback HTTP with a token."""

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Image, exceptions
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from vidlocal.errors import ToolError, VidlocalError
from vidlocal.mcp.tools import INSTRUCTIONS, Tools
from vidlocal.render.sanitize import sanitize
from vidlocal.settings import Settings
from vidlocal.version import __version__

HTTP_PATH = "/mcp"


def create_server(settings: Settings, *, allow_write: bool) -> MCPServer:
    """Create the server. `allow_write` adds the tool `clip`."""
    tools = Tools(settings)
    server = MCPServer("vidlocal", instructions=INSTRUCTIONS, version=__version__, log_level="ERROR")
    for tool in (tools.search, tools.ask, tools.list_videos, tools.show, tools.status):
        server.tool(structured_output=False)(_with_errors(tool, exceptions.ToolError))
    if allow_write:
        server.tool(structured_output=False)(_with_errors(tools.clip, exceptions.ToolError))

    @wraps(tools.frames)
    def frames(*values: Any, **named: Any) -> list[Any]:
        text, jpegs = tools.frames(*values, **named)
        return [text, *(Image(data=jpeg, format="jpeg") for jpeg in jpegs)]

    frames.__annotations__["return"] = list
    server.tool(structured_output=False)(_with_errors(frames, exceptions.ToolError))
    server.resource(
        "vidlocal://videos/{video_id}/transcript",
        name="transcript",
        description=tools.transcript.__doc__,
        mime_type="text/plain",
    )(_with_errors(tools.transcript, exceptions.ResourceError))
    return server


def serve_stdio(server: MCPServer) -> None:
    """Serve on standard input and output until their end."""
    server.run("stdio")


def serve_http(server: MCPServer, port: int, *, on_start: Callable[[str, str], None]) -> None:
    """Serve on loopback until Ctrl-C. `on_start` gets the address and the token for clients.

    Raises ToolError for a port in use.
    """
    import socket

    import uvicorn

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise ToolError(f"Port {port} cannot be used ({error.strerror}). Choose another one: --port 0") from error
        listener.listen(64)
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        token = secrets.token_urlsafe(24)
        application = _TokenGuard(server.streamable_http_app(), host, token)
        config = uvicorn.Config(application, log_config=None, access_log=False, server_header=False, ws="none")
        on_start(f"http://{host}{HTTP_PATH}", token)
        uvicorn.Server(config).run(sockets=[listener])


class _TokenGuard:
    """ASGI middleware: requests need the token, and an address of this server as `Host`."""

    def __init__(self, app: ASGIApp, host: str, token: str) -> None:
        self._app = app
        self._hosts = {host, f"localhost:{host.rpartition(':')[2]}"}
        self._expected = f"Bearer {token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if headers.get("host", "") not in self._hosts or "origin" in headers:
                await PlainTextResponse("Refused.", 403)(scope, receive, send)
                return
            if not secrets.compare_digest(headers.get("authorization", "").encode(), self._expected.encode()):
                await PlainTextResponse("The token is missing or wrong.", 401)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _with_errors(tool: Callable[..., Any], kind: type[Exception]) -> Callable[..., Any]:
    """Return the tool with errors of the protocol: sentences for the assistant, marked as failures.

    Texts are sanitized: half a letter in a file name would end the server.
    """

    @wraps(tool)
    def call(*values: Any, **named: Any) -> Any:
        try:
            result = tool(*values, **named)
        except VidlocalError as error:
            raise kind(sanitize(str(error))) from error
        parts = result if isinstance(result, list) else [result]
        cleaned = [sanitize(part) if isinstance(part, str) else part for part in parts]
        return cleaned if isinstance(result, list) else cleaned[0]

    return call
