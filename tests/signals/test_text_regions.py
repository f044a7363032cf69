import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from vidlocal.signals.text_regions import CellGrid, Region, regions_around

SIZE = (896, 504)


def frame(text: str = "", at: tuple[int, int] = (300, 200), *, ink: int = 240, ground: int = 60) -> Image.Image:
    image = Image.new("L", SIZE, ground)
    ImageDraw.Draw(image).text(at, text, font=ImageFont.load_default(24), fill=ink)
    return image.convert("RGB")


def test_a_plain_frame_has_no_part_to_search() -> None:
    assert CellGrid(frame(), None).part_to_search() is None


@pytest.mark.parametrize(("ink", "ground"), [(240, 60), (105, 60), (0, 45)])
def test_the_part_to_search_has_all_of_the_text(ink: int, ground: int) -> None:
    image = frame("Platform 2 to Bern", ink=ink, ground=ground)
    part = CellGrid(image, None).part_to_search()
    assert part is not None
    left, top, right, bottom = Image.fromarray(np.asarray(image.convert("L")) != ground).getbbox() or (0, 0, 0, 0)
    assert (part.left <= left, part.top <= top, part.right >= right, part.bottom >= bottom) == (True,) * 4
    assert part.area < SIZE[0] * SIZE[1] / 4


def test_only_the_part_that_changed_is_searched() -> None:
    before = CellGrid(frame("Platform 2", (60, 60)), None)
    after = frame("Platform 2", (60, 60))
    after.paste(frame("to Bern", (600, 400)).crop((590, 390, 720, 440)), (590, 390))
    grid = CellGrid(after, before)
    part = grid.part_to_search()
    assert part is not None
    assert part.left > 400
    assert grid.is_unchanged(Region(50, 50, 220, 100))
    assert not grid.is_unchanged(Region(590, 390, 720, 440))
    assert CellGrid(frame("Platform 2", (60, 60)), before).part_to_search() is None


def test_a_digit_that_changes_is_a_change() -> None:
    before = CellGrid(frame("12:41", ink=105), None)
    assert not CellGrid(frame("12:42", ink=105), before).is_unchanged(Region(300, 200, 370, 230))


def test_frames_of_different_sizes_are_not_compared() -> None:
    before = CellGrid(frame("Platform 2").resize((640, 360)), None)
    assert CellGrid(frame("Platform 2"), before).part_to_search() is not None


def test_regions_have_margins_and_do_not_overlap() -> None:
    boxes = [Region(100, 100, 300, 130), Region(100, 135, 260, 160), Region(600, 400, 700, 420)]
    regions = regions_around(boxes, SIZE)
    assert [text.text_height_px for text in regions] == [25, 20]
    assert {side % 32 for text in regions for side in (text.region.width, text.region.height)} == {0}
    first, second = (text.region for text in regions)
    assert not first.overlaps(second)
    assert (first.left < 95, first.top < 95, first.right > 305, first.bottom > 165) == (True,) * 4


def test_regions_stay_in_the_frame() -> None:
    (text,) = regions_around([Region(0, 0, 896, 504)], SIZE)
    assert text.region == Region(0, 0, *SIZE)


def test_a_sliver_is_searched_whole() -> None:
    stripes = np.zeros((20, 896), np.uint8)
    stripes[:, ::4] = 255
    assert CellGrid(Image.fromarray(stripes).convert("RGB"), None).part_to_search() == Region(0, 0, 896, 20)
