"""Cost of image and text embedding, with random weights of the size of CLIP ViT-B/32.

    PYTHONPATH=. python benchmarks/pictures.py [--pictures 64] [--runs 5] [--models FOLDER]

Needs the packages `onnx` and `vidlocal[pictures]`. With --models the real model in that folder is measured instead; its
tokenizer is larger than the one here and takes 0.1 to 0.2 s more. Beside time on the clock it prints processor time of
the child, which a busy machine changes less, and the child's peak of memory.
"""

import argparse
import io
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import psutil
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from tests.support import clip_model as made
from vidlocal.engines.clip.clip_files import TEXT, VISION, WEIGHTS, clip_model
from vidlocal.engines.clip.embedder import ClipEncoder
from vidlocal.enrich.workers.frame_vectors import BATCH_SIZE

# Of the two halves of CLIP ViT-B/32.
LAYERS, HEAD, DIMENSIONS = 12, 64, 512
VISION_WIDTH, TEXT_WIDTH = 768, 512
PATCHES, TOKENS, VOCABULARY = 49, 77, 49_408


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--models", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = chosen.models or random_model(Path(folder))
        measure_text(models, chosen.runs)
        for threads in (1, 2):
            measure_pictures(models, chosen.pictures, threads)


def measure_text(models: Path, runs: int) -> None:
    colds, works, warms = [], [], []
    for _ in range(runs):
        with ClipEncoder(clip_model(models)) as engine:
            colds.append(timed(lambda engine=engine: engine.embed_text("a red boat on a lake")))
            works.append(processor_s())
            warms.append(timed(lambda engine=engine: engine.embed_text("grandmother dances")))
            peak = peak_mb()
    print(
        f"text: first {statistics.median(colds):.2f} s on the clock, {statistics.median(works):.2f} s of processor; "
        f"the next {1000 * statistics.median(warms):.0f} ms; {peak} MB"
    )


def measure_pictures(models: Path, count: int, threads: int) -> None:
    jpegs = [picture(number) for number in range(count)]
    with ClipEncoder(clip_model(models), threads=threads) as engine:
        engine.embed_images(jpegs[:1])
        start = processor_s()
        seconds = sum(
            timed(lambda at=at: engine.embed_images(jpegs[at : at + BATCH_SIZE])) for at in range(0, count, BATCH_SIZE)
        )
        each = (processor_s() - start) / count
        print(
            f"pictures, {threads} threads: {count / seconds:.1f} a second, {each:.3f} s of processor each, "
            f"after {start:.1f} s for starting; {peak_mb()} MB"
        )


def timed(call: object) -> float:
    began = time.perf_counter()
    call()  # type: ignore[operator]
    return time.perf_counter() - began


def child() -> psutil.Process:
    return max(psutil.Process().children(), key=lambda process: process.create_time())


def processor_s() -> float:
    spent = child().cpu_times()
    return float(spent.user + spent.system)


def peak_mb() -> int:
    lines = Path(f"/proc/{child().pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def picture(number: int) -> bytes:
    """A JPEG in the format of frames: 896 px, blurred noise."""
    noise = np.random.default_rng(number).integers(0, 255, (32, 56, 3), dtype=np.uint8)
    held = io.BytesIO()
    Image.fromarray(noise).resize((896, 504), Image.Resampling.BICUBIC).save(held, "JPEG", quality=85)
    return held.getvalue()


def random_model(models: Path) -> Path:
    """The small model of the tests, with random weights of the real size."""
    made.place(models)
    for part, build in ((VISION, _vision), (TEXT, _text)):
        onnx.save(build(), str(models / part / WEIGHTS))
    made.seal(models)
    return models


class _Graph:
    """Nodes and weights of an ONNX graph."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.dice = np.random.default_rng(0)

    def op(self, kind: str, *inputs: str, **attributes: object) -> str:
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, value: object) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def random(self, *shape: int) -> str:
        return self.constant(0.02 * self.dice.standard_normal(shape, dtype=np.float32))

    def norm(self, x: str, width: int) -> str:
        ones, noughts = np.ones(width, np.float32), np.zeros(width, np.float32)
        return self.op("LayerNormalization", x, self.constant(ones), self.constant(noughts), axis=-1)

    def linear(self, x: str, inward: int, outward: int) -> str:
        return self.op("Add", self.op("MatMul", x, self.random(inward, outward)), self.random(outward))

    def layers(self, x: str, width: int, mask: str | None = None) -> str:
        split = self.constant(np.array([0, 0, width // HEAD, HEAD]))
        together, scale = self.constant(np.array([0, 0, width])), self.constant(np.float32(HEAD**-0.5))
        for _ in range(LAYERS):
            y = self.norm(x, width)
            q, k, v = (
                self.op("Transpose", self.op("Reshape", self.linear(y, width, width), split), perm=[0, 2, 1, 3])
                for _ in range(3)
            )
            seen = self.op("MatMul", self.op("Mul", q, scale), self.op("Transpose", k, perm=[0, 1, 3, 2]))
            seen = self.op("Softmax", self.op("Add", seen, mask) if mask else seen, axis=-1)
            heads = self.op("Transpose", self.op("MatMul", seen, v), perm=[0, 2, 1, 3])
            x = self.op("Add", x, self.linear(self.op("Reshape", heads, together), width, width))
            y = self.linear(self.norm(x, width), width, 4 * width)
            y = self.op("Mul", y, self.op("Sigmoid", self.op("Mul", y, self.constant(np.float32(1.702)))))
            x = self.op("Add", x, self.linear(y, 4 * width, width))
        return x

    def model(self, x: str, width: int, entries: list[onnx.ValueInfoProto]) -> onnx.ModelProto:
        self.nodes.append(helper.make_node("MatMul", [x, self.random(width, DIMENSIONS)], ["embeds"]))
        exits = [helper.make_tensor_value_info("embeds", TensorProto.FLOAT, ["batch", DIMENSIONS])]
        graph = helper.make_graph(self.nodes, "random", entries, exits, self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _vision() -> onnx.ModelProto:
    graph, width = _Graph(), VISION_WIDTH
    patches = graph.op("Conv", "pixel_values", graph.random(width, 3, 32, 32), strides=[32, 32])
    x = graph.op("Reshape", patches, graph.constant(np.array([0, width, PATCHES])))
    x = graph.op("Transpose", x, perm=[0, 2, 1])
    first = graph.op("ReduceMean", x, axes=[1], keepdims=1)
    x = graph.op("Add", graph.op("Concat", first, x, axis=1), graph.random(1, PATCHES + 1, width))
    x = graph.layers(graph.norm(x, width), width)
    x = graph.norm(graph.op("Gather", x, graph.constant(np.array(0)), axis=1), width)
    entries = [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, 224, 224])]
    return graph.model(x, width, entries)


def _text() -> onnx.ModelProto:
    graph, width = _Graph(), TEXT_WIDTH
    nought, axes = graph.constant(np.array([0, 0])), graph.constant(np.array([0, 1]))
    length = graph.op("Gather", graph.op("Shape", "input_ids"), graph.constant(np.array([1])), axis=0)
    places = graph.op("Slice", graph.random(TOKENS, width), graph.constant(np.array([0])), length)
    hidden = graph.constant(np.triu(np.full((TOKENS, TOKENS), -1e9, np.float32), 1))
    mask = graph.op("Slice", hidden, nought, graph.op("Concat", length, length, axis=0), axes)
    x = graph.op("Gather", graph.random(VOCABULARY, width), "input_ids", axis=0)
    x = graph.norm(graph.layers(graph.op("Add", x, places), width, mask), width)
    x = graph.op("ReduceMean", x, axes=[1], keepdims=0)
    entries = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
        for name in ("input_ids", "attention_mask")
    ]
    return graph.model(x, width, entries)


if __name__ == "__main__":
    main()
