"""Model folders of transformers: location, name, size and fingerprint. Light imports only.

A folder has a `config.json` and weights in safetensors. Weights in pickle files (.bin) are refused: they can run code.
"""

import hashlib
import json
import math
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vidlocal.errors import EngineError, ModelMissing
from vidlocal.installation import extra_command

NOT_INSTALLED = f"Models in process need PyTorch and transformers. Run: {extra_command('transformers')}"
# Folder of downloaded models in the models folder.
FOLDER = "transformers"
CONFIG = "config.json"

_INDEX = "model.safetensors.index.json"
_WEIGHTS = "model.safetensors"
_HEADER_LENGTH = struct.Struct("<Q")
_MAX_HEADER_BYTES = 64 << 20
# Bytes of each weight file in the fingerprint, at its start, middle and end.
_SAMPLE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A complete model. `parameters`: number of weights; `size_bytes`: of their files; `digest`: a fingerprint."""

    path: Path
    name: str
    parameters: int
    size_bytes: int
    digest: str


def is_installed() -> bool:
    """True if the packages of the extra are installed."""
    return find_spec("torch") is not None and find_spec("transformers") is not None


def find_model(reference: str, models_folder: Path, hub_cache: Path) -> ModelFolder:
    """Return the model of a folder, or of a name such as `Salesforce/blip2-opt-2.7b`.

    A name is looked up in the models folder, then in the cache of Hugging Face. Raises ModelMissing, or EngineError for
    an incomplete or unusable model.
    """
    folder = Path(os.path.expanduser(reference))
    if (folder / CONFIG).is_file():
        return read_folder(folder.absolute())
    is_path = folder.is_absolute() or reference.startswith(("~", "."))
    if not is_path:
        for candidate in (downloaded_folder(reference, models_folder), _cached_folder(reference, hub_cache)):
            if candidate is not None and (candidate / CONFIG).is_file():
                return read_folder(candidate)
        raise ModelMissing(f"{reference} is not on this machine. Run: vidlocal setup --transformers {reference}")
    problem = f"no {CONFIG} in it" if folder.is_dir() else "folder not found"
    raise ModelMissing(f"{reference}: {problem}. Name the folder of a model of transformers, or its name.")


def downloaded_folder(name: str, models_folder: Path) -> Path:
    """Return the folder of a model downloaded by `setup`."""
    return models_folder / FOLDER / name.replace("/", "--")


def read_folder(folder: Path) -> ModelFolder:
    """Read the sizes of a model. Raises EngineError for an incomplete model or weights outside of safetensors."""
    name = _name(folder)
    files = _weight_files(folder, name)
    missing = next((file.name for file in files if not file.is_file()), None)
    if missing is not None:
        raise EngineError(f"{name}: incomplete, {missing} is missing in {folder}. Download the model again.")
    size_bytes = sum(file.stat().st_size for file in files)
    return ModelFolder(
        folder, name, sum(_parameters(file, name) for file in files), size_bytes, _fingerprint(folder, files)
    )


def _cached_folder(name: str, hub_cache: Path) -> Path | None:
    """Return the snapshot of the main branch in the cache of huggingface_hub."""
    repository = hub_cache / f"models--{name.replace('/', '--')}"
    try:
        commit = (repository / "refs" / "main").read_text("ascii").strip()
    except (OSError, ValueError):
        return None
    return repository / "snapshots" / commit


def _name(folder: Path) -> str:
    """Return the name of a model by its folder, in all layouts above."""
    if folder.parent.name == "snapshots" and folder.parent.parent.name.startswith("models--"):
        return folder.parent.parent.name.removeprefix("models--").replace("--", "/")
    return folder.name.replace("--", "/")


def _weight_files(folder: Path, name: str) -> Sequence[Path]:
    if (folder / _WEIGHTS).is_file():
        return [folder / _WEIGHTS]
    try:
        shards = json.loads((folder / _INDEX).read_text("utf-8"))["weight_map"].values()
        return [folder / Path(str(shard)).name for shard in sorted(set(shards))]
    except OSError:
        pass
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EngineError(f"{name}: {_INDEX} is damaged in {folder}. Download the model again.") from error
    pickled = next(folder.glob("*.bin"), None)
    reason = f"{pickled.name} is a pickle, which can run code" if pickled else f"no {_WEIGHTS}"
    raise EngineError(f"{name}: no weights in safetensors in {folder} ({reason}). Choose another build of the model.")


def _parameters(file: Path, name: str) -> int:
    """Count the weights of a file by its header: a length, and a JSON object of tensors with shapes."""
    try:
        with file.open("rb") as opened:
            (length,) = _HEADER_LENGTH.unpack(opened.read(_HEADER_LENGTH.size))
            if length > _MAX_HEADER_BYTES:
                raise ValueError
            tensors = json.loads(opened.read(length))
        return sum(math.prod(entry["shape"]) for key, entry in tensors.items() if key != "__metadata__")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, struct.error) as error:
        raise EngineError(f"{name}: {file} is damaged. Download the model again.") from error


def _fingerprint(folder: Path, files: Sequence[Path]) -> str:
    """Return a digest of the configuration and of samples of the weights: hashing 15 GB would take minutes."""
    digest = hashlib.blake2s((folder / CONFIG).read_bytes())
    for file in files:
        size = file.stat().st_size
        digest.update(f"{file.name} {size}".encode())
        with file.open("rb") as opened:
            for position in (0, size // 2, max(0, size - _SAMPLE_BYTES)):
                opened.seek(position)
                digest.update(opened.read(_SAMPLE_BYTES))
    return digest.hexdigest()
