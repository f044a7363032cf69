import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from vidlocal.signals.text_regions import ALIGN_PX, CellGrid, Region

SIZE = (896, 504)
UNITS = (float(ALIGN_PX), float(ALIGN_PX))


def frame(text: str = "", at: tuple[int, int] = (300, 200), *, ink: int = 240, ground: int = 60) -> Image.Image:
    image = Image.new("L", SIZE, ground)
    ImageDraw.Draw(image).text(at, text, font=ImageFont.load_default(24), fill=ink)
    return image.convert("RGB")


def parts_of(image: Image.Image, before: CellGrid | None = None) -> list[Region]:
    return CellGrid(image, before).parts_to_search(UNITS)


def page(*, dark: bool = False) -> Image.Image:
    image = Image.new("L", SIZE, 30 if dark else 245)
    for top in range(20, 480, 18):
        line = "Every frame that differs from the one before is kept, with the time at which it was first seen. " * 2
        ImageDraw.Draw(image).text((30, top), line, font=ImageFont.load_default(12), fill=200 if dark else 40)
    return image.convert("RGB")


def foliage() -> Image.Image:
    """Noise, from dark to light."""
    leaves = np.random.default_rng(3).integers(0, 256, (252, 448)) * np.linspace(0.2, 1, 448)
    return Image.fromarray(leaves.astype(np.uint8)).resize(SIZE).convert("RGB")


def test_a_plain_frame_has_no_part_to_search() -> None:
    assert parts_of(frame()) == []


@pytest.mark.parametrize(("ink", "ground"), [(240, 60), (105, 60), (0, 45)])
def test_the_part_to_search_has_all_of_the_text(ink: int, ground: int) -> None:
    image = frame("Platform 2 to Bern", ink=ink, ground=ground)
    (part,) = parts_of(image)
    left, top, right, bottom = Image.fromarray(np.asarray(image.convert("L")) != ground).getbbox() or (0, 0, 0, 0)
    assert (part.left <= left, part.top <= top, part.right >= right, part.bottom >= bottom) == (True,) * 4
    assert part.width * part.height < SIZE[0] * SIZE[1] / 4


def test_texts_far_from_each_other_are_two_parts() -> None:
    image = frame("Platform 2", (60, 60))
    image.paste(frame("to Bern", (600, 400)).crop((590, 390, 720, 440)), (590, 390))
    first, second = parts_of(image)
    assert (first.right, first.bottom) < (second.left, second.top)


def test_the_outline_of_a_large_area_is_not_searched() -> None:
    image = frame()
    ImageDraw.Draw(image).rectangle((200, 100, 700, 400), fill=(200, 200, 200))
    assert parts_of(image) == []


def test_only_the_part_that_changed_is_searched() -> None:
    before = CellGrid(frame("Platform 2", (60, 60)), None)
    after = frame("Platform 2", (60, 60))
    after.paste(frame("to Bern", (600, 400)).crop((590, 390, 720, 440)), (590, 390))
    grid = CellGrid(after, before)
    (part,) = grid.parts_to_search(UNITS)
    assert part.left > 400
    assert grid.is_unchanged(Region(50, 50, 220, 100))
    assert not grid.is_unchanged(Region(590, 390, 720, 440))
    assert parts_of(frame("Platform 2", (60, 60)), before) == []


def test_a_line_of_which_a_word_changed_is_searched_whole() -> None:
    before = CellGrid(frame("The train to Bern leaves at 12:41", (200, 200)), None)
    (part,) = parts_of(frame("The train to Bern leaves at 12:42", (200, 200)), before)
    assert part.left <= 200


def test_a_digit_that_changes_is_a_change() -> None:
    before = CellGrid(frame("12:41", ink=105), None)
    assert not CellGrid(frame("12:42", ink=105), before).is_unchanged(Region(300, 200, 370, 230))


def test_frames_of_different_sizes_are_not_compared() -> None:
    before = CellGrid(frame("Platform 2").resize((640, 360)), None)
    assert parts_of(frame("Platform 2"), before)


def test_parts_are_aligned_do_not_overlap_and_stay_in_the_frame() -> None:
    image = frame("Platform 2", (2, 2))
    for place in ((5, 40), (300, 60), (840, 480)):
        ImageDraw.Draw(image).text(place, "to Bern", font=ImageFont.load_default(18), fill="white")
    units = (89.6, 71.7)
    parts = CellGrid(image, None).parts_to_search(units)
    assert len(parts) > 1
    for number, part in enumerate(parts):
        assert (part.left >= 0, part.top >= 0, part.right <= SIZE[0], part.bottom <= SIZE[1]) == (True,) * 4
        for side, unit in ((part.width, units[0]), (part.height, units[1])):
            assert min(side % unit, unit - side % unit) <= 2
        assert not any(part.overlaps(other) for other in parts[:number])


@pytest.mark.parametrize("dark", [False, True])
def test_a_page_of_small_print_is_recognized(dark: bool) -> None:
    assert CellGrid(page(dark=dark), None).is_page()


@pytest.mark.parametrize("image", [frame("Platform 2 to Bern"), foliage()])
def test_titles_and_foliage_are_no_pages(image: Image.Image) -> None:
    assert not CellGrid(image, None).is_page()


def test_a_sliver_is_searched_whole() -> None:
    stripes = np.zeros((20, 896), np.uint8)
    stripes[:, ::4] = 255
    assert parts_of(Image.fromarray(stripes).convert("RGB")) == [Region(0, 0, 896, 20)]
