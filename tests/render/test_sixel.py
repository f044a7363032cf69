"""Sixels, read back by a decoder for tests."""

import re

import numpy as np
import pytest
from PIL import Image

from vidlocal.render.sixel import sixel


def decode(text: str) -> tuple[Image.Image, int]:
    """The image of an escape sequence, and the number of colours. Fails on everything DEC's manual does not allow."""
    start = re.match(r'\x1bP0;1q"1;1;(\d+);(\d+)', text)
    assert start is not None
    assert text.endswith("\x1b\\")
    width, height = int(start[1]), int(start[2])
    pixels = np.full((-(-height // 6) * 6, width, 3), -1)
    colours: dict[int, tuple[int, ...]] = {}
    row = column = position = 0
    now: int | None = None
    body = text[start.end() : -2]
    tokens = re.compile(r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)([?-~])|([?-~])|([$-])")
    while position < len(body):
        token = tokens.match(body, position)
        assert token is not None, body[position : position + 20]
        position = token.end()
        if token[1]:
            percents = [int(token[at]) for at in (2, 3, 4)]
            assert max(percents) <= 100
            colours[int(token[1])] = tuple(round(percent * 255 / 100) for percent in percents)
        elif token[5]:
            now = int(token[5])
        elif token[9]:
            row, column = (row + 6, 0) if token[9] == "-" else (row, 0)
        else:
            assert now is not None
            bits, count = ord(token[7] or token[8]) - 63, int(token[6] or 1)
            for bit in range(6):
                if bits >> bit & 1:
                    assert (pixels[row + bit, column : column + count] == -1).all(), "drawn twice"
                    pixels[row + bit, column : column + count] = colours[now]
            column += count
            assert column <= width
    assert (pixels[:height] >= 0).all(), "a pixel was not drawn"
    assert (pixels[height:] == -1).all(), "drawn below the image"
    return Image.fromarray(pixels[:height].astype(np.uint8)), len(colours)


def image_of(width: int, height: int) -> Image.Image:
    """Two gradients with noise: every pixel another colour."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    noise = np.random.default_rng(7).integers(0, 40, (height, width))
    return Image.fromarray(
        np.stack([across, down, (across + down) / 2.5 + noise], axis=2).clip(0, 255).astype(np.uint8)
    )


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (64, 36), (65, 37), (100, 144)])
def test_a_decoded_image_is_within_the_error_of_its_palette(size: tuple[int, int]) -> None:
    image = image_of(*size)
    shown, colours = decode(sixel(image, width_px=size[0]))
    assert shown.size == size
    assert 1 <= colours <= 256
    palette = np.asarray(image.quantize(256, method=Image.Quantize.FASTOCTREE).convert("RGB")).astype(int)
    # Colours are told in hundredths: half of one is 1.3 of 255.
    assert np.abs(np.asarray(shown).astype(int) - palette).max() <= 2


def test_the_number_of_colours_can_be_limited() -> None:
    shown, colours = decode(sixel(image_of(60, 40), width_px=60, colours=16))
    assert colours <= 16
    assert np.abs(np.asarray(shown).astype(int) - np.asarray(image_of(60, 40))).mean() < 40
    assert decode(sixel(Image.new("RGB", (9, 9), (255, 0, 0)), width_px=9))[0].getpixel((4, 4)) == (255, 0, 0)


def test_scaling_keeps_the_aspect_ratio() -> None:
    assert decode(sixel(image_of(64, 36), width_px=128))[0].size == (128, 72)
    assert decode(sixel(image_of(1000, 2), width_px=20))[0].size == (20, 1)


def test_repetitions_are_run_length_encoded() -> None:
    assert len(sixel(Image.new("RGB", (400, 300), "teal"), width_px=400)) < 700
