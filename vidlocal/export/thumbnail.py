"""Thumbnails of moments, from stored frames."""

import io
from typing import TYPE_CHECKING

from vidlocal.errors import MediaError
from vidlocal.records import Frame
from vidlocal.store.content import frame_images, frames
from vidlocal.store.database import Library

if TYPE_CHECKING:
    from PIL.Image import Image


def thumbnail(library: Library, video_id: int, time: float, *, width_px: int) -> "Image | None":
    """Return the frame at `time` as RGB, at most `width_px` wide and high; None without a stored image."""
    frame = frames.frame_at(library, video_id, time)
    return None if frame is None else frame_thumbnail(library, frame, width_px=width_px)


def frame_thumbnail(library: Library, frame: Frame, *, width_px: int) -> "Image | None":
    """Return a frame as RGB, at most `width_px` wide and high; None without a readable image."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(frame_images.read(library, frame)), formats=["JPEG"]) as image:
            image.draft("RGB", (width_px, width_px))
            image.thumbnail((width_px, width_px))
            return image.convert("RGB")
    except (MediaError, OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None


def encode_jpeg(image: "Image") -> bytes:
    """Encode a thumbnail as JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80, optimize=True)
    return buffer.getvalue()
