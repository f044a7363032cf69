"""Voices for the made models of speakers (tests/assets/speakers): tones of a pitch."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.support.speech import RATE_HZ, Samples

MODELS = Path(__file__).parents[1] / "assets" / "speakers"

LOW_HZ, HIGH_HZ, HIGHEST_HZ = 300.0, 2500.0, 5000.0


def place(folder: Path) -> Path:
    """Put the made models into a models folder. The folder again."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in MODELS.glob("*.onnx"):
        shutil.copy(file, folder / file.name)
    return folder


def tones(placed: Sequence[tuple[float, float, float]], *, seconds: float) -> Samples:
    """Sound with tones: start and end in seconds, and pitch."""
    sound = np.zeros(round(seconds * RATE_HZ), dtype=np.float32)
    for start, end, hz in placed:
        times = np.arange(round(start * RATE_HZ), round(end * RATE_HZ))
        sound[times] += (0.3 * np.sin(2 * np.pi * hz * times / RATE_HZ)).astype(np.float32)
    return sound
