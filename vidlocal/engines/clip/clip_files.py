"""Model files of CLIP ViT-B/32 in the layout of fastembed: a folder for images, a folder for text.

Each folder has a SHA256SUMS in the format of `sha256sum`. `setup --pictures` writes it last, so files without it are
incomplete, and files with other checksums are damaged. For files installed by hand, run:
`sha256sum *.json *.onnx > SHA256SUMS`.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vidlocal.engines.model_files import checksum_cache
from vidlocal.errors import EngineError, ModelMissing
from vidlocal.installation import extra_command
from vidlocal.text import model_key

NAME = "clip-vit-b32"
VISION, TEXT = "clip-ViT-B-32-vision", "clip-ViT-B-32-text"
WEIGHTS = "model.onnx"
SUMS = "SHA256SUMS"

NOT_INSTALLED = f"Image search needs the package fastembed. Run: {extra_command('pictures')}"
NOT_DOWNLOADED = "The CLIP model is not installed. Run: vidlocal setup --pictures"

# Required files of each folder.
FILES: Mapping[str, Sequence[str]] = {
    VISION: ("preprocessor_config.json", WEIGHTS),
    TEXT: ("config.json", "special_tokens_map.json", "tokenizer_config.json", "tokenizer.json", WEIGHTS),
}


@dataclass(frozen=True, slots=True)
class PublishedPart:
    """The pinned revision of a part, the checksum of the weights, and the approximate size."""

    revision: str
    weights_sha256: str
    size_bytes: int


# Source: pages of these revisions below huggingface.co/Qdrant.
PUBLISHED: Mapping[str, PublishedPart] = {
    VISION: PublishedPart(
        "c0e5444235f6862180c7001a9aa8332426bc1781",
        "c68d3d9a200ddd2a8c8a5510b576d4c94d1ae383bf8b36dd8c084f94e1fb4d63",
        352_000_000,
    ),
    TEXT: PublishedPart(
        "371054a536db792542756cade10bec4d25eddb2d",
        "4dbe762b11e36488304471e439cde89da053ad7acaddbf9e096745d142ec8d8b",
        256_000_000,
    ),
}

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


@dataclass(frozen=True, slots=True)
class ClipModel:
    """A verified model. `digest` covers the image part: a change invalidates all image vectors.

    `folder` is the models folder.
    """

    digest: str
    folder: Path
    name: str = NAME

    @property
    def key(self) -> str:
        return model_key(self.name, self.digest)


def is_installed() -> bool:
    """True if the extra `vidlocal[pictures]` is installed. Avoids the slow import of fastembed."""
    try:
        return find_spec("fastembed") is not None
    except (ImportError, ValueError):  # the import is blocked
        return False


def clip_model(folder: Path) -> ClipModel:
    """Verify the model in the models folder.

    Raises ModelMissing if the model or the extra is not installed, EngineError for a missing or damaged file.
    """
    if not is_installed():
        raise ModelMissing(NOT_INSTALLED)
    checksums = {part: _verify(folder, part) for part in FILES}
    lines = "\n".join(f"{checksums[VISION][name]}  {name}" for name in FILES[VISION])
    return ClipModel(hashlib.sha256(lines.encode()).hexdigest(), folder.absolute())


def write_checksums(folder: Path, part: str) -> None:
    """Write SHA256SUMS for the downloaded files of a part. Raises EngineError for an invalid file."""
    part_folder = folder / part
    for name in FILES[part]:
        if name.endswith(".json"):
            _require_json(part_folder / name)
    lines = []
    for name in FILES[part]:
        checksums = checksum_cache.cached_checksums((part_folder / name).absolute(), folder)
        lines.append(f"{checksums['sha256']}  {name}\n")
    draft = part_folder / f".{SUMS}"
    draft.write_text("".join(lines), "utf-8")
    os.replace(draft, part_folder / SUMS)


def _verify(folder: Path, part: str) -> Mapping[str, str]:
    """Compare the files of a part with SHA256SUMS. Returns the SHA-256 by file name."""
    part_folder = (folder / part).absolute()
    expected = _read_checksums(part_folder / SUMS)
    for name in FILES[part]:
        file = part_folder / name
        if name not in expected or not file.is_file():
            raise EngineError(f"CLIP: {part}/{name} not found. Run: vidlocal setup --pictures")
        if checksum_cache.cached_checksums(file, folder)["sha256"] != expected[name]:
            raise EngineError(f"{file}: damaged (wrong checksum). Run: vidlocal setup --pictures")
    return expected


def _read_checksums(path: Path) -> Mapping[str, str]:
    """Parse SHA256SUMS. Raises ModelMissing if the file does not exist."""
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except OSError as error:
        raise ModelMissing(NOT_DOWNLOADED) from error
    matches = (_LINE.fullmatch(line) for line in lines)
    return {match[2]: match[1] for match in matches if match is not None}


def _require_json(path: Path) -> None:
    """Delete a file with invalid JSON and raise EngineError."""
    try:
        json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        path.unlink(missing_ok=True)
        raise EngineError(f"{path.name}: the downloaded file is not JSON. Run: vidlocal setup --pictures") from error
