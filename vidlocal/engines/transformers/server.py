"""A vision model of transformers in process, with the interface of a model server.

The model lives in a child process: a crash or a full memory does not harm the parent. It is loaded by the first
request, kept for the next ones, and released on exit. Models with a chat template (LLaVA, Qwen-VL) are asked in chat
form, others (BLIP-2) in the form "Question: ... Answer:" that they were trained on; those never answer in JSON.
"""

import json
import logging
from collections.abc import Sequence
from importlib import metadata
from types import TracebackType
from typing import Any, NoReturn, Self, cast

from vidlocal.engines.arrays import Vectors
from vidlocal.engines.base import (
    AnswerTruncated,
    Capability,
    ImageRejected,
    ModelInfo,
    PromptTooLong,
    RunnerFailed,
    SchemaMismatch,
    Usage,
)
from vidlocal.engines.model_server import OnToken, OnUsage, Options
from vidlocal.engines.prompts import vision_prompts
from vidlocal.engines.transformers import transformers_files
from vidlocal.engines.transformers.load_plan import LoadPlan
from vidlocal.engines.transformers.transformers_files import ModelFolder
from vidlocal.errors import AnswerRejected, EngineError
from vidlocal.process import SerialThread, Worker, WorkerCrashed, WorkerTimedOut

_CHILD = "vidlocal.engines.transformers.transformers_child"
# 30 GB from a slow disk, and 512 tokens of a large model on a slow CPU.
_LOAD_TIMEOUT_S = 1800.0
_TIMEOUT_S = 1800.0
_LACKS: dict[Capability, str] = {"embedding": "embeddings", "completion": "text without an image"}

Json = dict[str, Any]
_log = logging.getLogger(__name__)


class TransformersServer:
    """A ModelServer with a single model. A context manager: the child with the model ends on exit.

    Requests of several threads run one after the other.
    """

    kind = "transformers"

    def __init__(self, model: ModelFolder) -> None:
        self.host = model.name
        self._folder = model
        self._worker = Worker(_CHILD, name=f"{model.name} in process")
        # The child dies with the thread that started it.
        self._thread = SerialThread("model in process")
        self._properties: Json = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.interrupt()
        self._thread.submit(self._worker.close)
        self._thread.shutdown()

    # ------------------------------------------------------------ the server

    def version(self) -> str:
        """Return the version of transformers. Raises EngineError if the packages are not installed."""
        if not transformers_files.is_installed():
            raise EngineError(transformers_files.NOT_INSTALLED)
        return f"transformers {metadata.version('transformers')}"

    def models(self) -> list[ModelInfo]:
        """Return the model."""
        return [self._info(None)]

    def loaded_models(self) -> list[tuple[str, int, int]]:
        """Return the model, if loaded: name, estimated bytes, and bytes in GPU memory."""
        plan = self._properties.get("plan")
        if not plan:
            return []
        needed = int(plan["needed_bytes"])
        return [(self.host, needed, 0 if plan["device"] == "cpu" else needed)]

    def preflight(self, model: str, needs: Capability) -> ModelInfo:
        """Load the model, under any name, and require an ability. Raises EngineError."""
        properties = self._load()
        abilities = ("vision", *(["completion"] * properties["has_chat"]), *(["video"] * properties["has_video"]))
        if needs not in abilities:
            raise self._lacks(needs)
        return self._info(abilities)

    def digest(self, model: str) -> str:
        """Return the fingerprint of the model."""
        return self._folder.digest

    def context(self, model: str, num_ctx: int) -> int:
        """Return `num_ctx`, or the context of the model if smaller."""
        return min(num_ctx, int(self._load()["context"]))

    def slots(self, model: str | None = None) -> int:
        """Return 1: requests run in sequence."""
        return 1

    # ------------------------------------------------------------ inference

    def chat(
        self,
        model: str,
        *,
        system: str,
        prompt: str,
        images: Sequence[bytes] = (),
        schema: Json | None = None,
        options: Options,
        keep_alive: str,
        on_token: OnToken = None,
        on_usage: OnUsage = None,
    ) -> str:
        """Return the complete answer, as described in `ModelServer.chat`, passed to `on_token` in one piece.

        Nothing forces the form of an answer: `schema` is added in words. Raises SchemaMismatch for a model without
        chat.
        """
        if schema is not None:
            if not self._load()["has_chat"]:
                raise SchemaMismatch(f"{self.host} answers in plain sentences only.")
            prompt += f"\nAnswer with a JSON object of this schema, and nothing else: {json.dumps(schema)}"
        request = self._request("chat", system, prompt, options)
        reply = self._ask(request, images)
        if on_usage is not None:
            on_usage(Usage(int(reply["tokens"]), float(reply["seconds"])))
        if reply["reason"] == "length" and request["max_tokens"] > 1:
            raise AnswerTruncated(f"{self.host}: answer truncated at {request['max_tokens']} tokens.")
        text = str(reply["text"])
        if on_token is not None and text:
            on_token(text)
        return text

    def first_token(
        self,
        model: str,
        *,
        system: str,
        prompt: str,
        images: Sequence[bytes] = (),
        options: Options,
        keep_alive: str,
    ) -> dict[str, float]:
        """Return the most probable first tokens of an answer with their probabilities."""
        reply = self._ask(self._request("first_token", system, prompt, options), images)
        return {str(token): float(probability) for token, probability in reply["tokens"].items()}

    def embed(self, model: str, texts: Sequence[str], *, options: Options, keep_alive: str) -> Vectors:
        """Raise EngineError: these models have no embeddings."""
        raise self._lacks("embedding")

    def load(self, model: str, *, options: Options, keep_alive: str) -> None:
        """Load the model. Raises EngineError."""
        self._load()

    def unload(self, model: str) -> None:
        """End the child, and free its memory. The next request loads the model again."""
        self._properties = {}
        self._thread.submit(self._worker.close).result()

    # ------------------------------------------------------------ requests

    def _request(self, do: str, system: str, prompt: str, options: Options) -> Json:
        if not self._load()["has_chat"]:
            system, prompt = "", _question(prompt)
        return {
            "do": do,
            "system": system,
            "prompt": prompt,
            "context": options.get("num_ctx", vision_prompts.NUM_CTX),
            "max_tokens": options.get("num_predict", 512),
            "temperature": options.get("temperature", 0),
            "top_p": options.get("top_p", 1.0),
            "repeat_penalty": options.get("repeat_penalty", 1.0),
            "seed": options.get("seed", 0),
        }

    def _load(self) -> Json:
        if not self._properties:
            self.version()
            folder = self._folder
            request = {
                "do": "load",
                "name": folder.name,
                "folder": str(folder.path),
                "parameters": folder.parameters,
            }
            try:
                self._properties = self._call(request, b"", _LOAD_TIMEOUT_S)
            except (WorkerCrashed, WorkerTimedOut) as error:
                raise self._load_error(error) from error
            _log.info("%s: %s", self.host, LoadPlan(**self._properties["plan"]))
        return self._properties

    def _ask(self, request: Json, images: Sequence[bytes]) -> Json:
        """Send a request. Raises RunnerFailed if the child fails: the next request loads the model again."""
        if not images and not self._load()["has_chat"]:
            raise self._lacks("completion")
        request["sizes"] = [len(image) for image in images]
        try:
            reply = self._call(request, b"".join(images), _TIMEOUT_S)
        except (WorkerCrashed, WorkerTimedOut) as error:
            self._properties = {}
            raise RunnerFailed(f"{error} The model is loaded again.") from error
        if "refused" in reply:
            self._refuse(reply, request)
        return reply

    def _refuse(self, reply: Json, request: Json) -> NoReturn:
        match reply["refused"]:
            case "length":
                room = f"{request['context']} tokens of context"
                raise PromptTooLong(f"{self.host}: the prompt has {reply['tokens']} tokens, too many for {room}.")
            case "images":
                raise AnswerRejected(f"{self.host} takes one image at a time.")
            case _:
                raise ImageRejected(f"{self.host}: not enough memory for this image.")

    def _call(self, request: Json, payload: bytes, timeout: float) -> Json:
        call = self._thread.submit(self._worker.call, request, payload=payload, timeout=timeout)
        return cast("Json", call.result().values)

    def _lacks(self, ability: Capability) -> EngineError:
        return EngineError(f"{self.host} does not support {_LACKS[ability]}. Choose another model for this work.")

    def _load_error(self, error: WorkerCrashed | WorkerTimedOut) -> EngineError:
        notes = " ".join(getattr(error, "__notes__", ()))
        if "ImportError" in notes or "ModuleNotFoundError" in notes:
            return EngineError(f'{error} Run: pip install --force-reinstall "vidlocal[transformers]"')
        return EngineError(f"{error} Choose a smaller model, or download {self.host} again.")

    def _info(self, abilities: tuple[str, ...] | None) -> ModelInfo:
        return ModelInfo(self.host, self._folder.digest, abilities, self._folder.size_bytes)


def _question(prompt: str) -> str:
    """Return a prompt for a model without chat: empty for a caption, else as in the paper of BLIP-2."""
    return "" if prompt == vision_prompts.PLAIN_PROMPT else f"Question: {prompt} Answer:"
