"""The models of the fake Ollama server, and their answers."""

import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from tests.support import fake_writer
from tests.support.fake_requests import opened, pictures_of, prompt_of

Json = dict[str, Any]

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 160, 50),
    "blue": (30, 60, 220),
    "yellow": (240, 220, 40),
    "black": (10, 10, 10),
    "white": (245, 245, 245),
    "grey": (128, 128, 128),
    "orange": (240, 140, 30),
    "brown": (110, 70, 40),
    "pink": (240, 150, 190),
    "purple": (130, 40, 150),
    "turquoise": (60, 200, 200),
}
_PREFIX = re.compile(
    r"^(task: [^|]+\| query: |title: none \| text: |search_(query|document): |query: |passage: |"
    r"Represent this sentence for searching relevant passages: |Instruct: .*\nQuery: ?)"
)
_SMALL_WORDS = frozenset({"a", "an", "and", "are", "at", "by", "for", "in", "is", "it", "of", "on", "or", "the", "to"})


@dataclass(frozen=True)
class Model:
    """A model of the fake. `capabilities` None: from an old server. `blind`: answers without vision.

    It sees the first of several pictures only, unless it `takes_several`. Ollama renders the prompts of a `templated`
    model and cuts them; the engine does it for the others, with its own errors, and cuts nothing.
    """

    name: str
    capabilities: tuple[str, ...] | None = ("completion",)
    size: int = 4_000_000_000
    digest: str = ""
    remote_host: str = ""
    remote_model: str = ""
    blind: bool = False
    obeys_schema: bool = True
    takes_several: bool = False
    templated: bool = True
    dimensions: int = 256
    context_length: int = 32_768
    system: str = ""
    parameters: Json = field(default_factory=dict)
    family: str = ""
    breaks: bool = False  # several images in one request break its engine until it is unloaded

    @property
    def sha(self) -> str:
        return self.digest or hashlib.sha256(self.name.encode()).hexdigest()

    def can(self, *needs: str) -> bool:
        """True for a model with any of these capabilities, or a server too old to report capabilities."""
        return self.capabilities is None or not set(needs).isdisjoint(self.capabilities)


VISION, TEXT, EMBEDDING = ("completion", "vision"), ("completion",), ("embedding",)
DECISION = ("decision", "vision")
CATALOGUE = {
    model.name: model
    for model in (
        Model("llava:7b", VISION, 4_733_363_377),
        Model("llava:13b", VISION, 8_011_256_494),
        Model("llava:34b", VISION, 20_166_497_526),
        Model("bakllava:latest", VISION, 4_733_351_307),
        Model("moondream:latest", VISION, 1_738_451_197),
        Model("phi3.5:latest", TEXT, 2_176_178_843),
        Model("embeddinggemma:latest", EMBEDDING, 621_875_917, context_length=2048),
        Model("nomic-embed-text:latest", EMBEDDING, 274_302_450, context_length=2048),
        Model("all-minilm:latest", EMBEDDING, 45_960_996, dimensions=384, context_length=512),
        Model("clef-flash:latest", DECISION, 900_000_000),
        Model("embeddinggemma-2:440m", ("embedding", "vision"), 440_000_000, context_length=2048),
    )
}


def colour_name(rgb: Sequence[float]) -> str:
    return min(COLOURS, key=lambda name: math.dist(COLOURS[name], rgb))


def caption(jpeg: bytes) -> str:
    """A sentence for a picture: its colours by region, and its mean as a number."""
    picture = opened(jpeg)
    (mean,) = _pixels(picture, 1)
    nine = _pixels(picture, 3)
    light = sum(mean) / 3
    tone = "dark" if light < 85 else "bright" if light > 170 else "softly lit"
    middle, left, right, low_left, low_right = (colour_name(nine[at]) for at in (4, 0, 2, 6, 8))
    shade = "".join(f"{value:02x}" for value in mean)
    return (
        f"A {tone} {colour_name(mean)} scene, shade {shade}, {middle} in the middle, {left} and {right} above, "
        f"{low_left} and {low_right} below."
    )


def _pixels(picture: Image.Image, side: int) -> list[tuple[int, int, int]]:
    """The picture as side x side mean colours, row by row."""
    data = picture.resize((side, side), Image.Resampling.BOX).tobytes()
    return [(data[at], data[at + 1], data[at + 2]) for at in range(0, len(data), 3)]


def answer(body: Json, model: Model) -> str:
    pictures, prompt = pictures_of(body), prompt_of(body)
    if model.blind or not pictures or not model.can("vision"):
        colour, seen = "purple", "A group of people enjoys a sunny day in a park."
    else:
        seen = caption(pictures[0])
        colour = seen.split(" scene")[0].split()[-1]
    if "colours in the order" in prompt:
        shown = pictures if model.takes_several else pictures[:1]
        return ", ".join(colour_name(_pixels(opened(image), 1)[0]) for image in shown)
    if "one word" in prompt.lower() and re.search(r"colou?r", prompt.lower()):
        return colour.capitalize() + "."
    schema = body.get("format")
    if "Is it what they look for?" in prompt and not schema:
        return fake_writer.judge(prompt)
    if schema == "json" or (isinstance(schema, dict) and model.obeys_schema):
        fields = schema if isinstance(schema, dict) else {}
        filled = _fill(fields, seen, colour)
        return json.dumps(filled if pictures else filled | fake_writer.write(fields, prompt))
    return fake_writer.reply(prompt) if not pictures and "NOT SAID" in prompt else seen


def decide(body: Json, model: Model) -> float:
    """The probability of yes: the text names the colour of the picture, or shares a word with the query."""
    state, instructions = str(body["state"]), str(next(iter(body["questions"].values()))["instructions"])
    pictures = pictures_of(body)
    if pictures:
        colour = caption(pictures[0]).split(" scene")[0].split()[-1]
        told = set(re.findall(r"\w+", f"{state} {instructions}".lower())) & set(COLOURS)
        return 0.96 if not model.blind and told and colour in told else 0.04
    query = re.search(r'for "(.*)"', instructions)
    prompt = f'looks for: "{query[1] if query else ""}"\nThe moment: {state}\n'
    return 0.97 if fake_writer.judge(prompt) == "yes" else 0.03


def _fill(schema: Json, seen: str, colour: str) -> Json:
    """An object with every property of `schema`, of the right type."""
    by_type: Json = {"array": [colour, "light"], "integer": 1, "number": 0.4, "boolean": False, "string": colour}
    found = {
        name: by_type.get(kind.get("type", "string"), colour) for name, kind in schema.get("properties", {}).items()
    }
    if "words" in found and "count" in found:  # the test of bounds
        return {"words": ["cat", "dog", "cow"], "count": 3}
    known: Json = {"description": seen, "visible_text": "", "relationships": [], "happens": True}
    known["action"] = "Something moves across. " + seen
    return found | {name: value for name, value in known.items() if name in found}


def vector(text: str, size: int, table: dict[str, Sequence[float]]) -> list[float]:
    """A unit vector: from the table, else a hashed bag of words, so that texts with shared words are near."""
    bare = _PREFIX.sub("", text)
    values = [float(value) for value in table.get(bare, table.get(text, ()))]
    if not values:
        values = [0.0] * size
        words = [word for word in re.findall(r"\w+", bare.lower()) if word not in _SMALL_WORDS]
        for word in words or [bare]:
            # Four letters are a stem for our purpose: walks, walked and walking are one word.
            number = int.from_bytes(hashlib.blake2b(word[:4].encode(), digest_size=8).digest(), "big")
            values[number % size] += 1.0 if number >> 63 else -1.0
    length = math.hypot(*values) or 1.0
    return [value / length for value in values]


def image_vector(jpeg: bytes, size: int, table: dict[str, Sequence[float]]) -> list[float]:
    """A vector in the space of texts: of the name of the colour, slightly moved by the shade."""
    (mean,) = _pixels(opened(jpeg), 1)
    values = vector(colour_name(mean), size, table)
    moved = [value + mean[at % 3] / 25_500 for at, value in enumerate(values)]
    length = math.hypot(*moved)
    return [value / length for value in moved]


def is_hosted_name(name: str) -> bool:
    return name.lower().endswith((":cloud", "-cloud"))
