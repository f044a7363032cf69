"""Block network access in child processes."""

import sys

from vidlocal.errors import ToolError


def refuse_network(name: str) -> None:
    """Make all Python code in this process raise ToolError with `name` when opening a connection."""

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        if event in ("socket.connect", "socket.getaddrinfo"):
            raise ToolError(f"{name}: network access blocked.")

    sys.addaudithook(refuse)
