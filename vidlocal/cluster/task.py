"""The task of vidlocal on a Dask worker: bytes to the handler of this process, bytes back."""

from collections.abc import Callable

from vidlocal.cluster.messages import Failure, encode

_handlers: list[Callable[[bytes], bytes]] = []


def set_handler(handler: Callable[[bytes], bytes]) -> None:
    """Set the handler of this process for all calls."""
    _handlers[:] = [handler]


def perform(call: bytes) -> bytes:
    """Answer a call, on a thread of the worker. Raises nothing: failures are answers, too."""
    if not _handlers:
        return encode(
            Failure("EngineError", "This Dask worker was started without --preload vidlocal.app.cluster.site")
        )
    return _handlers[0](call)
