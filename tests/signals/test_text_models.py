"""The sessions of the text models."""

import subprocess
import sys

# In a process of its own: for the calling thread, the first session of a process decides about denormal numbers.
_SCRIPT = """
import sys, time
import numpy as np
import onnxruntime
from vidlocal.signals.text_models import TextDetector, model_path
from vidlocal.signals.text_regions import Region

image = np.random.default_rng(1).integers(0, 256, (224, 320, 3)).astype(np.uint8)
if sys.argv[1] == "own":
    detector = TextDetector(threads=1)
    run = lambda: detector.detect(image, Region(0, 0, 320, 224), (1.0, 1.0))
else:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model_path("det")), options)
    values = image.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1
    run = lambda: session.run(None, {session.get_inputs()[0].name: values})
run()
start = time.process_time()
for _ in range(5):
    run()
print(time.process_time() - start)
"""


def processor_time(kind: str) -> float:
    command = [sys.executable, "-c", _SCRIPT, kind]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_denormal_weights_do_not_slow_detection_down() -> None:
    assert processor_time("own") < 0.6 * processor_time("plain")
