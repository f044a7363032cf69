"""Model files of whisper.cpp: find a model by name or path and verify the file.

whisper.cpp crashes on a damaged file and downloads a missing one unverified. So it only gets absolute paths of files
verified here.
"""

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vidlocal.engines.model_files import checksum_cache
from vidlocal.errors import EngineError, ModelMissing, SettingsError

# Source: models/README.md of whisper.cpp. None: no checksum is published, so the digest is not compared.
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
_SHORT_NAMES = {"turbo": "large-v3-turbo", "turbo-q5_0": "large-v3-turbo-q5_0", "large": "large-v3"}

_MAGIC = 0x67676D6C  # "ggml", little endian, at the start of whisper models
# Magic, eleven sizes of the network (the first is the vocabulary), and two of the mel filters.
_HEADER = struct.Struct("<I13i")
_VOCABULARY_SIZES = range(51_864, 51_867)  # English only, multilingual, large-v3
_MELS, _FFT = (80, 128), 201
_MIN_SIZE_BYTES = 500_000


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file. `digest`: SHA-256 in hex. `warning`: a sentence about an unexpected checksum."""

    name: str
    path: Path
    digest: str
    warning: str | None = None


def full_whisper_name(name: str) -> str:
    """Return the full name for a short name such as `turbo`. Raises SettingsError."""
    full = _SHORT_NAMES.get(name, name)
    if full not in WHISPER_SHA1:
        raise SettingsError(f"Unknown Whisper model {name!r}. Models: {', '.join(('turbo', *WHISPER_NAMES))}.")
    return full


def whisper_file_name(name: str) -> str:
    """Return the published file name of a model, used locally, too."""
    return f"ggml-{name}.bin"


def whisper_model(name: str, folder: Path) -> ModelFile:
    """Find and verify a model by name in the models folder, or by path (with a slash, or ending in `.bin`).

    The checksum is cached until the file changes. Raises ModelMissing for a missing file, EngineError for a damaged
    one, SettingsError for an unknown name.
    """
    path = _model_path(name, folder)
    if not os.path.isfile(path):
        raise _model_missing(name, path)
    _check_header(path)
    checksums = checksum_cache.cached_checksums(path, folder)
    expected = WHISPER_SHA1.get(name)
    warning = None
    if expected is not None and checksums["sha1"] != expected:
        warning = f"{path}: not the published file of the Whisper model {name} (another checksum)"
    return ModelFile(model_name(name), path, checksums["sha256"], warning)


def model_name(name: str) -> str:
    """Return the name stored with transcripts for a name or path of a model."""
    return name if name in WHISPER_SHA1 else Path(name).stem.removeprefix("ggml-") if _is_path(name) else name


def sha1(path: Path, cache_folder: Path) -> str:
    """Return the SHA-1 of a model file in hex, cached in `cache_folder` until the file changes."""
    return checksum_cache.cached_checksums(path, cache_folder)["sha1"]


def _model_path(name: str, folder: Path) -> Path:
    if name in WHISPER_SHA1:
        return (folder / whisper_file_name(name)).absolute()
    if _is_path(name):
        return Path(os.path.expanduser(name)).absolute()
    quantised = (folder / whisper_file_name(name)).absolute()  # such as small-q5_1, added by the user
    if os.path.isfile(quantised):
        return quantised
    raise SettingsError(
        f"Unknown Whisper model {name!r}. Use the path of a file, or one of {', '.join(WHISPER_NAMES)}."
    )


def _is_path(name: str) -> bool:
    return os.sep in name or name.endswith(".bin")


def _model_missing(name: str, path: Path) -> ModelMissing:
    if name in WHISPER_SHA1:
        return ModelMissing(f"Whisper model {name} is not installed. Run: vidlocal setup")
    return ModelMissing(f"{path}: Whisper model not found. Choose another with --whisper-model, or run: vidlocal setup")


def _check_header(path: Path) -> None:
    """Raise EngineError for a file too short or with a wrong header, such as a web page saved as a model."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEADER.size)
        size_bytes = path.stat().st_size
    except OSError as error:
        raise EngineError(f"{path}: cannot read the Whisper model ({error.strerror}).") from error
    magic, vocabulary, *_, mels, fft = _HEADER.unpack(head.ljust(_HEADER.size, b"\0"))
    has_valid_sizes = vocabulary in _VOCABULARY_SIZES and mels in _MELS and fft == _FFT
    if magic != _MAGIC or not has_valid_sizes or size_bytes < _MIN_SIZE_BYTES:
        raise EngineError(f"{path}: not a complete whisper.cpp model. Delete the file. Run: vidlocal setup")
