"""Makes the small CLIP model, in the layout of the real model. Needs the package `onnx`.

A picture becomes its mean colour, and less so the colours of a 4 x 4 grid; a name of a colour becomes that colour. So
"red" finds what is red, and pictures whose colours lie alike are near each other. The other numbers are nought.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

Weights = dict[str, Any]
# Name of the output, nodes, weights and inputs of a graph.
Parts = tuple[str, list[onnx.NodeProto], Weights, list[onnx.ValueInfoProto]]

HERE = Path(__file__).parent
DIMENSIONS, GRID = 512, 48
# What CLIP takes from every colour, and divides by.
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
SPREAD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
GRID_WEIGHT, REST = 0.1, 0.3

COLOURS = {
    "red": (1, 0, 0),
    "green": (0, 0.5, 0),
    "blue": (0, 0, 1),
    "yellow": (1, 1, 0),
    "white": (1, 1, 1),
    "black": (0, 0, 0),
}
START, END = "<|startoftext|>", "<|endoftext|>"
UNKNOWN = "<|unknown|>"


def make() -> None:
    vision, text = HERE / "clip-ViT-B-32-vision", HERE / "clip-ViT-B-32-text"
    for folder in (vision, text):
        folder.mkdir(exist_ok=True)
    onnx.save(_model(*_vision()), str(vision / "model.onnx"))
    onnx.save(_model(*_text()), str(text / "model.onnx"))
    _write(vision / "preprocessor_config.json", _preprocessor())
    _tokenizer().save(str(text / "tokenizer.json"))
    _write(text / "config.json", {"architectures": ["CLIPTextModelWithProjection"], "pad_token_id": 1})
    _write(
        text / "tokenizer_config.json", {"model_max_length": 77, "pad_token": END, "tokenizer_class": "CLIPTokenizer"}
    )
    _write(text / "special_tokens_map.json", {"bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END})


def _vision() -> Parts:
    nodes = [
        helper.make_node("AveragePool", ["pixel_values"], ["grid"], kernel_shape=[56, 56], strides=[56, 56]),
        helper.make_node("GlobalAveragePool", ["pixel_values"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["colour"]),
        helper.make_node("Flatten", ["grid"], ["cells"]),
        helper.make_node("Mul", ["cells", "grid_weight"], ["places"]),
        helper.make_node("Concat", ["colour", "places"], ["known"], axis=1),
        helper.make_node("Pad", ["known", "room"], ["wide"]),
        helper.make_node("Add", ["wide", "rest"], ["image_embeds"]),
    ]
    rest = np.zeros(DIMENSIONS, np.float32)
    rest[-1] = REST  # grey, which is nought to CLIP, is something too
    weights = {
        "grid_weight": np.float32(GRID_WEIGHT),
        "room": np.array([0, 0, 0, DIMENSIONS - 3 - GRID], np.int64),
        "rest": rest,
    }
    entries = [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, 224, 224])]
    return "image_embeds", nodes, weights, entries


def _text() -> Parts:
    nodes = [
        helper.make_node("Gather", ["words", "input_ids"], ["said"], axis=0),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["each"]),
        helper.make_node("Mul", ["said", "each"], ["heard"]),
        helper.make_node("ReduceSum", ["heard", "middle"], ["sum"], keepdims=0),
        helper.make_node("Pad", ["sum", "room"], ["text_embeds"]),
    ]
    words = np.zeros((len(_vocabulary()), 4), np.float32)
    for word, number in _vocabulary().items():
        if word in COLOURS:
            words[number, :3] = (np.array(COLOURS[word], np.float32) - MEAN) / SPREAD
    words[_vocabulary()[START], 3] = 0.1  # a text without colours is something too
    weights = {
        "words": words,
        "last": np.array([2], np.int64),
        "middle": np.array([1], np.int64),
        "room": np.array([0, 0, 0, DIMENSIONS - 4], np.int64),
    }
    entries = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
        for name in ("input_ids", "attention_mask")
    ]
    return "text_embeds", nodes, weights, entries


def _model(
    output: str, nodes: list[onnx.NodeProto], weights: Weights, entries: list[onnx.ValueInfoProto]
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        output,
        entries,
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", DIMENSIONS])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return made


def _vocabulary() -> dict[str, int]:
    return {word: number for number, word in enumerate((UNKNOWN, END, START, *COLOURS))}


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(_vocabulary(), unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens([START, END])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, _vocabulary()[START]), (END, _vocabulary()[END])]
    )
    return tokenizer


def _preprocessor() -> dict[str, object]:
    """Write the configuration of the real model's preprocessor."""
    return {
        "crop_size": {"height": 224, "width": 224},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": MEAN.astype(float).round(8).tolist(),
        "image_processor_type": "CLIPImageProcessor",
        "image_std": SPREAD.astype(float).round(8).tolist(),
        "resample": 3,
        "rescale_factor": 1 / 255,
        "size": {"shortest_edge": 224},
    }


def _write(path: Path, values: object) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    make()
