"""Request checks of the fake Ollama server: durations, options, pictures, lengths; the errors of version 0.33."""

import base64
import binascii
import io
import json
import math
import re
import string
from typing import Any

from PIL import Image

Json = dict[str, Any]

DEFAULT_NUM_CTX = 4096
MIN_VISION_NUM_CTX = 2048
PICTURE_TOKENS = 576
MAX_TOP_LOGPROBS = 20

# Changing one of these between two requests makes the server load the model again.
LOAD_OPTIONS = ("num_ctx", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread")
_OPTION_TYPES = {
    "integer": (
        "num_ctx",
        "num_batch",
        "num_gpu",
        "main_gpu",
        "num_thread",
        "num_predict",
        "num_keep",
        "seed",
        "top_k",
    ),
    "float32": ("temperature", "top_p", "min_p", "repeat_penalty", "presence_penalty", "frequency_penalty"),
    "boolean": ("use_mmap",),
    "array": ("stop",),
}
_JSON_TYPES: dict[str, tuple[type, ...]] = {"boolean": (bool,), "array": (list,)}
_UNIT_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")
_BASE64 = frozenset(string.ascii_letters + string.digits + "+/=")
# The formats of stb_image, and WebP, which Ollama converts. MPO is a JPEG with further pictures behind the first.
_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "PPM", "TGA", "WEBP")
_JPEG_START, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_FRAME_HEADERS, _SCAN = (0xC0, 0xC1, 0xC2), 0xDA
_TOKEN = re.compile(r"\w+|[^\w\s]")


class Refusal(Exception):
    """HTTP status and error text of a rejected request."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status, self.error = status, error


def engine_refusal(status: int, message: str, kind: str = "invalid_request_error", **more: int) -> Refusal:
    """Refusal by llama-server: its JSON is the error text."""
    inner = {"error": {"code": status, "message": message, "type": kind, **more}}
    return Refusal(status, json.dumps(inner, separators=(",", ":")))


def keep_alive_s(value: object) -> float | None:
    """Seconds a model stays loaded, infinite for a negative value, None without a value."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Refusal(400, f"Unsupported type: '{type(value).__name__}'")
    seconds = _duration_s(value) if isinstance(value, str) else float(value)
    return math.inf if seconds < 0 else seconds


def _duration_s(text: str) -> float:
    """Seconds of a Go duration such as 1h30m."""
    digits = text.lstrip("+-")
    if digits == "0":
        return 0.0
    if re.fullmatch(r"\d+\.?\d*|\.\d+", digits):
        raise Refusal(400, f'time: missing unit in duration "{text}"')
    if not digits or _DURATION.sub("", digits):
        raise Refusal(400, f'time: invalid duration "{text}"')
    seconds = sum(float(number) * _UNIT_S[unit] for number, unit in _DURATION.findall(digits))
    return -seconds if text.startswith("-") else seconds


def check_options(options: Json) -> None:
    """Refusal for an option of another type; unknown options and null pass."""
    for kind, names in _OPTION_TYPES.items():
        for name in names:
            value = options.get(name)
            allowed = _JSON_TYPES.get(kind, (int, float))
            if value is not None and (not isinstance(value, allowed) or isinstance(value, bool) != (kind == "boolean")):
                raise Refusal(500, f'option "{name}" must be of type {kind}')


def check_format(wanted: object) -> None:
    """Refuse formats other than "json" or a schema."""
    if wanted not in (None, "", "json") and not isinstance(wanted, dict):
        raise Refusal(
            500, f'invalid format: {json.dumps(json.dumps(wanted))}; expected "json" or a valid JSON Schema object'
        )
    if isinstance(wanted, dict) and wanted.get("type", "object") not in _SCHEMA_TYPES:
        raise engine_refusal(400, f"JSON schema conversion failed: unrecognized type {wanted['type']}")


_SCHEMA_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")


def encoded_pictures(body: Json) -> list[str]:
    """Base64 texts of all pictures of a request."""
    return [*body.get("images", []), *(image for m in body.get("messages", []) for image in m.get("images") or [])]


def pictures_of(body: Json) -> list[bytes]:
    """Pictures of a request, decoded as in Go: line ends are skipped, padding is required."""
    return [_bytes_of(text) for text in encoded_pictures(body)]


def _bytes_of(text: str) -> bytes:
    text = text.replace("\r", "").replace("\n", "")
    wrong = next((at for at, letter in enumerate(text) if letter not in _BASE64), len(text) // 4 * 4)
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Refusal(400, f"illegal base64 data at input byte {wrong}") from error


def opened(data: bytes) -> Image.Image:
    """Picture as decoded by the engine. A JPEG cut behind its frame header is no error: the missing part is grey."""
    try:
        return _loaded(data)
    except OSError as error:
        if not _has_frame_header(data):
            raise engine_refusal(400, "Failed to load image or audio file") from error
    try:
        return _loaded(data + _JPEG_END)
    except OSError:
        return Image.new("RGB", (64, 64), (128, 128, 128))


def _has_frame_header(data: bytes) -> bool:
    """True if a JPEG includes its frame header, and so its size."""
    at = 2 if data.startswith(_JPEG_START) else len(data)
    while at + 4 <= len(data) and data[at + 1] != _SCAN:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] in _FRAME_HEADERS:
            return end <= len(data)
        at = end
    return False


def _loaded(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    if picture.format not in _FORMATS:
        raise OSError(f"{picture.format} is not read by the engine")
    return picture.convert("RGB")


def prompt_of(body: Json) -> str:
    """The text of all messages, or the prompt."""
    contents = [str(message.get("content", "")) for message in body.get("messages", [])]
    return "\n".join([*contents, str(body.get("prompt", ""))]).strip()


def count_tokens(text: str) -> int:
    """Number of words and signs: the tokens of the fake's models."""
    return len(_TOKEN.findall(text))


def first_tokens(text: str, number: int) -> str:
    """The beginning of a text."""
    ends = [match.end() for match in _TOKEN.finditer(text)]
    return text[: ends[number - 1]] if len(ends) > number else text


def last_tokens(text: str, number: int) -> str:
    """The end of a text."""
    starts = [match.start() for match in _TOKEN.finditer(text)]
    return text[starts[-number] :] if len(starts) > number else text
