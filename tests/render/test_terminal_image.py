import base64
import io
import re

from PIL import Image

from vidlocal.render.terminal_image import half_blocks, kitty


def test_half_blocks_have_the_colours_of_two_pixels() -> None:
    image = Image.new("RGB", (4, 4), (255, 0, 0))
    image.paste((0, 0, 255), (0, 1, 4, 2))
    drawn = half_blocks(image, columns=4)
    assert drawn.plain == "▀▀▀▀\n▀▀▀▀"
    assert str(drawn.spans[0].style) == "#ff0000 on #0000ff"


def test_kitty_receives_the_image_in_chunks() -> None:
    image = Image.effect_noise((200, 200), 90).convert("RGB")
    written = kitty(image, columns=20)
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", written)
    assert "".join(f"\x1b_G{head};{data}\x1b\\" for head, data in pieces) == written
    assert max(len(data) for _, data in pieces) <= 4096
    assert [head[-1] for head, _ in pieces] == ["1"] * (len(pieces) - 1) + ["0"]
    with Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in pieces)))) as shown:
        assert shown.size == (200, 200)
