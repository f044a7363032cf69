"""Several frames for a single question: a contact sheet with time labels, or separate small images."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vidlocal.engines import jpeg as images
from vidlocal.timecode import format_short_time

if TYPE_CHECKING:
    from PIL import Image

# Models scale to 672 px (LLaVA 1.6) or cost by the pixel (Qwen-VL, 1,600 tokens for a square of this side).
SHEET_SIDE_PX = 1120
# Tile size of most image encoders.
IMAGE_SIDE_PX = 448
_MIN_CELL_PX = 16
_GAP_PX = 6
_QUALITY = 88


def contact_sheet(jpegs: Sequence[bytes], times: Sequence[float]) -> bytes:
    """Draw all images on a JPEG in reading order, each with the time in the upper left corner.

    The grid is as square as possible, like the input of the models. Raises MediaError for an unreadable image.
    """
    from PIL import Image

    tiles = [images.decode(jpeg) for jpeg in jpegs]
    columns = _column_count(len(tiles), tiles[0].width / tiles[0].height)
    rows = math.ceil(len(tiles) / columns)
    max_width, max_height = max(tile.width for tile in tiles), max(tile.height for tile in tiles)
    scale = min(1.0, SHEET_SIDE_PX / (columns * max_width), SHEET_SIDE_PX / (rows * max_height))
    width, height = max(_MIN_CELL_PX, int(max_width * scale)), max(_MIN_CELL_PX, int(max_height * scale))
    sheet = Image.new("RGB", (columns * (width + _GAP_PX) - _GAP_PX, rows * (height + _GAP_PX) - _GAP_PX))
    for position, (tile, time) in enumerate(zip(tiles, times, strict=True)):
        tile.thumbnail((width, height))
        _draw_label(tile, format_short_time(time))
        sheet.paste(tile, (position % columns * (width + _GAP_PX), position // columns * (height + _GAP_PX)))
    return images.encode(sheet, quality=_QUALITY)


def scaled_images(jpegs: Sequence[bytes]) -> list[bytes]:
    """Scale images down to IMAGE_SIDE_PX, for several in a question. Raises MediaError."""
    scaled = [images.decode(jpeg) for jpeg in jpegs]
    for image in scaled:
        image.thumbnail((IMAGE_SIDE_PX, IMAGE_SIDE_PX))
    return [images.encode(image, quality=_QUALITY) for image in scaled]


def _column_count(count: int, aspect: float) -> int:
    """Return the number of columns for the most square sheet with the fewest empty cells."""

    def cost(columns: int) -> float:
        rows = math.ceil(count / columns)
        return abs(math.log(columns * aspect / rows)) + (columns * rows - count) / count

    return min(range(1, count + 1), key=cost)


def _draw_label(image: "Image.Image", text: str) -> None:
    """Draw text in white on black, in the font bundled with Pillow."""
    from PIL import ImageDraw, ImageFont

    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=max(12, image.height // 9))
    _, _, right, bottom = draw.textbbox((4, 2), text, font=font)
    draw.rectangle((0, 0, right + 4, bottom + 4), fill=(0, 0, 0))
    draw.text((4, 2), text, font=font, fill=(255, 255, 255))
