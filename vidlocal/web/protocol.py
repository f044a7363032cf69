"""HTTP of uvicorn, with a limit on the time until a request is complete."""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_TIMEOUT_S = 20.0


class TimedProtocol(H11Protocol):
    """Closes a connection without a complete request head after HEAD_TIMEOUT_S."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.loop.call_later(HEAD_TIMEOUT_S, self._close_silent)

    def _close_silent(self) -> None:
        if cast(Any, self).cycle is None:
            self.transport.close()
