"""Decode and encode images for models."""

import io
from typing import TYPE_CHECKING

from vidlocal.errors import MediaError

if TYPE_CHECKING:
    from PIL import Image

# Sides below 28 px crash the runner of some models (ollama#11297).
MIN_SIDE_PX = 64
MAX_SIDE_PX = 768
_QUALITY = 90
_NOISE = 6


def shrink(jpeg: bytes) -> bytes:
    """Scale an image rejected by a model runner to sides of 64 to 768 px, padded with black. Raises MediaError."""
    from PIL import Image

    image = decode(jpeg)
    image.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX))
    size = (max(MIN_SIDE_PX, image.width), max(MIN_SIDE_PX, image.height))
    canvas = Image.new("RGB", size)
    canvas.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    return encode(canvas)


def noisy_colour(rgb: tuple[int, int, int], *, side_px: int) -> bytes:
    """Make a square image of a colour with slight noise: no two images start with the same bytes.

    Engines reuse the beginning of an earlier prompt, and some fail on two images that are alike.
    """
    import numpy as np
    from PIL import Image

    noise = np.random.default_rng().integers(-_NOISE, _NOISE + 1, (side_px, side_px, 3))
    return encode(Image.fromarray((np.array(rgb) + noise).clip(0, 255).astype(np.uint8)))


def decode(jpeg: bytes) -> "Image.Image":
    """Decode the image of a frame as RGB. Raises MediaError."""
    from PIL import Image

    try:
        return Image.open(io.BytesIO(jpeg)).convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise MediaError("The image of a frame is damaged. Run: vidlocal check --repair") from error


def encode(image: "Image.Image", *, quality: int = _QUALITY) -> bytes:
    """Encode an image as JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
