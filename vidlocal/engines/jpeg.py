"""JPEGs made for models."""

import io
from typing import TYPE_CHECKING

from vidlocal.errors import MediaError

if TYPE_CHECKING:
    from PIL import Image

# A side of less than 28 px makes the runner of some models crash (ollama#11297); 64 leaves room.
MIN_SIDE_PX = 64
MAX_SIDE_PX = 768
_QUALITY = 90


def shrink(jpeg: bytes) -> bytes:
    """The picture written anew for a runner that failed on it: sides of 64 to 768 px, padded with black."""
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(jpeg)).convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise MediaError("The stored picture of this frame is damaged. Ingest the video again.") from error
    picture.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX))
    size = (max(MIN_SIDE_PX, picture.width), max(MIN_SIDE_PX, picture.height))
    canvas = Image.new("RGB", size)
    canvas.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
    return _encoded(canvas)


def plain_colour(rgb: tuple[int, int, int], *, side_px: int) -> bytes:
    """A square of one colour."""
    from PIL import Image

    return _encoded(Image.new("RGB", (side_px, side_px), rgb))


def _encoded(picture: "Image.Image") -> bytes:
    held = io.BytesIO()
    picture.save(held, "JPEG", quality=_QUALITY)
    return held.getvalue()
