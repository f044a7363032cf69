"""Images for tests."""

from PIL import Image

from vidlocal.engines.jpeg import encode


def plain_colour(rgb: tuple[int, int, int], *, side_px: int) -> bytes:
    """Make a square JPEG of a single colour."""
    return encode(Image.new("RGB", (side_px, side_px), rgb))
