"""Start the server: addresses, services and uvicorn."""

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal import settings
from vidlocal.errors import ToolError
from vidlocal.settings import Settings
from vidlocal.web.guard import Access
from vidlocal.web.login import Login

if TYPE_CHECKING:
    from vidlocal.web.services import Services

DEFAULT_PORT = 8421
LOCAL, EVERYWHERE = "127.0.0.1", "0.0.0.0"
STATUS_INTERVAL_S = 0.9
# Seconds for the head of a request, and for an idle connection.
_KEEP_ALIVE_S = 15
_MAX_CONNECTIONS = 1000
# Seconds that requests may take after Ctrl-C: streams of status and films would never end.
_SHUTDOWN_S = 1


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Options of `vidlocal serve`. `login`: for a server open to other machines."""

    port: int = DEFAULT_PORT
    login: Login | None = None
    read_only: bool = False

    @property
    def is_public(self) -> bool:
        return self.login is not None


def serve(home: Path, options: ServerOptions, *, on_start: Callable[[str], None]) -> None:
    """Serve the library in `home` until Ctrl-C. `on_start` gets the address. Raises ToolError for a port in use."""
    import uvicorn

    from vidlocal.web.application import create_application
    from vidlocal.web.protocol import TimedProtocol

    listener = _listen(options)
    port = listener.getsockname()[1]
    access = Access(hosts=_allowed_hosts(port, is_public=options.is_public), login=options.login)
    application = create_application(open_services(home, read_only=options.read_only), access)
    config = uvicorn.Config(
        application,
        http=TimedProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_SHUTDOWN_S,
        limit_concurrency=_MAX_CONNECTIONS,
        ws="none",
        lifespan="on",
    )
    log = logging.getLogger("uvicorn.error")
    log.setLevel(logging.ERROR)
    log.addFilter(_is_no_cancelled_stream)
    on_start(f"http://{_public_name() if options.is_public else LOCAL}:{port}/")
    with listener:
        uvicorn.Server(config).run(sockets=[listener])


def _is_no_cancelled_stream(record: logging.LogRecord) -> bool:
    """Return False for tracebacks and summary of streams cut off by the end of the server."""
    cause = record.exc_info[1] if record.exc_info else None
    return not isinstance(cause, asyncio.CancelledError) and not str(record.msg).startswith("Cancel %s running task")


def open_services(home: Path, *, read_only: bool) -> "Services":
    """Create the services of a server on the library in `home`."""
    from vidlocal.web.background import BackgroundCommands
    from vidlocal.web.journal import EditJournal
    from vidlocal.web.libraries import LibraryPool
    from vidlocal.web.playback.pieces import PieceMaker
    from vidlocal.web.playback.probes import StreamProber
    from vidlocal.web.query_engines import QueryEngines
    from vidlocal.web.services import Services
    from vidlocal.web.status_feed import StatusFeed

    return Services(
        load=partial(_load, home),
        libraries=LibraryPool(home),
        engines=QueryEngines(),
        prober=StreamProber(),
        pieces=PieceMaker(home / "cache" / "playback"),
        commands=BackgroundCommands(home),
        journal=EditJournal(),
        status=StatusFeed(interval_s=STATUS_INTERVAL_S),
        read_only=read_only,
    )


def _load(home: Path) -> Settings:
    return settings.load({"home": home})


def _listen(options: ServerOptions) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((EVERYWHERE if options.is_public else LOCAL, options.port))
    except OSError as error:
        listener.close()
        raise ToolError(
            f"Port {options.port} cannot be used ({error.strerror}). Choose another one: vidlocal serve --port 0"
        ) from error
    listener.listen(512)
    listener.set_inheritable(False)
    return listener


def _allowed_hosts(port: int, *, is_public: bool) -> frozenset[str]:
    """Return the valid values of the header Host for this server."""
    names = {"127.0.0.1", "localhost", "[::1]"}
    if is_public:
        names |= {_public_name(), socket.gethostname().lower(), f"{socket.gethostname().lower()}.local", *_addresses()}
    return frozenset({f"{name}:{port}" for name in names} | (names if port == 80 else set()))


def _public_name() -> str:
    """Return the address of this machine in its network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1: sends nothing, and chooses the interface
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname().lower()


def _addresses() -> set[str]:
    import psutil

    return {
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET
    }
