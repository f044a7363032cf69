"""Requests to model servers outside of the chat protocols: JSON in, JSON out, with the rules for all servers.

No proxies, no redirects, no other machine unless allowed, no hosted models, a timeout for every wait.
"""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from vidlocal.engines.host_policy import check_host, origin
from vidlocal.errors import AnswerRejected, EngineUnreachable, ModelMissing

if TYPE_CHECKING:
    from vidlocal.engines.ollama.transport import Timeouts

SERVER_NAME = "model server"


class JsonClient:
    """A client for the server at `host`, a URL with or without `/v1`. A context manager. Thread-safe."""

    def __init__(
        self, host: str, *, allow_remote: bool = False, api_key: str | None = None, timeouts: "Timeouts | None" = None
    ) -> None:
        import httpx  # the Python API imports this module, and httpx imports rich

        from vidlocal.engines.ollama.transport import GuardedTransport, Timeouts

        check_host(host, allow_remote=allow_remote)
        self.host = host.rstrip("/").removesuffix("/v1")
        timeouts = timeouts or Timeouts()
        encrypted = self.host.startswith("https")
        self._client = httpx.Client(
            base_url=self.host,
            trust_env=False,
            follow_redirects=False,
            timeout=timeouts.for_models(),
            transport=GuardedTransport(timeouts, local_only=True, encrypted=encrypted, api_key=api_key),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    @property
    def origin(self) -> str:
        """Scheme, host and port, for messages."""
        return origin(self.host)

    def request(self, method: str, path: str, body: dict[str, Any] | None = None, *, model: str) -> Any:
        """Return the JSON value of a reply.

        Raises EngineUnreachable, EngineBusy, ModelMissing (also for a missing path), AnswerRejected or EngineError.
        """
        import httpx

        from vidlocal.engines.ollama.transport import error_for_status

        try:
            response = self._client.request(method, path, json=body)
        except httpx.TransportError as error:
            raise EngineUnreachable(
                f"No answer of the {SERVER_NAME} at {self.origin} ({type(error).__name__}). Start it again."
            ) from error
        if response.status_code in (404, 405):
            raise ModelMissing(f"{model} or {path} is not on the {SERVER_NAME} at {self.origin}.")
        if response.status_code != 200:
            raise error_for_status(
                response.status_code, response.text, model=model, host=self.host, server_name=SERVER_NAME
            )
        try:
            return response.json()
        except (ValueError, RecursionError) as error:
            raise AnswerRejected(f"{model}: invalid response of the {SERVER_NAME} at {self.origin}.") from error
