"""The facts signals tell of a frame."""

import json

import numpy as np
from PIL import Image, ImageFilter

from vidlocal.signals import registry
from vidlocal.signals.features import extract_features
from vidlocal.signals.view import View


def facts_of(image: Image.Image, previous: Image.Image | None = None) -> dict[str, object]:
    before = None if previous is None else extract_features(previous)
    return registry.measure(View(np.asarray(image), extract_features(image), before))


def names_of(image: Image.Image) -> list[str]:
    colours = facts_of(image)["colours"]
    assert isinstance(colours, list)
    return [colour["name"] for colour in colours]


def plain(colour: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (320, 180), colour)


def test_facts_are_json() -> None:
    facts = facts_of(plain((200, 30, 40)), plain((0, 0, 0)))
    assert json.loads(json.dumps(facts)) == facts
    assert set(facts) == {"brightness", "contrast", "sharpness", "motion", "colours"}


def test_white_is_bright_and_black_is_dark() -> None:
    assert facts_of(plain((255, 255, 255)))["brightness"] == 1.0
    assert facts_of(plain((0, 0, 0)))["brightness"] == 0.0


def test_people_would_name_the_colours_alike() -> None:
    known = {
        "red": (200, 30, 40),
        "orange": (250, 140, 20),
        "yellow": (240, 220, 40),
        "green": (40, 140, 50),
        "cyan": (40, 190, 210),
        "blue": (30, 70, 190),
        "purple": (120, 40, 170),
        "pink": (240, 120, 190),
        "brown": (110, 70, 35),
        "black": (12, 12, 14),
        "grey": (128, 128, 130),
        "white": (245, 245, 240),
    }
    assert {name: names_of(plain(rgb)) for name, rgb in known.items()} == {name: [name] for name in known}


def test_colours_come_with_hex_and_share_largest_first() -> None:
    flag = plain((200, 30, 40))
    flag.paste((245, 245, 245), (0, 0, 80, 180))
    assert facts_of(flag)["colours"] == [
        {"name": "red", "hex": "#c81e28", "share": 0.75},
        {"name": "white", "hex": "#f5f5f5", "share": 0.25},
    ]


def test_a_blurred_picture_is_less_sharp() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (180, 320, 3), dtype=np.uint8)
    sharp = Image.fromarray(noise)
    blurred = sharp.filter(ImageFilter.GaussianBlur(2))
    crisp, soft = facts_of(sharp)["sharpness"], facts_of(blurred)["sharpness"]
    assert isinstance(crisp, float)
    assert isinstance(soft, float)
    assert 0 <= soft < crisp / 5 < crisp <= 1


def test_motion_is_the_change_since_the_frame_before_and_absent_at_first() -> None:
    grey = plain((100, 100, 100))
    assert "motion" not in facts_of(grey)
    assert facts_of(grey, grey)["motion"] == 0.0
    assert facts_of(plain((255, 255, 255)), plain((0, 0, 0)))["motion"] == 1.0


def test_a_picture_of_one_pixel_has_facts() -> None:
    assert facts_of(Image.new("RGB", (1, 1), (200, 30, 40)))["sharpness"] == 0.0
