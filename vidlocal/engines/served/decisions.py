"""Decision models: yes/no questions about a text or an image, answered by a probability in one pass.

`POST /v1/systemone`: Ollama from 0.35.0 on (images from 0.35.1), llama.cpp, vLLM. Servers without images ignore them,
so a model judges images only after control questions (`vidlocal.app.engines.decision_models`).
"""

import base64
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from vidlocal.engines.base import ModelInfo
from vidlocal.engines.host_policy import refuse_hosted
from vidlocal.engines.prompts import rerank_prompts
from vidlocal.engines.served.json_client import JsonClient
from vidlocal.errors import AnswerRejected

# Capability of these models in the lists of Ollama.
CAPABILITY = "decision"

_PATH = "/v1/systemone"
_KEY = "answer"
_IMAGE_STATE = "The picture is a frame of a home video."


class DecisionModel:
    """A Judge of texts, and of images (JPEG bytes). A context manager. Used by several threads at once."""

    def __init__(self, client: JsonClient, model: ModelInfo, *, keep_alive: str = "30m") -> None:
        refuse_hosted(model.name)
        self._client = client
        self._model = model
        self._keep_alive = keep_alive

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
        """Return the probability of `text` matching `query`, 0 to 1."""
        return self._ask(f"The moment: {text}", rerank_prompts.decision_about_text(query))

    def image_probability(self, jpeg: bytes, query: str) -> float:
        """Return the probability of an image matching `query`, 0 to 1."""
        return self._ask(_IMAGE_STATE, rerank_prompts.decision_about_image(query), [jpeg])

    def caption_probability(self, jpeg: bytes, caption: str) -> float:
        """Return the probability of a caption fitting an image, 0 to 1."""
        return self._ask(rerank_prompts.quoted_caption(caption), rerank_prompts.DECISION_ABOUT_CAPTION, [jpeg])

    def _ask(self, state: str, instructions: str, images: Sequence[bytes] = ()) -> float:
        body: dict[str, Any] = {
            "model": self.name,
            "state": state,
            "questions": {_KEY: {"type": "noul", "instructions": instructions}},
            "keep_alive": self._keep_alive,
        }
        if images:
            body["images"] = [base64.b64encode(image).decode() for image in images]
        reply = self._client.request("POST", _PATH, body, model=self.name)
        try:
            probability = reply["answers"][_KEY]["noul"]
        except (TypeError, KeyError):
            probability = None
        if isinstance(probability, bool) or not isinstance(probability, int | float) or not 0 <= probability <= 1:
            raise AnswerRejected(f"{self.name}: the answer of the server at {self._client.origin} has no probability.")
        return float(probability)
