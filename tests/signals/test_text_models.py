"""The sessions of the text models."""

import subprocess
import sys

# In a process of its own: for the calling thread, the first session of a process decides about denormal numbers.
_SCRIPT = """
import numpy as np
from vidlocal.signals.text_models import TextDetector
from vidlocal.signals.text_regions import Region

denormal = np.array([1e-40], dtype=np.float32)
before = (denormal * np.float32(1.0))[0] > 0
TextDetector(threads=1).detect(np.zeros((224, 320, 3), dtype=np.uint8), Region(0, 0, 320, 224), (1.0, 1.0))
print(before, (denormal * np.float32(1.0))[0] == 0)
"""


def test_denormal_numbers_are_zero_in_detection() -> None:
    """The weights of the detector have such numbers; many processors are four times slower with them."""
    command = [sys.executable, "-c", _SCRIPT]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == ["True", "True"]
