"""What the steps ask of a model, whoever runs it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from vidlocal.errors import AnswerRejected
from vidlocal.records import ActionAnswer, Cue, Provenance, SceneAnswer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# In words: whoever only says what an engine is need not wait for numpy.
Vectors: TypeAlias = "NDArray[np.float32]"
Samples: TypeAlias = "NDArray[np.float32]"


class AnswerTruncated(AnswerRejected):
    """The model was still speaking when its allowance of tokens ran out."""


class SchemaMismatch(AnswerRejected):
    """The answer is not the JSON that was asked for: this model may only be able to say plain sentences."""


class ImageRejected(AnswerRejected):
    """The runner failed on this very picture: a smaller one may pass."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as its server lists it. `capabilities` is None when the server is too old to tell."""

    name: str
    digest: str
    capabilities: tuple[str, ...] | None
    size_bytes: int

    @property
    def key(self) -> str:
        """What vectors are stored under: two builds of one model never meet in one ranking."""
        return f"{self.name}@{self.digest[:12]}"


@dataclass(frozen=True, slots=True)
class Speech:
    """What was said: the language recognised (ISO 639-1, None when nothing was said) and the cues in order."""

    language: str | None
    cues: tuple[Cue, ...]


class VisionEngine(Protocol):
    """A model that looks at one picture at a time. Pictures are JPEG bytes.

    Every call raises EngineUnreachable or EngineBusy (wait, the picture is not to blame), ModelMissing or
    EngineError (stop, it will not get better by itself), or AnswerRejected (this one picture failed).
    """

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    @property
    def num_ctx(self) -> int:
        """How many tokens one question and its answer may have together."""
        ...

    def provenance(self, *, plain: bool = False) -> Provenance:
        """Who made an answer: engine, model, digest, version of the prompt."""
        ...

    def sequence_provenance(self, *, plain: bool = False) -> Provenance:
        """The same of an answer about several pictures."""
        ...

    def describe(self, jpeg: bytes, *, plain: bool = False, attempt: int = 0) -> SceneAnswer:
        """The scene. `plain` asks for sentences instead of JSON and fills the description only.

        `attempt` counts earlier failures with this picture: asked in exactly the same way, a model fails again.
        """
        ...

    def describe_sequence(
        self, jpegs: Sequence[bytes], question: str, *, plain: bool = False, attempt: int = 0
    ) -> ActionAnswer:
        """What happens over several pictures, or over those on one contact sheet. `question` says which it is."""
        ...

    def ask_image(
        self, jpeg: bytes, question: str, *, more_jpegs: Sequence[bytes] = (), schema: dict[str, object] | None = None
    ) -> str:
        """The answer to one question about the picture, and `more` after it, as the model words it.

        `schema` holds it to JSON.
        """
        ...

    def unload(self) -> None:
        """Free the memory of the card; a server that cannot be reached has nothing to free."""
        ...


class TextEngine(Protocol):
    """A model that writes about what others saw and heard. Raises as VisionEngine does."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    @property
    def num_ctx(self) -> int: ...

    def provenance(self) -> Provenance: ...

    def complete_json(self, prompt: str, schema: Mapping[str, object], *, attempt: int = 0) -> str:
        """The answer as JSON text, held to the schema as far as the model can be. `attempt` as for VisionEngine."""
        ...

    def complete(self, system: str, prompt: str, *, on_token: Callable[[str], None] | None = None) -> str:
        """The answer in plain words; `hear` gets every piece of it as it comes."""
        ...

    def unload(self) -> None:
        """Free the memory of the card."""
        ...


class EmbedEngine(Protocol):
    """A model that turns text into vectors. Raises as VisionEngine does."""

    @property
    def key(self) -> str:
        """`name@digest12`: the name of the space its vectors live in."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One unit row per document text, float32, n x d."""
        ...


class ClipEngine(Protocol):
    """A model that puts pictures and words into one space, so that words find what a picture shows.

    Every call raises ModelMissing or EngineError.
    """

    @property
    def key(self) -> str:
        """`name@digest12`: the name of the space its vectors live in."""
        ...

    def embed_images(self, jpegs: Sequence[bytes]) -> Vectors:
        """One unit row per picture (a file's bytes), float32, n x d.

        AnswerRejected for all of them when one cannot be read, PictureRefused when the model failed on one.
        """
        ...

    def embed_text(self, text: str) -> Vectors:
        """The unit vector of a text in the same space: float32, d numbers."""
        ...

    def close(self) -> None:
        """Let go of the memory that the model takes."""
        ...


class SpeechEngine(Protocol):
    """A model that writes down what is said. `samples` are 16 kHz mono float32, -1 to 1; times count from sample 0.

    Every call raises ModelMissing or EngineError.
    """

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    def language_probabilities(self, samples: Samples) -> Mapping[str, float]:
        """How likely each language is, ISO 639-1, of at most the first 30 s."""
        ...

    def transcribe(self, samples: Samples, language: str | None) -> Speech:
        """What is said in about 30 s or less. `language` None has it recognised."""
        ...
