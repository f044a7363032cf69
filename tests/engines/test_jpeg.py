"""Images rejected by a model runner are scaled."""

import io

import pytest
from PIL import Image

from vidlocal.engines.jpeg import shrink
from vidlocal.errors import MediaError


def jpeg(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("size", "expected"),
    [((896, 504), (768, 432)), ((896, 10), (768, 64)), ((10, 10), (64, 64)), ((20, 896), (64, 768))],
)
def test_scaled_image_has_sides_accepted_by_runners(size: tuple[int, int], expected: tuple[int, int]) -> None:
    image = Image.open(io.BytesIO(shrink(jpeg(*size))))
    assert image.size == expected
    red, green, _ = image.convert("RGB").getpixel((expected[0] // 2, expected[1] // 2))  # type: ignore[misc]
    assert red > 150 > green


@pytest.mark.parametrize("content", [b"", b"not an image", jpeg(100, 100)[:300]])
def test_a_damaged_image_is_an_error(content: bytes) -> None:
    with pytest.raises(MediaError, match="damaged"):
        shrink(content)
