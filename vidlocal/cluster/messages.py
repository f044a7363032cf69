"""Calls of engines on another machine, and their results, as bytes.

Both are pickles of plain data: `decode` builds the classes of ALLOWED and nothing else, so that neither side can make
the other one run code.
"""

import io
import pickle
from dataclasses import dataclass, field
from typing import Any

from vidlocal import errors, records
from vidlocal.engines import base
from vidlocal.errors import EngineBusy, EngineError, EngineUnreachable, VidlocalError
from vidlocal.records import FrameDraft, Probe

# Module and name of a class or function.
Name = tuple[str, str]

_CLASSES = {
    "vidlocal.cluster.messages": ("Call", "Result", "Failure", "Models", "Offer", "OfferedModel", "SampledFile"),
    "vidlocal.engines.base": ("Usage", "Speech", "Voice"),
    "vidlocal.geography": ("GeoPoint", "Place"),
    "vidlocal.model_answers": ("SceneAnswer", "ActionAnswer"),
    # Values without behaviour, all of them.
    records.__name__: tuple(
        name for name, kind in vars(records).items() if isinstance(kind, type) and kind.__module__ == records.__name__
    ),
    "vidlocal.signals.screen_text": ("ScreenText",),
    "vidlocal.video_metadata": ("VideoMetadata",),
    "builtins": ("frozenset", "set"),
    # Arrays, under the names of numpy 2 and 1.
    "numpy": ("ndarray", "dtype"),
    "numpy._core.multiarray": ("_reconstruct",),
    "numpy.core.multiarray": ("_reconstruct",),
    "numpy._core.numeric": ("_frombuffer",),
    "numpy.core.numeric": ("_frombuffer",),
    "_codecs": ("encode",),
}
ALLOWED: frozenset[Name] = frozenset((module, name) for module, names in _CLASSES.items() for name in names)

_ERRORS = {
    kind.__name__: kind
    for module in (errors, base)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, VidlocalError)
}


_NO_USAGE = base.Usage()


@dataclass(frozen=True, slots=True)
class Models:
    """Model names of the owner of the library, and the context size for models on servers."""

    vision: str
    text: str
    embedding: str
    speech: str
    num_ctx: int
    keep_alive: str


@dataclass(frozen=True, slots=True)
class Call:
    """A method call of an engine. `engine`: role such as vision or ocr; `identity`: required build, empty for any."""

    engine: str
    method: str
    models: Models
    identity: str = ""
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """The returned value; `reloads` and `usage` of the engine to date."""

    value: object
    reloads: int = 0
    usage: base.Usage = _NO_USAGE


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception: name of its class, sentence, and seconds until a retry (EngineBusy)."""

    kind: str
    message: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model of a machine. `identity`: build; `slots`: parallel requests, None if the server does not tell."""

    name: str
    digest: str
    identity: str
    num_ctx: int = 0
    kind: str = ""
    slots: int | None = 1
    keeps_bounds: bool = True
    takes_video: bool = False
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Offer:
    """Engines of a machine by role, and a sentence for each missing engine.

    `versions`: of vidlocal and of the prompts, which must equal those of the owner.
    """

    versions: tuple[str, ...]
    models: dict[str, OfferedModel]
    missing: dict[str, str]


@dataclass(frozen=True, slots=True)
class SampledFile:
    """A file with its frames; none for photos and audio files."""

    probe: Probe
    drafts: tuple[FrameDraft, ...]


def encode(message: Call | Result | Failure) -> bytes:
    """Encode a message."""
    return pickle.dumps(message, protocol=5)


def decode(data: bytes) -> object:
    """Decode a message. Raises EngineError for anything but the data of calls and results."""
    try:
        return _DataUnpickler(io.BytesIO(data)).load()
    except (pickle.UnpicklingError, ValueError, TypeError, AttributeError, EOFError, IndexError, KeyError) as error:
        raise EngineError(f"Another machine of the cluster sent an invalid message. {error}") from error


def failure_of(error: Exception) -> Failure:
    """Convert an exception to a failure; other classes than VidlocalError count as EngineError."""
    if isinstance(error, EngineBusy):
        return Failure("EngineBusy", str(error), error.retry_after)
    if isinstance(error, VidlocalError) and type(error).__name__ in _ERRORS:
        return Failure(type(error).__name__, str(error))
    return Failure("EngineError", f"{type(error).__name__}: {error}")


def raise_failure(failure: Failure, machine: str) -> None:
    """Raise the exception of a failure, with the name of the machine."""
    kind = _ERRORS.get(failure.kind, EngineError)
    message = f"{machine}: {failure.message}"
    if kind is EngineBusy:
        raise EngineBusy(message, retry_after=failure.retry_after)
    if kind is EngineUnreachable or issubclass(kind, VidlocalError):
        raise kind(message)
    raise EngineError(message)


class _DataUnpickler(pickle.Unpickler):
    """Builds plain data only."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is no data")
        return super().find_class(module, name)
