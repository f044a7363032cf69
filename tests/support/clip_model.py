"""The small CLIP model (tests/assets/pictures), in the place of the model of `setup --pictures`."""

import io
import json
import shutil
from pathlib import Path

from PIL import Image

from vidlocal.engines.clip import clip_files

ASSETS = Path(__file__).parents[1] / "assets" / "pictures"


def place(models: Path, *, build: int = 1) -> Path:
    """Put the model into the models folder. Another `build` is another digest of the same model. The folder again."""
    for part in clip_files.FILES:
        shutil.copytree(ASSETS / part, models / part, dirs_exist_ok=True)
    config = models / clip_files.VISION / "preprocessor_config.json"
    if build != 1:
        config.write_text(json.dumps({**json.loads(config.read_text()), "build": build}))
    seal(models)
    return models


def seal(models: Path) -> None:
    """Store the checksums of the current files as those of the download."""
    for part in clip_files.FILES:
        clip_files.write_checksums(models, part)


def jpeg(colour: str) -> bytes:
    """A picture of a single colour."""
    held = io.BytesIO()
    Image.new("RGB", (320, 180), colour).save(held, "JPEG", quality=90)
    return held.getvalue()
