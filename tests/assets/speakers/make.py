"""Makes the test models for speakers, with inputs and outputs of the real models. Needs the package `onnx`.

    python tests/assets/speakers/make.py

The "voices" are tones: segmentation tells one below 1 kHz from one above, the vector is the loudest of 80 mel bands.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FOLDER = Path(__file__).parent

WINDOW = 160_000
FIELD, SHIFT = 991, 270
CLASSES = 7
BANDS = 80

Weights = dict[str, "NDArray[np.float32] | NDArray[np.int64]"]


def main() -> None:
    segmentation = {
        "num_speakers": 3,
        "powerset_max_classes": 2,
        "num_classes": CLASSES,
        "sample_rate": 16_000,
        "window_size": WINDOW,
        "receptive_field_size": FIELD,
        "receptive_field_shift": SHIFT,
    }
    embedding = {
        "framework": "3d-speaker",
        "language": "tones",
        "sample_rate": 16_000,
        "output_dim": BANDS,
        "normalize_samples": 1,
        "feature_normalize_type": "",
    }
    _save(_segmentation(), FOLDER / "speaker-segmentation.onnx", segmentation)
    _save(_embedding(), FOLDER / "speaker-embedding.onnx", embedding)


def _segmentation() -> onnx.GraphProto:
    """Logits of silence, the low voice, the high voice, and impossible others: n x frames x 7."""
    pooled = {"kernel_shape": [FIELD], "strides": [SHIFT]}
    nodes = [
        helper.make_node("Conv", ["x", "difference"], ["slope"], pads=[1, 0]),
        helper.make_node("Abs", ["x"], ["loud"]),
        helper.make_node("Abs", ["slope"], ["steep"]),
        helper.make_node("AveragePool", ["loud"], ["level"], **pooled),
        helper.make_node("AveragePool", ["steep"], ["high"], **pooled),
        helper.make_node("Mul", ["high", "two"], ["twice"]),
        helper.make_node("Sub", ["level", "twice"], ["low"]),
        helper.make_node("Mul", ["level", "none"], ["zero"]),
        helper.make_node("Add", ["zero", "quiet"], ["silence"]),
        helper.make_node("Sub", ["zero", "one"], ["never"]),
        helper.make_node("Concat", ["silence", "low", "high", *["never"] * 4], ["logits"], axis=1),
        helper.make_node("Transpose", ["logits"], ["y"], perm=[0, 2, 1]),
    ]
    weights: Weights = {
        "difference": np.array([[[-1.0, 1.0]]], dtype=np.float32),
        "none": np.array(0.0, dtype=np.float32),
        "quiet": np.array(0.02, dtype=np.float32),
        "one": np.array(1.0, dtype=np.float32),
        "two": np.array(2.0, dtype=np.float32),
    }
    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, "T"])
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", "F", CLASSES])
    return helper.make_graph(nodes, "segmentation", [entry], [output], _tensors(weights))


def _embedding() -> onnx.GraphProto:
    """Softmax of the mean of the log-mel bands: n x 80."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Softmax", ["mean"], ["embedding"], axis=-1),
    ]
    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "T", BANDS])
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", BANDS])
    return helper.make_graph(nodes, "embedding", [entry], [output], [])


def _tensors(weights: Weights) -> list[onnx.TensorProto]:
    return [numpy_helper.from_array(values, name) for name, values in weights.items()]


def _save(graph: onnx.GraphProto, path: Path, properties: Mapping[str, object]) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    for name, value in properties.items():
        model.metadata_props.add(key=name, value=str(value))
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


if __name__ == "__main__":
    main()
