"""Thumbnails of moments, from stored frames."""

import io
from typing import TYPE_CHECKING

from vidlocal.errors import MediaError
from vidlocal.store.content import frame_images, frames
from vidlocal.store.database import Library

if TYPE_CHECKING:
    from PIL.Image import Image


def thumbnail(library: Library, video_id: int, time: float, *, width_px: int) -> "Image | None":
    """Return the frame at `time` as RGB, at most `width_px` wide and high; None without a stored image."""
    from PIL import Image, UnidentifiedImageError

    frame = frames.frame_at(library, video_id, time)
    if frame is None:
        return None
    try:
        with Image.open(io.BytesIO(frame_images.read(library, frame)), formats=["JPEG"]) as image:
            image.thumbnail((width_px, width_px))
            return image.convert("RGB")
    except (MediaError, OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None


def encode_jpeg(image: "Image") -> bytes:
    """Encode a thumbnail as JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80, optimize=True)
    return buffer.getvalue()
