"""Lines of text in two frames: the same text on another background, and other text."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from vidlocal.signals.text_models import Pixels, as_bgr, straightened
from vidlocal.signals.text_strokes import has_same_strokes

SIZE = (640, 120)


def line(text: str, *, background: int, height_px: int = 36, grey: int = 250) -> Pixels:
    """A line of text on a soft background, straightened; each number is another background."""
    grain = np.random.default_rng(background).integers(0, 80, (6, 16, 3)).astype(np.uint8)
    image = Image.fromarray(grain).resize(SIZE, Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(4))
    font = ImageFont.load_default(height_px)
    ImageDraw.Draw(image).text((30, 30), text, fill=(grey, grey, grey), font=font)
    corners = np.array([(24, 24), (616, 24), (616, 84), (24, 84)], np.float32)
    return straightened(as_bgr(image), corners)


@pytest.mark.parametrize("height_px", [20, 36, 44])
def test_the_same_text_on_another_background_is_recognized(height_px: int) -> None:
    text = "The train leaves at 8:03"
    first, second = (line(text, background=number, height_px=height_px) for number in (1, 2))
    assert not np.array_equal(first, second)
    assert has_same_strokes(first, second)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("at 8:03", "at 3:03"),
        ("at 8:03", "at 8.03"),
        ("Emil", "Fmil"),
        ("no one", "ho one"),
        ("for 5", "for 5 m"),
        ("über", "uber"),
    ],
)
def test_one_other_character_is_another_text(text: str, other: str) -> None:
    before = line(f"The train leaves {text}", background=1)
    assert not has_same_strokes(before, line(f"The train leaves {other}", background=1))
    assert not has_same_strokes(before, line(f"The train leaves {other}", background=2))


def test_pale_text_is_never_taken_for_the_same() -> None:
    assert not has_same_strokes(*(line("The train leaves", background=1, grey=80) for _ in range(2)))


def test_lines_of_other_sizes_are_not_the_same() -> None:
    first = line("The train leaves", background=1)
    assert not has_same_strokes(first, first[:, :-8])
