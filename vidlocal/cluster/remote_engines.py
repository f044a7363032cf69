"""Model engines of another machine of the cluster, with the interfaces of local engines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from vidlocal.cluster.connection import Member
from vidlocal.cluster.messages import (
    Call,
    Failure,
    Models,
    Offer,
    OfferedModel,
    Result,
    decode,
    encode,
    raise_failure,
)
from vidlocal.engines.arrays import Vectors
from vidlocal.engines.base import Usage
from vidlocal.engines.prompts import text_prompts, vision_prompts
from vidlocal.errors import EngineError
from vidlocal.model_answers import ActionAnswer, SceneAnswer
from vidlocal.records import Provenance


class Carrier(Protocol):
    """Carries encoded calls to machines: a Connection."""

    sent_bytes: int

    @property
    def members(self) -> Mapping[str, Member]: ...

    def call(self, member: str, payload: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine of the cluster, asked for engines of `models`."""

    connection: Carrier
    name: str
    models: Models

    def call(self, engine: str, method: str, *arguments: Any, identity: str = "", **options: Any) -> Result:
        """Call a method of an engine. Raises the errors of the engine, and EngineUnreachable."""
        call = Call(engine, method, self.models, identity, arguments, options)
        answer = decode(self.connection.call(self.name, encode(call)))
        if isinstance(answer, Failure):
            raise_failure(answer, self.name)
        if not isinstance(answer, Result):
            raise EngineError(f"{self.name} sent an invalid answer.")
        return answer

    def offer(self) -> Offer:
        """Return the engines of the machine; opens the models. Raises EngineError."""
        offer = self.call("machine", "offer").value
        if not isinstance(offer, Offer):
            raise EngineError(f"{self.name} sent an invalid answer.")
        return offer


class RemoteModel:
    """A model on a server of another machine. Calls fail after a change of its build."""

    engine = ""

    def __init__(self, machine: Machine, model: OfferedModel) -> None:
        self._machine = machine
        self._model = model
        self._first: Result | None = None
        self._last: Result | None = None
        self.keeps_bounds = model.keeps_bounds

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def digest(self) -> str:
        return self._model.digest

    @property
    def num_ctx(self) -> int:
        return self._model.num_ctx

    @property
    def reloads(self) -> int:
        """Number of reloads since the first call of this run."""
        return 0 if self._first is None or self._last is None else max(0, self._last.reloads - self._first.reloads)

    @property
    def usage(self) -> Usage:
        """Tokens of the answers in this run."""
        return Usage() if self._first is None or self._last is None else self._last.usage - self._first.usage

    def unload(self) -> None:
        self._call("unload")

    def probe_bounds(self) -> bool:
        """Return the result of the machine's own test."""
        return self.keeps_bounds

    def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        result = self._machine.call(self.engine, method, *arguments, identity=self._model.identity, **options)
        self._first = self._first or result
        self._last = result
        return result.value


class RemoteVision(RemoteModel):
    """A VisionEngine."""

    engine = "vision"

    @property
    def takes_video(self) -> bool:
        return self._model.takes_video

    def provenance(self, *, plain: bool = False) -> Provenance:
        version = vision_prompts.PLAIN_PROMPT_VERSION if plain else vision_prompts.PROMPT_VERSION
        return Provenance(self._model.kind, self.name, self.digest, version)

    def sequence_provenance(self, *, plain: bool = False) -> Provenance:
        version = text_prompts.WATCH_PROMPT_VERSION + ("-plain" if plain else "")
        return Provenance(self._model.kind, self.name, self.digest, version)

    def describe(self, jpeg: bytes, *, plain: bool = False, attempt: int = 0) -> SceneAnswer:
        return cast(SceneAnswer, self._call("describe", jpeg, plain=plain, attempt=attempt))

    def describe_sequence(
        self, jpegs: Sequence[bytes], question: str, *, plain: bool = False, attempt: int = 0
    ) -> ActionAnswer:
        answer = self._call("describe_sequence", tuple(jpegs), question, plain=plain, attempt=attempt)
        return cast(ActionAnswer, answer)

    def ask_image(
        self, jpeg: bytes, question: str, *, more_jpegs: Sequence[bytes] = (), schema: dict[str, object] | None = None
    ) -> str:
        return str(self._call("ask_image", jpeg, question, more_jpegs=tuple(more_jpegs), schema=schema))


class RemoteText(RemoteModel):
    """A TextEngine."""

    engine = "text"

    def provenance(self) -> Provenance:
        return Provenance(self._model.kind, self.name, self.digest, text_prompts.TEXT_PROMPT_VERSION)

    def complete_json(self, prompt: str, schema: Mapping[str, object], *, attempt: int = 0) -> str:
        return str(self._call("complete_json", prompt, dict(schema), attempt=attempt))

    def complete(self, system: str, prompt: str, *, on_token: Callable[[str], None] | None = None) -> str:
        """Return an answer as plain text, passed to `on_token` in one piece."""
        text = str(self._call("complete", system, prompt))
        if on_token is not None:
            on_token(text)
        return text


class RemoteEmbeddings(RemoteModel):
    """An EmbedEngine."""

    engine = "embedding"

    @property
    def key(self) -> str:
        return self._model.identity

    def embed(self, texts: Sequence[str]) -> Vectors:
        return cast(Vectors, self._call("embed", list(texts)))
