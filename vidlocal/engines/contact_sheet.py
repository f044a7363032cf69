"""Several frames as pictures for one question: a sheet with time labels, or small ones in a row."""

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vidlocal.errors import MediaError
from vidlocal.timecode import format_short_time

if TYPE_CHECKING:
    from PIL import Image

# Models scale to 672 px (LLaVA 1.6) or pay by the pixel (Qwen-VL, 1,600 tokens for a square of that side).
SHEET_SIDE_PX = 1120
# A picture of a series: 448 is the side most encoders cut a picture into.
IMAGE_SIDE_PX = 448
_GAP_PX = 6
_QUALITY = 88


def contact_sheet(jpegs: Sequence[bytes], times: Sequence[float]) -> bytes:
    """One JPEG of all pictures in reading order, each with its time in the upper left corner.

    The grid is the one that is nearest to a square, as the models' input is. Raises MediaError for a picture that
    cannot be read.
    """
    from PIL import Image

    pictures = [_opened(jpeg) for jpeg in jpegs]
    columns = _columns(len(pictures), pictures[0].width / pictures[0].height)
    rows = math.ceil(len(pictures) / columns)
    widest, highest = max(one.width for one in pictures), max(one.height for one in pictures)
    scale = min(1.0, SHEET_SIDE_PX / (columns * widest), SHEET_SIDE_PX / (rows * highest))
    width, height = max(16, int(widest * scale)), max(16, int(highest * scale))
    sheet = Image.new("RGB", (columns * (width + _GAP_PX) - _GAP_PX, rows * (height + _GAP_PX) - _GAP_PX))
    for place, (picture, time) in enumerate(zip(pictures, times, strict=True)):
        picture.thumbnail((width, height))
        _label(picture, format_short_time(time))
        sheet.paste(picture, (place % columns * (width + _GAP_PX), place // columns * (height + _GAP_PX)))
    return _encoded(sheet)


def scaled_images(jpegs: Sequence[bytes]) -> list[bytes]:
    """The pictures one by one, small enough that many fit into a question. Raises MediaError."""
    small = [_opened(jpeg) for jpeg in jpegs]
    for picture in small:
        picture.thumbnail((IMAGE_SIDE_PX, IMAGE_SIDE_PX))
    return [_encoded(picture) for picture in small]


def _columns(count: int, aspect: float) -> int:
    """How many pictures stand in a row, so that the sheet is as square as can be and has the fewest holes."""

    def oddness(columns: int) -> float:
        rows = math.ceil(count / columns)
        return abs(math.log(columns * aspect / rows)) + (columns * rows - count) / count

    return min(range(1, count + 1), key=oddness)


def _label(picture: "Image.Image", text: str) -> None:
    """The time in white on black, drawn with the font that Pillow brings along."""
    from PIL import ImageDraw, ImageFont

    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=max(12, picture.height // 9))
    _, _, right, bottom = draw.textbbox((4, 2), text, font=font)
    draw.rectangle((0, 0, right + 4, bottom + 4), fill=(0, 0, 0))
    draw.text((4, 2), text, font=font, fill=(255, 255, 255))


def _opened(jpeg: bytes) -> "Image.Image":
    from PIL import Image

    try:
        return Image.open(io.BytesIO(jpeg)).convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise MediaError("The stored picture of a frame is damaged. Mend it with: vidlocal check --repair") from error


def _encoded(picture: "Image.Image") -> bytes:
    held = io.BytesIO()
    picture.save(held, "JPEG", quality=_QUALITY)
    return held.getvalue()
