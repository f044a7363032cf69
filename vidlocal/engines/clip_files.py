"""The model of pictures as files: CLIP ViT-B/32 as fastembed lays it out, a folder for pictures and one for words.

In each folder lies SHA256SUMS, in the form of the program sha256sum: `setup --pictures` writes it last, so that what
has one was fetched whole, and what does not fit it is damaged. Whoever puts files there himself makes it himself:
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

from vidlocal.engines import checksum_cache
from vidlocal.errors import EngineError, ModelMissing

NAME = "clip-vit-b32"
VISION, TEXT = "clip-ViT-B-32-vision", "clip-ViT-B-32-text"
WEIGHTS = "model.onnx"
SUMS = "SHA256SUMS"

NOT_INSTALLED = 'Looking at pictures needs one more package. Run: pip install "vidlocal[pictures]"'
NOT_DOWNLOADED = "The model that looks at pictures is not on this machine yet. Run: vidlocal setup --pictures"

# The files of each folder that are needed.
FILES: Mapping[str, Sequence[str]] = {
    VISION: ("preprocessor_config.json", WEIGHTS),
    TEXT: ("config.json", "special_tokens_map.json", "tokenizer_config.json", "tokenizer.json", WEIGHTS),
}


@dataclass(frozen=True, slots=True)
class PublishedPart:
    """A part as it is published: one revision for good, the checksum of its weights, and its size, about."""

    revision: str
    weights_sha256: str
    size_bytes: int


# As the pages of these revisions below huggingface.co/Qdrant state them.
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
    """A model whose files are whole. `digest` is of what turns pictures into vectors: with another, all are made anew.

    `folder` is the models folder.
    """

    digest: str
    folder: Path
    name: str = NAME

    @property
    def key(self) -> str:
        return f"{self.name}@{self.digest[:12]}"


def is_installed() -> bool:
    """Whether the extra `vidlocal[pictures]` is. Looked at from outside: importing it takes seconds."""
    try:
        return find_spec("fastembed") is not None
    except (ImportError, ValueError):  # somebody keeps it from being imported
        return False


def clip_model(folder: Path) -> ClipModel:
    """The checked model in the models folder. Raises ModelMissing when it, or the extra, is not there, EngineError
    when a file is damaged."""
    if not is_installed():
        raise ModelMissing(NOT_INSTALLED)
    found = {part: _checked(folder, part) for part in FILES}
    told = "\n".join(f"{found[VISION][name]}  {name}" for name in FILES[VISION])
    return ClipModel(hashlib.sha256(told.encode()).hexdigest(), folder.absolute())


def write_checksums(folder: Path, part: str) -> None:
    """Write down the checksums of files that were just fetched. Raises EngineError for one that cannot be right."""
    place = folder / part
    for name in FILES[part]:
        if name.endswith(".json"):
            _require_json(place / name)
    lines = [
        f"{checksum_cache.cached_checksums((place / name).absolute(), folder)['sha256']}  {name}\n"
        for name in FILES[part]
    ]
    draft = place / f".{SUMS}"
    draft.write_text("".join(lines), "utf-8")
    os.replace(draft, place / SUMS)


def _checked(folder: Path, part: str) -> Mapping[str, str]:
    """The checksums of the files of a part, each as it was when it was fetched."""
    place = (folder / part).absolute()
    listed = _listed(place / SUMS)
    for name in FILES[part]:
        if name not in listed or not (place / name).is_file():
            raise EngineError(f"The model that looks at pictures lacks {part}/{name}. Run: vidlocal setup --pictures")
        if checksum_cache.cached_checksums(place / name, folder)["sha256"] != listed[name]:
            raise EngineError(
                f"The model that looks at pictures is damaged: {place / name} is not what was fetched. "
                "Run: vidlocal setup --pictures"
            )
    return listed


def _listed(path: Path) -> Mapping[str, str]:
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except OSError as error:
        raise ModelMissing(NOT_DOWNLOADED) from error
    found = (_LINE.fullmatch(line) for line in lines)
    return {line[2]: line[1] for line in found if line is not None}


def _require_json(path: Path) -> None:
    try:
        json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        path.unlink(missing_ok=True)
        raise EngineError(f"What came as {path.name} is no JSON. Run vidlocal setup --pictures again later.") from error
