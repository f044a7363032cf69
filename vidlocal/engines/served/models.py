"""Engines for the models of a server of any kind: vision, text and embedding."""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from vidlocal.engines.arrays import Vectors
from vidlocal.engines.base import AnswerTruncated, ModelInfo, RunnerFailed, SchemaMismatch, Usage
from vidlocal.engines.model_server import ModelServer, Options
from vidlocal.engines.prompts import (
    rerank_prompts,
    scene_parser,
    schema_bounds,
    text_parser,
    text_prompts,
    vision_prompts,
)
from vidlocal.errors import AnswerRejected, EngineError, EngineUnreachable
from vidlocal.model_answers import ActionAnswer, SceneAnswer
from vidlocal.records import Provenance

Answer = TypeVar("Answer")

# About 1,000 tokens of English, and below 2,048 for any script. A vector of a longer passage would be unspecific, and
# the truncated rest can still be found by words.
MAX_TEXT_CHARACTERS = 2_000


class ServedModel:
    """A model of a server, with options for requests."""

    def __init__(self, server: ModelServer, model: ModelInfo, options: Options, keep_alive: str) -> None:
        self._server = server
        self._model = model
        self._options = options
        self._keep_alive = keep_alive
        self._lock = threading.Lock()
        self._reloads = 0
        self.keeps_bounds = True

    @property
    def reloads(self) -> int:
        return self._reloads

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def digest(self) -> str:
        return self._model.digest

    def unload(self) -> None:
        try:
            self._server.unload(self.name)
        except (EngineUnreachable, AnswerRejected):
            return  # the server unloads it after keep_alive

    def probe_bounds(self) -> bool:
        def ask(prompt: str, schema: schema_bounds.Schema) -> str:
            chat = partial(self._server.chat, self.name, system="", prompt=prompt, schema=schema)
            return self._recovering(partial(chat, options=self._options, keep_alive=self._keep_alive))

        self.keeps_bounds = schema_bounds.are_kept(ask)
        return self.keeps_bounds

    def _bounded(self, schema: Mapping[str, object]) -> dict[str, object]:
        return schema_bounds.bounded(schema) if self.keeps_bounds else dict(schema)

    def _recovering(self, request: Callable[[], Answer]) -> Answer:
        """Send a request; if the engine fails, load the model again, and send the same request once more.

        One failure can leave an engine broken: llama.cpp then refused every request until the model was unloaded.
        Raises RunnerFailed if the second request fails, too, and EngineError if not even loading works.
        """
        reloads = self._reloads
        try:
            return request()
        except RunnerFailed:
            self._reload(reloads)
        reloads = self._reloads
        try:
            return request()
        except RunnerFailed:
            self._reload(reloads)  # for the next request
            self._require_engine()
            raise

    def _yes_probability(self, system: str, prompt: str, images: Sequence[bytes] = ()) -> float | None:
        """Return the probability of yes as the first token of an answer; None for an answer without yes or no."""
        first_token = partial(self._server.first_token, self.name, system=system, prompt=prompt, images=images)
        options = {**self._options, "temperature": 0, "num_predict": 1}
        tokens = self._recovering(partial(first_token, options=options, keep_alive=self._keep_alive))
        return rerank_prompts.yes_probability(tokens)

    def _reload(self, reloads: int) -> None:
        """Unload the model, once for simultaneous failures; the next request loads it again."""
        with self._lock:
            if self._reloads == reloads:
                self.unload()
                self._reloads += 1

    def _require_engine(self) -> None:
        try:
            self._server.load(self.name, options=self._options, keep_alive=self._keep_alive)
        except RunnerFailed as error:
            raise EngineError(
                f"{self.name} cannot be loaded, the engine of the server fails each time. {error} Run: vidlocal doctor"
            ) from error


class ServedVision(ServedModel):
    """A VisionEngine and an ImageJudge. `model` comes from `ModelServer.preflight(..., "vision")`."""

    def __init__(
        self, server: ModelServer, model: ModelInfo, *, num_ctx: int = vision_prompts.NUM_CTX, keep_alive: str = "30m"
    ) -> None:
        super().__init__(server, model, vision_prompts.vision_options(num_ctx), keep_alive)
        self._usage = Usage()

    @property
    def num_ctx(self) -> int:
        return int(self._options["num_ctx"])

    @property
    def usage(self) -> Usage:
        """Tokens of all answers to date."""
        return self._usage

    @property
    def takes_video(self) -> bool:
        return "video" in (self._model.capabilities or ())

    def provenance(self, *, plain: bool = False) -> Provenance:
        version = vision_prompts.PLAIN_PROMPT_VERSION if plain else vision_prompts.PROMPT_VERSION
        return Provenance(self._server.kind, self.name, self.digest, version)

    def sequence_provenance(self, *, plain: bool = False) -> Provenance:
        version = text_prompts.WATCH_PROMPT_VERSION + ("-plain" if plain else "")
        return Provenance(self._server.kind, self.name, self.digest, version)

    def describe(self, jpeg: bytes, *, plain: bool = False, attempt: int = 0) -> SceneAnswer:
        if plain:
            return SceneAnswer(
                scene_parser.parse_description(self._chat([jpeg], vision_prompts.PLAIN_PROMPT, attempt=attempt))
            )
        try:
            text = self._chat([jpeg], vision_prompts.SCENE_PROMPT, schema=vision_prompts.SCENE_SCHEMA, attempt=attempt)
        except AnswerTruncated as error:
            # Forced by the grammar, some models fill a list up to the token limit.
            raise SchemaMismatch(str(error)) from error
        return scene_parser.parse_scene(text)

    def describe_sequence(
        self, jpegs: Sequence[bytes], question: str, *, plain: bool = False, attempt: int = 0
    ) -> ActionAnswer:
        system = text_prompts.WATCH_SYSTEM
        if plain:
            return text_parser.parse_plain_action(self._chat(jpegs, question, system=system, attempt=attempt))
        schema = text_prompts.WATCH_SCHEMA
        try:
            text = self._chat(jpegs, question, system=system, schema=schema, attempt=attempt)
        except AnswerTruncated as error:
            raise SchemaMismatch(str(error)) from error
        return text_parser.parse_action(text)

    def ask_image(
        self, jpeg: bytes, question: str, *, more_jpegs: Sequence[bytes] = (), schema: dict[str, object] | None = None
    ) -> str:
        return self._chat([jpeg, *more_jpegs], question, schema=schema).strip()

    def image_probability(self, jpeg: bytes, query: str) -> float:
        """Return the probability of an image matching `query`, 0 to 1, by the first token of an answer.

        Raises AnswerRejected if the server does not tell probabilities, or the token is neither yes nor no.
        """
        prompt = rerank_prompts.image_judge_prompt(query)
        probability = self._yes_probability(rerank_prompts.IMAGE_JUDGE_SYSTEM, prompt, [jpeg])
        if probability is None:
            raise AnswerRejected(f"{self.name}: the first token is neither yes nor no.")
        return probability

    def _chat(
        self,
        jpegs: Sequence[bytes],
        prompt: str,
        *,
        system: str = vision_prompts.SYSTEM,
        schema: dict[str, object] | None = None,
        attempt: int = 0,
    ) -> str:
        chat = partial(
            self._server.chat,
            self.name,
            system=system,
            prompt=prompt,
            images=jpegs,
            schema=None if schema is None else self._bounded(schema),
            options={**self._options, "seed": self._options["seed"] + attempt},
            keep_alive=self._keep_alive,
            on_usage=self._count,
        )
        return self._recovering(chat)

    def _count(self, usage: Usage) -> None:
        with self._lock:
            self._usage += usage


class ServedText(ServedModel):
    """A TextEngine. `model` comes from `ModelServer.preflight(..., "completion")`."""

    def __init__(
        self, server: ModelServer, model: ModelInfo, *, num_ctx: int = vision_prompts.NUM_CTX, keep_alive: str = "30m"
    ) -> None:
        super().__init__(server, model, text_prompts.text_options(num_ctx), keep_alive)

    @property
    def num_ctx(self) -> int:
        return int(self._options["num_ctx"])

    def provenance(self) -> Provenance:
        return Provenance(self._server.kind, self.name, self.digest, text_prompts.TEXT_PROMPT_VERSION)

    def complete_json(self, prompt: str, schema: Mapping[str, object], *, attempt: int = 0) -> str:
        chat = partial(
            self._server.chat,
            self.name,
            system=text_prompts.TEXT_SYSTEM,
            prompt=prompt,
            schema=self._bounded(schema),
            options={**self._options, "seed": self._options["seed"] + attempt},
            keep_alive=self._keep_alive,
        )
        return self._recovering(chat)

    def complete(self, system: str, prompt: str, *, on_token: Callable[[str], None] | None = None) -> str:
        return self._server.chat(
            self.name,
            system=system,
            prompt=prompt,
            options=self._options,
            keep_alive=self._keep_alive,
            on_token=on_token,
        )


class ServedEmbeddings(ServedModel):
    """An EmbedEngine. `model` comes from `ModelServer.preflight(..., "embedding")`."""

    def __init__(self, server: ModelServer, model: ModelInfo, *, on_gpu: bool = False, keep_alive: str = "30m") -> None:
        super().__init__(server, model, vision_prompts.embed_options(on_gpu=on_gpu), keep_alive)
        self._prefix = vision_prompts.embed_prefixes(model.name).document

    @property
    def key(self) -> str:
        return self._model.key

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed documents: one unit row each. Raises EngineError after a change of the model's build."""
        if not texts:
            return np.empty((0, 0), dtype=np.float32)
        documents = [self._prefix + truncate(text) for text in texts]
        embed = partial(self._server.embed, self.name, documents, options=self._options, keep_alive=self._keep_alive)
        vectors = self._recovering(embed)
        if self._server.digest(self.name) != self._model.digest:
            raise EngineError(f"{self.name} was replaced by another build during the run. Run: vidlocal enrich")
        norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        if not np.all(np.isfinite(norms)) or not np.all(norms > 0):
            raise AnswerRejected(f"{self.name}: invalid vector (zero or not finite).")
        return np.asarray(vectors / norms, dtype=np.float32)


def truncate(text: str) -> str:
    """Truncate a text between words, to the input length of all supported embedding models."""
    if len(text) <= MAX_TEXT_CHARACTERS:
        return text
    head = text[:MAX_TEXT_CHARACTERS]
    return head.rsplit(maxsplit=1)[0] if " " in head[-100:] else head
