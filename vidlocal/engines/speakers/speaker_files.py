"""The models for speakers: speech segmentation and voice vectors, in the models folder.

Segmentation finds the turns of up to three voices within 10 s, also simultaneous ones. The other model turns the
sound of a voice into a vector, by which it is known again.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vidlocal.engines.model_files import checksum_cache
from vidlocal.engines.model_files.published import PublishedModel
from vidlocal.errors import ModelMissing
from vidlocal.installation import extra_command
from vidlocal.text import model_key

NAME = "speakers"
SEGMENTATION = "speaker-segmentation.onnx"
EMBEDDING = "speaker-embedding.onnx"

NOT_INSTALLED = f"Speakers need the package sherpa-onnx. Run: {extra_command('speakers')}"
NOT_DOWNLOADED = "The models for speakers are not installed. Run: vidlocal setup --speakers"


PUBLISHED: Mapping[str, PublishedModel] = {
    SEGMENTATION: PublishedModel(
        "pyannote segmentation 3.0",
        "MIT",
        "https://huggingface.co/csukuangfj/sherpa-onnx-pyannote-segmentation-3-0/resolve/"
        "9403a6902bb58e3d5ae8c7e77c3422de279db2e0/model.onnx",
        "220ad67ca923bef2fa91f2390c786097bf305bceb5e261d4af67b38e938e1079",
        5_992_913,
    ),
    EMBEDDING: PublishedModel(
        "3D-Speaker CAM++",
        "Apache-2.0",
        "https://github.com/k2-fsa/sherpa-onnx/releases/download/speaker-recongition-models/"
        "3dspeaker_speech_campplus_sv_zh_en_16k-common_advanced.onnx",
        "aa3cfc16963a10586a9393f5035d6d6b57e98d358b347f80c2a30bf4f00ceba2",
        28_300_000,
    ),
}


@dataclass(frozen=True, slots=True)
class SpeakerModels:
    """The installed models. Vectors of models with different keys are not comparable."""

    segmentation: Path
    embedding: Path
    key: str


def is_installed() -> bool:
    """Return True if the extra `vidlocal[speakers]` is installed."""
    try:
        return find_spec("sherpa_onnx") is not None
    except (ImportError, ValueError):  # the import is blocked
        return False


def speaker_models(folder: Path) -> SpeakerModels:
    """Find the models in the models folder. Other models of the same kind may stand in their place.

    Raises ModelMissing if a model or the extra is not installed.
    """
    if not is_installed():
        raise ModelMissing(NOT_INSTALLED)
    files = {name: (folder / name).absolute() for name in PUBLISHED}
    if not all(file.is_file() for file in files.values()):
        raise ModelMissing(NOT_DOWNLOADED)
    checksums = "".join(checksum_cache.cached_checksums(file, folder)["sha256"] for file in files.values())
    digest = hashlib.sha256(checksums.encode()).hexdigest()
    return SpeakerModels(files[SEGMENTATION], files[EMBEDDING], model_key(NAME, digest))
