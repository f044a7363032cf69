"""Detection of duplicate frames."""

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFont

from vidlocal.signals.features import FrameFeatures, extract_features
from vidlocal.signals.similarity import MAX_REPEAT_S, is_repeat

WIDTH, HEIGHT = 896, 504


def scene(seed: int = 1, *, base: int = 110, spread: int = 60) -> npt.NDArray[np.float32]:
    """A plausible image: large soft patches, H x W x 3."""
    patches = np.random.default_rng(seed).integers(base - spread, base + spread, (7, 12, 3), dtype=np.uint8)
    image = Image.fromarray(patches).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    return np.asarray(image).astype(np.float32)


def filmed(light: npt.NDArray[np.float32], *, seed: int = 0, noise: float = 8.0, quality: int = 60) -> FrameFeatures:
    """Features of the scene as filmed by a cheap camera: sensor noise, then lossy compression."""
    grain = np.random.default_rng(seed).normal(0, noise, light.shape).astype(np.float32)
    image = Image.fromarray(np.clip(light + grain, 0, 255).astype(np.uint8))
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=quality)
    return extract_features(Image.open(packed).convert("RGB"))


def with_figure(
    light: npt.NDArray[np.float32], *, left: int, contrast: float, width: int = 67, height: int = 202
) -> npt.NDArray[np.float32]:
    """The scene with an object of 3 % of the image."""
    picture = light.copy()
    picture[180 : 180 + height, left : left + width] += contrast
    return picture


@pytest.mark.parametrize("base", [12, 110, 235])
def test_a_static_scene_is_a_duplicate_despite_noise_and_compression(base: int) -> None:
    light = scene(base=base, spread=12)
    first = filmed(light)
    assert all(is_repeat(first, filmed(light, seed=seed), seconds_later=2.0) for seed in range(1, 12))


def test_a_plain_wall_is_a_duplicate_despite_noise() -> None:
    wall = np.full((HEIGHT, WIDTH, 3), 120, np.float32)
    first = filmed(wall, noise=12.0)
    assert all(is_repeat(first, filmed(wall, seed=seed, noise=12.0), seconds_later=2.0) for seed in range(1, 12))


def test_a_small_noisy_frame_is_a_duplicate() -> None:
    small = np.asarray(Image.fromarray(scene().astype(np.uint8)).resize((320, 180))).astype(np.float32)
    first = filmed(small, noise=24.0)
    assert all(is_repeat(first, filmed(small, seed=seed, noise=24.0), seconds_later=2.0) for seed in range(1, 12))


def test_flicker_of_the_whole_frame_is_subtracted() -> None:
    light = scene()
    assert is_repeat(filmed(light), filmed(light + 6, seed=1), seconds_later=2.0)


def test_a_fade_is_not_a_duplicate() -> None:
    light = scene()
    assert not is_repeat(filmed(light), filmed(light - 30, seed=1), seconds_later=2.0)


@pytest.mark.parametrize("contrast", [-60.0, -25.0, 15.0, 60.0])
def test_an_object_of_three_per_cent_makes_a_new_frame(contrast: float) -> None:
    light = scene()
    empty = filmed(light)
    for left in range(0, WIDTH - 67, 90):
        assert not is_repeat(empty, filmed(with_figure(light, left=left, contrast=contrast), seed=1), seconds_later=2.0)


def test_a_moved_object_makes_a_new_frame() -> None:
    light = scene()
    here = filmed(with_figure(light, left=300, contrast=40.0))
    assert not is_repeat(here, filmed(with_figure(light, left=330, contrast=40.0), seed=1), seconds_later=2.0)


def test_a_new_line_of_text_makes_a_new_frame() -> None:
    page = Image.new("RGB", (WIDTH, HEIGHT), (245, 245, 245))
    before = extract_features(page)
    ImageDraw.Draw(page).text((60, 240), "and one more thing", font=ImageFont.load_default(24), fill=(30, 30, 30))
    assert not is_repeat(before, extract_features(page), seconds_later=2.0)


def test_a_duplicate_is_at_most_twenty_seconds_later() -> None:
    look = filmed(scene())
    assert is_repeat(look, look, seconds_later=MAX_REPEAT_S)
    assert not is_repeat(look, look, seconds_later=MAX_REPEAT_S + 0.01)
    assert MAX_REPEAT_S == 20.0


def test_another_scene_is_not_a_duplicate() -> None:
    assert not is_repeat(filmed(scene(1)), filmed(scene(2)), seconds_later=2.0)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (896, 2), (2, 896), (176, 144)])
def test_images_of_any_shape_have_features(size: tuple[int, int]) -> None:
    look = extract_features(Image.new("RGB", size, (200, 100, 50)))
    assert look.grid.shape == (16, 16)
    assert 0 <= look.dhash < 1 << 64
    assert np.allclose(look.grid, look.grid[0, 0])
