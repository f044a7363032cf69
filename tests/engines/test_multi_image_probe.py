"""Several pictures for one question."""

import io
import random
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.support.fake_ollama import FakeOllama, broken, caption, say
from vidlocal.engines import multi_image_probe
from vidlocal.engines.contact_sheet import contact_sheet, scaled_images
from vidlocal.engines.jpeg import plain_colour
from vidlocal.engines.ollama_models import OllamaVision
from vidlocal.errors import EngineUnreachable, MediaError

RED, GREEN, BLUE = (220, 20, 20), (20, 160, 40), (20, 40, 220)


def jpeg(rgb: tuple[int, int, int], size: tuple[int, int] = (896, 504)) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", size, rgb).save(held, "JPEG")
    return held.getvalue()


def test_a_model_that_names_colours_in_order_takes_several(server: FakeOllama, vision: OllamaVision) -> None:
    server.models["llava:7b"] = replace(server.models["llava:7b"], takes_several=True)
    assert multi_image_probe.probe(vision, rng=random.Random(1))
    first, second = server.asked("/api/chat")
    assert len(first.body["messages"][1]["images"]) == 3
    assert first.body["messages"] != second.body["messages"]


def test_a_model_that_sees_the_first_picture_only_does_not(server: FakeOllama, vision: OllamaVision) -> None:
    assert not multi_image_probe.probe(vision)
    assert len(server.asked("/api/chat")) == 1


@pytest.mark.parametrize(
    "answer", ["blue, red, green", "red", "", "red, red, red", "red green blue yellow black white"]
)
def test_another_order_is_no_order(server: FakeOllama, vision: OllamaVision, answer: str) -> None:
    server.choose = lambda asked: say(answer)
    assert not multi_image_probe.probe(vision, rng=random.Random(3))


def test_a_server_that_refuses_several_pictures_says_no(server: FakeOllama, vision: OllamaVision) -> None:
    server.script(broken())
    assert not multi_image_probe.probe(vision)


def test_a_server_that_is_away_says_nothing(server: FakeOllama, vision: OllamaVision) -> None:
    server.down()
    with pytest.raises(EngineUnreachable):
        multi_image_probe.probe(vision)


def test_as_many_pictures_are_shown_as_there_is_room_for() -> None:
    assert multi_image_probe.max_images(4096) == 2  # fewer than four: one sheet shows more
    assert multi_image_probe.max_images(8192) == 6
    assert multi_image_probe.max_images(16384) >= 8
    assert multi_image_probe.max_images(512) == 1


@pytest.mark.parametrize("size", [(896, 504), (504, 896), (640, 480), (3000, 100), (64, 64)])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 8])
def test_a_sheet_holds_all_pictures_and_is_never_large(size: tuple[int, int], count: int) -> None:
    sheet = Image.open(io.BytesIO(contact_sheet([jpeg(RED, size)] * count, [0.0] * count)))
    assert max(sheet.size) <= 1200
    red = sum(at[0] > 150 and at[2] < 90 for at in np.asarray(sheet.resize((60, 60))).reshape(-1, 3))
    assert red > 1800  # half of the sheet at least


def test_a_sheet_is_read_line_by_line_and_labelled() -> None:
    data = contact_sheet([jpeg(RED), jpeg(GREEN), jpeg(BLUE), jpeg(RED)], [0.0, 12.0, 75.0, 3725.0])
    sheet = Image.open(io.BytesIO(data)).convert("RGB")
    width, height = sheet.size
    middle = [sheet.getpixel((x, y)) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    assert [max(range(3), key=lambda at, one=one: one[at]) for one in middle] == [0, 1, 2, 0]  # type: ignore[misc]
    corner = sheet.crop((0, 0, width // 12, height // 12)).convert("L")
    low, high = corner.getextrema()
    assert (low, high) <= (20, 255)  # white on black
    assert high > 200  # type: ignore[operator]


def test_pictures_of_a_series_are_small_and_in_order() -> None:
    shown = scaled_images([jpeg(RED), jpeg(BLUE)])
    assert [max(Image.open(io.BytesIO(one)).size) for one in shown] == [448, 448]
    assert "red" in caption(shown[0])
    assert "blue" in caption(shown[1])


def test_a_damaged_picture_is_named() -> None:
    with pytest.raises(MediaError, match="damaged"):
        contact_sheet([b"no picture"], [0.0])
    with pytest.raises(MediaError):
        scaled_images([plain_colour(RED, side_px=64), b""])
