"""Models of Hugging Face for transformers: their files, sizes and licence. Only `vidlocal setup` uses this module."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vidlocal.engines.model_files.download import READ_TIMEOUT_S, open_client
from vidlocal.engines.transformers.transformers_files import CONFIG
from vidlocal.errors import ModelMissing, ToolError

HUB_URL = "https://huggingface.co"

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
# Configuration, tokenizer and weights. No code, and no weights in pickle files.
_FILES = re.compile(
    r"[\w.-]+\.json|[\w.-]+\.jinja|tokenizer\.model|spiece\.model|merges\.txt|vocab\.txt"
    r"|model(-\d{5}-of-\d{5})?\.safetensors"
)


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a model. `sha256`: None for small files."""

    name: str
    size_bytes: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model with its pinned revision, licence and necessary files, `config.json` last."""

    name: str
    revision: str
    licence: str
    files: tuple[HubFile, ...]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


def list_model(name: str, *, hub_url: str = HUB_URL) -> HubModel:
    """Ask Hugging Face for a model. Raises ModelMissing for an unusable or unknown model, ToolError without network."""
    if not _NAME.fullmatch(name):
        raise ModelMissing(f"{name}: not the name of a model. Example: llava-hf/llava-1.5-7b-hf")
    data = _get_json(f"{hub_url}/api/models/{name}?blobs=true", name)
    siblings, revision = data.get("siblings"), data.get("sha")
    if not isinstance(siblings, list) or not isinstance(revision, str) or not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise ToolError(f"{name}: invalid answer of {hub_url}. Try again later.")
    files = [_file(entry) for entry in siblings if isinstance(entry, Mapping)]
    needed = [file for file in files if _FILES.fullmatch(file.name)]
    if CONFIG not in {file.name for file in needed} or not any(file.name.endswith(".safetensors") for file in needed):
        raise ModelMissing(f"{name} has no {CONFIG} or no weights in safetensors. Choose another model.")
    needed.sort(key=lambda file: (file.name == CONFIG, file.size_bytes))
    return HubModel(name, revision, _licence(data), tuple(needed))


def _get_json(url: str, name: str) -> Mapping[str, Any]:
    import httpx

    try:
        with open_client(READ_TIMEOUT_S) as client:
            response = client.get(url)
    except httpx.HTTPError as error:
        raise ToolError(f"{name}: no connection to {url.split('/')[2]} ({type(error).__name__}). Try again.") from error
    if response.status_code in (401, 403, 404):
        raise ModelMissing(f"{name}: unknown to Hugging Face, or only for members who accepted its licence.")
    try:
        data = response.json() if response.status_code == 200 else None
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, Mapping):
        raise ToolError(
            f"{name}: invalid answer of {url.split('/')[2]} (HTTP {response.status_code}). Try again later."
        )
    return data


def _file(entry: Mapping[str, Any]) -> HubFile:
    stored = entry.get("lfs")
    digest = str(stored.get("sha256") or "") if isinstance(stored, Mapping) else ""
    size = entry.get("size")
    return HubFile(
        str(entry.get("rfilename") or ""),
        size if isinstance(size, int) and size > 0 else 0,
        digest if re.fullmatch(r"[0-9a-f]{64}", digest) else None,
    )


def _licence(data: Mapping[str, Any]) -> str:
    """Return the licence of the model card, "not stated" without."""
    tags: Sequence[object] = data["tags"] if isinstance(data.get("tags"), list) else ()
    names = [str(tag).removeprefix("license:") for tag in tags if str(tag).startswith("license:")]
    return names[0] if names and names[0].isprintable() else "not stated"
