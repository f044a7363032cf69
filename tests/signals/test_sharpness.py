import numpy as np
from PIL import Image, ImageFilter

from vidlocal.signals.sharpness import detail


def test_a_blurred_picture_is_less_sharp() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (180, 320, 3), dtype=np.uint8)
    blurred = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(2))
    crisp, soft = detail(noise), detail(np.asarray(blurred))
    assert 0 <= soft < crisp / 5 < crisp <= 1


def test_a_picture_of_one_pixel_has_no_sharpness() -> None:
    assert detail(np.full((1, 1, 3), 200, dtype=np.uint8)) == 0.0
