"""Whisper models as files: from the name of a model to a file that is known to be whole.

whisper.cpp dies on a damaged model file and downloads a missing one by itself, unchecked. So it is only ever
given the absolute path of a file that was looked at here.
"""

import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vidlocal.engines import checksum_cache
from vidlocal.errors import EngineError, ModelMissing, SettingsError

# From models/README.md of whisper.cpp. For the names without one the digest is only kept, not compared.
WHISPER_SHA1: Mapping[str, str | None] = {
    "tiny": "bd577a113a864445d4c299885e0cb97d4ba92b5f",
    "tiny.en": "c78c86eb1a8faa21b369bcd33207cc90d64ae9df",
    "base": "465707469ff3a37a2b9b8d8f89f2f99de7299dac",
    "base.en": "137c40403d78fd54d454da0f9bd998f78703390c",
    "small": "55356645c2b361a969dfd0ef2c5a50d530afd8d5",
    "small.en": "db8a495a91d927739e50b3fc1cc4c6b8f6c2d022",
    "medium": "fd9727b6e1217c2f614f9b698455c4ffd82463b4",
    "medium.en": None,
    "large-v1": None,
    "large-v2": None,
    "large-v3": "ad82bf6a9043ceed055076d0fd39f5f186ff8062",
    "large-v3-q5_0": "e6e2ed78495d403bef4b7cff42ef4aaadcfea8de",
    "large-v3-turbo": "4af2b29d7ec73d781377bfd1758ca957a807e941",
    "large-v3-turbo-q5_0": "e050f7970618a659205450ad97eb95a18d69c9ee",
}
WHISPER_NAMES = tuple(WHISPER_SHA1)

_MAGIC = 0x67676D6C  # "ggml", little endian, at the start of whisper and VAD models alike
# Magic, eleven sizes of the network of which the first is its vocabulary, and the two of its mel filters.
_HEADER = struct.Struct("<I13i")
_VOCABULARIES = range(51_864, 51_867)  # English only, multilingual, large-v3
_MELS, _FFT = (80, 128), 201
_SMALLEST_BYTES = 500_000
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A whole model file. `digest` is the SHA-256 of its bytes in hexadecimal."""

    name: str
    path: Path
    digest: str


def whisper_file_name(name: str) -> str:
    """What the file of a named model is called, here and where it is published."""
    return f"ggml-{name}.bin"


def whisper_model(name: str, folder: Path) -> ModelFile:
    """The checked file of a model: by its name in the models folder, or by a path (with a slash, or ending in `.bin`).

    It is read to the end only when it changed since the last time. Raises ModelMissing when it is not there,
    EngineError when it is damaged, SettingsError when there is no model of that name.
    """
    path = _path_of(name, folder)
    if not path.is_file():
        raise ModelMissing(_missing(name, path))
    _check_header(path)
    sums = checksum_cache.cached_checksums(path, folder)
    expected = WHISPER_SHA1.get(name)
    if expected is not None and sums["sha1"] != expected:
        raise EngineError(
            f"The file of the whisper model {name} is damaged: {path} has another checksum than was published. "
            "Delete it and run: vidlocal setup"
        )
    return ModelFile(name if name in WHISPER_SHA1 else path.stem.removeprefix("ggml-"), path, sums["sha256"])


def vad_model(folder: Path) -> Path | None:
    """The newest voice-activity model in the models folder; None when there is none that is whole."""
    found = [path for path in folder.glob("ggml-silero-*.bin") if path.is_file() and _is_vad(path)]
    return max(found, key=lambda path: path.name).absolute() if found else None


def _path_of(name: str, folder: Path) -> Path:
    if name in WHISPER_SHA1:
        return (folder / whisper_file_name(name)).absolute()
    if os.sep in name or name.endswith(".bin"):
        return Path(name).expanduser().absolute()
    quantised = (folder / whisper_file_name(name)).absolute()  # such as small-q5_1, put there by the user
    if quantised.is_file():
        return quantised
    raise SettingsError(
        f"There is no whisper model called {name!r}. It is one of {', '.join(WHISPER_NAMES)}, or the path of a file."
    )


def _missing(name: str, path: Path) -> str:
    if name in WHISPER_SHA1:
        return f"The whisper model {name} is not on this machine yet. Run: vidlocal setup"
    return f"There is no whisper model file at {path}. Name another one with --whisper-model, or run: vidlocal setup"


def _check_header(path: Path) -> None:
    """What can be told without reading it all: a web page saved as a model, an empty or half-made file."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEADER.size)
        size_bytes = path.stat().st_size
    except OSError as error:
        raise EngineError(f"The whisper model {path} cannot be read: {error.strerror}.") from error
    magic, vocabulary, *_, mels, fft = _HEADER.unpack(head.ljust(_HEADER.size, b"\0"))
    sizes_fit = vocabulary in _VOCABULARIES and mels in _MELS and fft == _FFT
    if magic != _MAGIC or not sizes_fit or size_bytes < _SMALLEST_BYTES:
        raise EngineError(f"{path} is no whisper.cpp model, or only a part of one. Delete it and run: vidlocal setup")


def _is_vad(path: Path) -> bool:
    """Whether a file begins like a silero model: given anything else, whisper.cpp takes noise for sizes and hangs."""
    with suppress(OSError, struct.error), open(path, "rb") as file:
        magic, length = struct.unpack("<Ii", file.read(8))
        return magic == _MAGIC and 0 < length < _LONGEST_NAME and file.read(length).startswith(b"silero")
    return False
