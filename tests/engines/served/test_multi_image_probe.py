"""Several images in a question: the probe, contact sheets and scaled images."""

import io
import random
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.support.fake_ollama import FakeOllama, broken, caption, say
from tests.support.images import plain_colour
from vidlocal.engines.base import RunnerFailed
from vidlocal.engines.served import multi_image_probe
from vidlocal.engines.served.canary import check_vision
from vidlocal.engines.served.contact_sheet import contact_sheet, scaled_images
from vidlocal.engines.served.models import ServedVision
from vidlocal.errors import EngineUnreachable, MediaError

RED, GREEN, BLUE = (220, 20, 20), (20, 160, 40), (20, 40, 220)


def jpeg(rgb: tuple[int, int, int], size: tuple[int, int] = (896, 504)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, rgb).save(buffer, "JPEG")
    return buffer.getvalue()


def test_a_model_that_names_colours_in_order_passes(server: FakeOllama, vision: ServedVision) -> None:
    server.models["llava:7b"] = replace(server.models["llava:7b"], takes_several=True)
    assert multi_image_probe.probe(vision, rng=random.Random(1))
    first, second = server.asked("/api/chat")
    assert len(first.body["messages"][1]["images"]) == 3
    assert first.body["messages"] != second.body["messages"]


def test_a_model_that_sees_the_first_image_only_fails(server: FakeOllama, vision: ServedVision) -> None:
    assert not multi_image_probe.probe(vision)
    assert len(server.asked("/api/chat")) == 1


@pytest.mark.parametrize(
    "answer", ["blue, red, green", "red", "", "red, red, red", "red green blue yellow black white"]
)
def test_a_wrong_order_fails(server: FakeOllama, vision: ServedVision, answer: str) -> None:
    server.choose = lambda asked: say(answer)
    assert not multi_image_probe.probe(vision, rng=random.Random(3))


def test_a_server_that_rejects_several_images_fails(server: FakeOllama, vision: ServedVision) -> None:
    server.script(broken("Failed to load image or audio file", 400))
    assert not multi_image_probe.probe(vision)


def test_a_failed_engine_is_no_answer(server: FakeOllama, vision: ServedVision) -> None:
    server.models["llava:7b"] = replace(server.models["llava:7b"], breaks=True)
    with pytest.raises(RunnerFailed):
        multi_image_probe.probe(vision)
    assert check_vision(vision).passed  # loaded again


def test_an_unreachable_server_is_an_error(server: FakeOllama, vision: ServedVision) -> None:
    server.down()
    with pytest.raises(EngineUnreachable):
        multi_image_probe.probe(vision)


def test_the_number_of_images_depends_on_the_context_size() -> None:
    assert multi_image_probe.max_images(4096) == 2  # fewer than MIN_IMAGES: one sheet shows more
    assert multi_image_probe.max_images(8192) == 6
    assert multi_image_probe.max_images(16384) >= 8
    assert multi_image_probe.max_images(512) == 1


@pytest.mark.parametrize("size", [(896, 504), (504, 896), (640, 480), (3000, 100), (64, 64)])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 8])
def test_a_sheet_has_all_images_and_a_maximum_size(size: tuple[int, int], count: int) -> None:
    sheet = Image.open(io.BytesIO(contact_sheet([jpeg(RED, size)] * count, [0.0] * count)))
    assert max(sheet.size) <= 1200
    red = sum(pixel[0] > 150 and pixel[2] < 90 for pixel in np.asarray(sheet.resize((60, 60))).reshape(-1, 3))
    assert red > 1800  # at least half of the sheet


def test_a_sheet_is_in_reading_order_and_labelled() -> None:
    data = contact_sheet([jpeg(RED), jpeg(GREEN), jpeg(BLUE), jpeg(RED)], [0.0, 12.0, 75.0, 3725.0])
    sheet = Image.open(io.BytesIO(data)).convert("RGB")
    width, height = sheet.size
    middle = [sheet.getpixel((x, y)) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    assert [max(range(3), key=lambda channel, rgb=rgb: rgb[channel]) for rgb in middle] == [0, 1, 2, 0]  # type: ignore[misc]
    corner = sheet.crop((0, 0, width // 12, height // 12)).convert("L")
    low, high = corner.getextrema()
    assert (low, high) <= (20, 255)  # white on black
    assert high > 200  # type: ignore[operator]


def test_scaled_images_are_small_and_in_order() -> None:
    scaled = scaled_images([jpeg(RED), jpeg(BLUE)])
    assert [max(Image.open(io.BytesIO(image)).size) for image in scaled] == [448, 448]
    assert "red" in caption(scaled[0])
    assert "blue" in caption(scaled[1])


def test_a_damaged_image_is_an_error() -> None:
    with pytest.raises(MediaError, match="damaged"):
        contact_sheet([b"no image"], [0.0])
    with pytest.raises(MediaError):
        scaled_images([plain_colour(RED, side_px=64), b""])
