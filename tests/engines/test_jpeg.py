"""Pictures written anew for runners that failed on them."""

import io

import pytest
from PIL import Image

from vidlocal.engines.jpeg import shrink
from vidlocal.errors import MediaError


def jpeg(width: int, height: int) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(held, "JPEG")
    return held.getvalue()


@pytest.mark.parametrize(
    ("size", "wanted"), [((896, 504), (768, 432)), ((896, 10), (768, 64)), ((10, 10), (64, 64)), ((20, 896), (64, 768))]
)
def test_a_smaller_picture_is_within_what_runners_take(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    picture = Image.open(io.BytesIO(shrink(jpeg(*size))))
    assert picture.size == wanted
    red, green, _ = picture.convert("RGB").getpixel((wanted[0] // 2, wanted[1] // 2))  # type: ignore[misc]
    assert red > 150 > green


@pytest.mark.parametrize("content", [b"", b"not a picture", jpeg(100, 100)[:300]])
def test_a_damaged_picture_is_named(content: bytes) -> None:
    with pytest.raises(MediaError, match="damaged"):
        shrink(content)
