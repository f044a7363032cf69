"""Interfaces of the model engines: vision, text, embedding, CLIP, speech, speakers and faces.

All engines raise EngineUnreachable or EngineBusy (retry later, not the fault of the item), ModelMissing or EngineError
(stop: retrying does not help), or AnswerRejected (this item failed).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from vidlocal.engines.arrays import Samples, Vectors
from vidlocal.errors import AnswerRejected
from vidlocal.model_answers import ActionAnswer, SceneAnswer
from vidlocal.records import Cue, Provenance
from vidlocal.text import model_key

Capability = Literal["vision", "embedding", "completion"]


class AnswerTruncated(AnswerRejected):
    """The answer reached the token limit."""


class SchemaMismatch(AnswerRejected):
    """The answer violates the JSON schema. Plain sentences may work with this model."""


class ImageRejected(AnswerRejected):
    """An image is unusable for the server. A smaller image may work."""


class RunnerFailed(ImageRejected):
    """The engine of the server failed (HTTP 5xx). Says nothing about the abilities of the model."""


class PromptTooLong(AnswerRejected):
    """The prompt exceeds the context of the model. A shorter prompt may work."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """An installed model of a server.

    `capabilities`: of `Capability`, and `video` for a model that takes frames as a video; None if the server does not
    report them.
    """

    name: str
    digest: str
    capabilities: tuple[str, ...] | None
    size_bytes: int

    @property
    def key(self) -> str:
        """Key of stored vectors, `name@digest12`: vectors of two builds are never compared."""
        return model_key(self.name, self.digest)


@dataclass(frozen=True, slots=True)
class Usage:
    """Generated tokens, and the seconds of their generation by the server; 0 if unknown."""

    tokens: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.tokens + other.tokens, self.seconds + other.seconds)

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(self.tokens - other.tokens, self.seconds - other.seconds)


@dataclass(frozen=True, slots=True)
class Speech:
    """A transcript: language (ISO 639-1, None without speech), cues of speech and of other sounds, each in order.

    `end`: end of the transcribed part in seconds, None for all. The rest is better transcribed with what follows.
    """

    language: str | None
    cues: tuple[Cue, ...]
    sounds: tuple[Cue, ...] = ()
    end: float | None = None


class VisionEngine(Protocol):
    """A model for questions about images. Images are JPEG bytes."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    @property
    def num_ctx(self) -> int:
        """Context size in tokens, for question and answer together."""
        ...

    def provenance(self, *, plain: bool = False) -> Provenance:
        """Return engine, model, digest and prompt version of descriptions."""
        ...

    def sequence_provenance(self, *, plain: bool = False) -> Provenance:
        """Return engine, model, digest and prompt version of answers about sequences."""
        ...

    def describe(self, jpeg: bytes, *, plain: bool = False, attempt: int = 0) -> SceneAnswer:
        """Describe a scene. `plain` asks for sentences instead of JSON and fills the description only.

        `attempt`: earlier failures with this image. Changes the seed, because the same request fails again.
        """
        ...

    def describe_sequence(
        self, jpegs: Sequence[bytes], question: str, *, plain: bool = False, attempt: int = 0
    ) -> ActionAnswer:
        """Describe the action over several images or a contact sheet, by the wording in `question`."""
        ...

    def ask_image(
        self, jpeg: bytes, question: str, *, more_jpegs: Sequence[bytes] = (), schema: dict[str, object] | None = None
    ) -> str:
        """Ask a question about an image, followed by `more_jpegs`. Returns the raw answer; `schema` forces JSON."""
        ...

    def unload(self) -> None:
        """Free the memory of the model. No-op if the server is unreachable."""
        ...

    @property
    def reloads(self) -> int:
        """Number of times the model was loaded again because the engine failed."""
        ...

    @property
    def usage(self) -> Usage:
        """Tokens of all answers to date."""
        ...

    @property
    def takes_video(self) -> bool:
        """True if the model is known to take several images as a video."""
        ...

    # True if schemas are sent with bounds on the length of answers. Assumed until tested.
    keeps_bounds: bool

    def probe_bounds(self) -> bool:
        """Test if the model keeps bounds; sets and returns `keeps_bounds`."""
        ...


class TextEngine(Protocol):
    """A model for text generation."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    @property
    def num_ctx(self) -> int: ...

    def provenance(self) -> Provenance: ...

    def complete_json(self, prompt: str, schema: Mapping[str, object], *, attempt: int = 0) -> str:
        """Return an answer as JSON text, as close to `schema` as the model can. `attempt` as for VisionEngine."""
        ...

    def complete(self, system: str, prompt: str, *, on_token: Callable[[str], None] | None = None) -> str:
        """Return an answer as plain text. `on_token` gets every piece of the stream."""
        ...

    @property
    def reloads(self) -> int:
        """Number of times the model was loaded again because the engine failed."""
        ...

    # True if schemas are sent with bounds on the length of answers. Assumed until tested.
    keeps_bounds: bool

    def probe_bounds(self) -> bool:
        """Test if the model keeps bounds; sets and returns `keeps_bounds`."""
        ...

    def unload(self) -> None:
        """Free the memory of the model."""
        ...


class EmbedEngine(Protocol):
    """A model for text embeddings."""

    @property
    def key(self) -> str:
        """`name@digest12`, the key of stored vectors."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed documents: one unit row per text, float32, n x d."""
        ...


class ClipEngine(Protocol):
    """A model with one embedding space for images and text. Raises ModelMissing or EngineError."""

    @property
    def key(self) -> str:
        """`name@digest12`, the key of stored vectors."""
        ...

    def embed_images(self, jpegs: Sequence[bytes]) -> Vectors:
        """Embed images (bytes of files): one unit row each, float32, n x d.

        Raises AnswerRejected for the whole batch if an image is unreadable, ImageRejected if the model fails on one.
        """
        ...

    def embed_text(self, text: str) -> Vectors:
        """Embed a text in the space of the images: a unit vector of d float32."""
        ...

    def close(self) -> None:
        """Free the memory of the model."""
        ...


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice in a stretch of audio: start and end of its turns, in seconds, and a unit vector, float32, d."""

    turns: tuple[tuple[float, float], ...]
    vector: Vectors

    @property
    def seconds(self) -> float:
        """Speaking time of the voice."""
        return sum(end - start for start, end in self.turns)


class DiarizationEngine(Protocol):
    """A model for the separation of voices. Raises ModelMissing or EngineError."""

    @property
    def key(self) -> str:
        """`name@digest12`. Vectors with different keys are not comparable."""
        ...

    def diarize(self, samples: Samples) -> tuple[Voice, ...]:
        """Return the voices in a stretch of audio. A voice may be returned as several."""
        ...


@dataclass(frozen=True, slots=True)
class Face:
    """A face in an image.

    `x`, `y`, `width`, `height`: box as fractions of the image, 0 to 1. `size_px`: shorter side of the box. `quality`:
    0 to 1, by size, sharpness and pose. `vector`: unit vector, float32, d; None for a face too small, blurred or turned
    away to be known again.
    """

    x: float
    y: float
    width: float
    height: float
    size_px: float
    quality: float
    vector: "Vectors | None"


@dataclass(frozen=True, slots=True)
class FaceScale:
    """The meaning of the mean cosine between the vectors of two groups of faces.

    From `min_same` on they are one person; from `min_alike` on they may be.
    """

    min_same: float
    min_alike: float


class FaceEngine(Protocol):
    """A model for the detection and recognition of faces. Raises ModelMissing or EngineError."""

    @property
    def key(self) -> str:
        """`name@digest12`. Vectors with different keys are not comparable."""
        ...

    @property
    def scale(self) -> FaceScale: ...

    def find_faces(self, jpeg: bytes) -> tuple[Face, ...]:
        """Return the faces in an image, largest first. Raises AnswerRejected for an unreadable image."""
        ...


class SpeechEngine(Protocol):
    """A model for speech recognition. Times count from sample 0. Raises ModelMissing or EngineError.

    `kind`: program or protocol, for the provenance of passages.
    """

    kind: str

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    def has_speech(self, samples: Samples) -> bool:
        """Return True if anybody speaks, False for noise and music."""
        ...

    def language_probabilities(self, samples: Samples, *, seconds: float = 30.0) -> Mapping[str, float]:
        """Return the probability of each language (ISO 639-1) in the first `seconds`, at most 30."""
        ...

    def transcribe(
        self, samples: Samples, language: str | None, *, prompt: str = "", continues: bool = False
    ) -> Speech:
        """Transcribe at most about 30 s. A `language` of None is detected.

        `prompt`: likely words. `continues`: the samples follow those of the last call.
        """
        ...

    def translate(self, samples: Samples, language: str) -> Speech:
        """Translate speech in a language to English. At most about 30 s."""
        ...
