"""Makes the test models for faces, with inputs and outputs of the real models. Needs the package `onnx`.

    python tests/assets/faces/make.py

The "faces" are blue squares of 128 px on a background without blue; red and green are the person.
"""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FOLDER = Path(__file__).parent

SIDE = 128
STRIDES = (8, 16, 32)
DIMENSIONS = 128
# Eyes, nose and corners of the mouth as fractions of the square from its centre.
POINTS = ((-0.18, -0.1), (0.18, -0.1), (0.0, 0.05), (-0.15, 0.2), (0.15, 0.2))
# Mean blue of a square at the edge of being found, and of one found with certainty.
MIN_BLUE, MAX_BLUE = 165.0, 225.0

Weights = dict[str, "NDArray[np.float32] | NDArray[np.int64]"]


def main() -> None:
    _save(_detector(), FOLDER / "face-detector.onnx")
    _save(_recognizer(), FOLDER / "face-recognizer.onnx")


def _detector() -> onnx.GraphProto:
    """Scores, boxes and points at each cell of three grids, like YuNet. Only the coarse grid finds anything."""
    weights: Weights = {
        "blue": np.array([1, 0, 0], dtype=np.float32).reshape(1, 3, 1, 1),
        "one_column": np.array([1, -1, 1], dtype=np.int64),
        "low": np.array(MIN_BLUE, dtype=np.float32),
        "range": np.array(MAX_BLUE - MIN_BLUE, dtype=np.float32),
        "zero": np.array(0, dtype=np.float32),
        "one": np.array(1, dtype=np.float32),
    }
    nodes = [helper.make_node("Conv", ["input", "blue"], ["blueness"], kernel_shape=[1, 1])]
    outputs = []
    for stride in STRIDES:
        size = SIDE if stride == STRIDES[-1] else stride
        padding = (size - stride) // 2
        pooled = {"kernel_shape": [size, size], "strides": [stride, stride], "pads": [padding] * 4}
        nodes += [
            helper.make_node("AveragePool", ["blueness"], [f"mean_{stride}"], count_include_pad=1, **pooled),
            helper.make_node("Reshape", [f"mean_{stride}", "one_column"], [f"flat_{stride}"]),
            helper.make_node("Sub", [f"flat_{stride}", "low"], [f"above_{stride}"]),
            helper.make_node("Div", [f"above_{stride}", "range"], [f"ratio_{stride}"]),
            helper.make_node("Clip", [f"ratio_{stride}", "zero", "one"], [f"certain_{stride}"]),
            helper.make_node("Mul", [f"certain_{stride}", f"scale_{stride}"], [f"cls_{stride}"]),
            helper.make_node("Mul", [f"flat_{stride}", "zero"], [f"nothing_{stride}"]),
            helper.make_node("Add", [f"nothing_{stride}", "one"], [f"obj_{stride}"]),
            helper.make_node("Mul", [f"obj_{stride}", f"box_{stride}"], [f"bbox_{stride}"]),
            helper.make_node("Mul", [f"obj_{stride}", f"points_{stride}"], [f"kps_{stride}"]),
        ]
        side = float(np.log(SIDE / stride))
        weights |= {
            f"scale_{stride}": np.array(float(stride == STRIDES[-1]), dtype=np.float32),
            # From the left upper corner of a cell, in cells: the centre, and the logarithm of the sides.
            f"box_{stride}": np.array([0.5, 0.5, side, side], dtype=np.float32).reshape(1, 1, 4),
            f"points_{stride}": np.array(
                [[[SIDE / stride * value + 0.5 for point in POINTS for value in point]]], dtype=np.float32
            ),
        }
    for name, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
        for stride in STRIDES:
            shape = [1, (640 // stride) ** 2, width]
            outputs.append(helper.make_tensor_value_info(f"{name}_{stride}", TensorProto.FLOAT, shape))
    entry = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 640, 640])
    return helper.make_graph(nodes, "detector", [entry], outputs, _tensors(weights))


def _recognizer() -> onnx.GraphProto:
    """Mean red and green of the aligned face, as the first two of 128 numbers, like SFace."""
    weights: Weights = {
        "centre": np.full((1, 3), 128, dtype=np.float32),
        "row": np.array([1, 3], dtype=np.int64),
        "select": np.eye(3, DIMENSIONS, dtype=np.float32) * np.array([[1], [1], [0]], dtype=np.float32),
    }
    nodes = [
        helper.make_node("GlobalAveragePool", ["data"], ["mean"]),
        helper.make_node("Reshape", ["mean", "row"], ["colour"]),
        helper.make_node("Sub", ["colour", "centre"], ["person"]),
        helper.make_node("MatMul", ["person", "select"], ["fc1"]),
    ]
    entry = helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 112, 112])
    output = helper.make_tensor_value_info("fc1", TensorProto.FLOAT, [1, DIMENSIONS])
    return helper.make_graph(nodes, "recognizer", [entry], [output], _tensors(weights))


def _tensors(weights: Weights) -> list[onnx.TensorProto]:
    return [numpy_helper.from_array(values, name) for name, values in weights.items()]


def _save(graph: onnx.GraphProto, path: Path) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


if __name__ == "__main__":
    main()
