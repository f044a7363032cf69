"""Decision models: yes/no questions about a text or an image, answered by a probability in one pass.

`POST /v1/systemone`: Ollama from 0.35.0 on (images from 0.35.1), llama.cpp, vLLM. Servers without images ignore them,
so a model judges images only after control questions (`vidlocal.app.decision_models`).
"""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import httpx

from vidlocal.engines import rerank_prompts
from vidlocal.engines.base import ModelInfo
from vidlocal.engines.host_policy import check_host, origin, refuse_hosted
from vidlocal.engines.ollama_http import GuardedTransport, Timeouts, error_for_status
from vidlocal.errors import AnswerRejected, EngineUnreachable, ModelMissing

# Capability of these models in the lists of Ollama.
CAPABILITY = "decision"

_PATH = "/v1/systemone"
_KEY = "answer"
_SERVER_NAME = "model server"
_IMAGE_STATE = "The picture is a frame of a home video."

Json = dict[str, Any]


class DecisionModel:
    """A Judge of texts, and of images (JPEG bytes). A context manager. Used by several threads at once.

    Raises EngineError for another machine, unless `allow_remote`.
    """

    def __init__(
        self,
        host: str,
        model: ModelInfo,
        *,
        allow_remote: bool = False,
        api_key: str | None = None,
        keep_alive: str = "30m",
        timeouts: Timeouts | None = None,
    ) -> None:
        check_host(host, allow_remote=allow_remote)
        refuse_hosted(model.name)
        self.host = host.rstrip("/").removesuffix("/v1")
        self._model = model
        self._keep_alive = keep_alive
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
        self._client.close()

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def digest(self) -> str:
        return self._model.digest

    def probability(self, query: str, text: str) -> float:
        """Return the probability that `text` shows or says what `query` looks for, 0 to 1."""
        return self._ask(f"The moment: {text}", rerank_prompts.decision_about_text(query))

    def image_probability(self, jpeg: bytes, query: str) -> float:
        """Return the probability that an image shows what `query` looks for, 0 to 1."""
        return self._ask(_IMAGE_STATE, rerank_prompts.decision_about_image(query), [jpeg])

    def caption_probability(self, jpeg: bytes, caption: str) -> float:
        """Return the probability that a caption fits an image, 0 to 1."""
        return self._ask(rerank_prompts.quoted_caption(caption), rerank_prompts.DECISION_ABOUT_CAPTION, [jpeg])

    def _ask(self, state: str, instructions: str, images: Sequence[bytes] = ()) -> float:
        body: Json = {
            "model": self.name,
            "state": state,
            "questions": {_KEY: {"type": "noul", "instructions": instructions}},
            "keep_alive": self._keep_alive,
        }
        if images:
            body["images"] = [base64.b64encode(image).decode() for image in images]
        with self._translate_errors():
            response = self._client.post(_PATH, json=body)
        if response.status_code in (404, 405):
            raise ModelMissing(f"{self.name}: the {_SERVER_NAME} at {origin(self.host)} answers no decisions.")
        if response.status_code != 200:
            raise error_for_status(
                response.status_code, response.text, model=self.name, host=self.host, server_name=_SERVER_NAME
            )
        return self._parse(response)

    def _parse(self, response: httpx.Response) -> float:
        try:
            probability = response.json()["answers"][_KEY]["noul"]
        except (ValueError, TypeError, KeyError, RecursionError):
            probability = None
        if isinstance(probability, bool) or not isinstance(probability, int | float) or not 0 <= probability <= 1:
            raise AnswerRejected(f"{self.name}: the answer of the {_SERVER_NAME} has no probability.")
        return float(probability)

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            raise EngineUnreachable(
                f"No answer of the {_SERVER_NAME} at {origin(self.host)} ({type(error).__name__}). Start it again."
            ) from error
