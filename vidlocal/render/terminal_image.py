"""Draw images in a terminal with coloured half blocks or the kitty graphics protocol. Pure."""

import base64
import io
from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text

if TYPE_CHECKING:
    from PIL.Image import Image

# https://sw.kovidgoyal.net/kitty/graphics-protocol: at most 4096 bytes of data per escape sequence.
_CHUNK_BYTES = 4096


def half_blocks(image: "Image", *, columns: int) -> Text:
    """The image, `columns` wide. Each character shows an upper and a lower pixel."""
    width, height = image.size
    rows = max(1, round(columns * height / width / 2))
    small = image.resize((columns, rows * 2)).convert("RGB").tobytes()
    blocks = Text(no_wrap=True)
    for row in range(rows):
        for column in range(columns):
            upper, lower = (tuple(small[offset : offset + 3]) for offset in _pixel_offsets(row, column, columns))
            blocks.append("▀", Style.parse(f"{_colour(upper)} on {_colour(lower)}"))
        blocks.append("\n")
    blocks.right_crop()
    return blocks


def kitty(image: "Image", *, columns: int) -> str:
    """Escape sequences to show the image at the cursor, `columns` wide."""
    data = io.BytesIO()
    image.save(data, "PNG")
    text = base64.b64encode(data.getvalue()).decode()
    chunks = [text[start : start + _CHUNK_BYTES] for start in range(0, len(text), _CHUNK_BYTES)]
    heads = [f"a=T,f=100,q=2,c={columns},", *[""] * (len(chunks) - 1)]
    return "".join(
        f"\x1b_G{head}m={int(number < len(chunks))};{chunk}\x1b\\"
        for number, (head, chunk) in enumerate(zip(heads, chunks, strict=True), 1)
    )


def _pixel_offsets(row: int, column: int, columns: int) -> tuple[int, int]:
    upper = (row * 2 * columns + column) * 3
    return upper, upper + columns * 3


def _colour(rgb: tuple[int, ...]) -> str:
    red, green, blue = rgb
    return f"#{red:02x}{green:02x}{blue:02x}"
