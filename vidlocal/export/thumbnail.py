"""A small picture of a moment, from the frames that are stored."""

import io
from typing import TYPE_CHECKING

from vidlocal.store.content import frames
from vidlocal.store.database import Library

if TYPE_CHECKING:
    from PIL.Image import Image


def thumbnail(library: Library, video_id: int, time: float, *, width_px: int) -> "Image | None":
    """What the video shows at `time`, RGB, at most `width_px` wide and as high; None where no picture is stored."""
    from PIL import Image, UnidentifiedImageError

    frame = frames.frame_at(library, video_id, time)
    if frame is None:
        return None
    try:
        with Image.open(frames.image_path(library, frame), formats=["JPEG"]) as image:
            image.thumbnail((width_px, width_px))
            return image.convert("RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None


def encode_jpeg(image: "Image") -> bytes:
    """The picture as a JPEG for a page."""
    data = io.BytesIO()
    image.save(data, "JPEG", quality=80, optimize=True)
    return data.getvalue()
