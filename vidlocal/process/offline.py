"""A child that has nothing to do on the network, kept from it."""

import sys

from vidlocal.errors import ToolError


def refuse_network(who: str) -> None:
    """From here on no Python code in this process can open a connection: ToolError, naming `who`, where it is tried."""

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        if event in ("socket.connect", "socket.getaddrinfo"):
            raise ToolError(f"{who} tried to open a network connection, and was refused.")

    sys.addaudithook(refuse)
