"""A child process under the reader's rules, with an attempt to reach the network."""

import socket

from vidlocal.process import refuse_network, serve


def _handle(request: dict[str, object], payload: bytes) -> tuple[dict[str, object], bytes]:
    if request["do"] == "connect":
        with socket.socket() as connection:
            connection.connect(("127.0.0.1", 9))
    else:
        socket.getaddrinfo("localhost", 80)
    return {}, payload


if __name__ == "__main__":
    refuse_network("The child")
    serve(_handle)
