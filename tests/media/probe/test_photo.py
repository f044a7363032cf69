import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from tests.support import clips
from vidlocal.errors import MediaError
from vidlocal.media.probe.prober import Prober
from vidlocal.records import MediaKind

# What libheif made of a picture of 160 x 96 that is stored as 96 x 160.
HEIC = Path(__file__).parents[2] / "assets" / "sideways.heic"


def photo(path: Path, **options: Any) -> Path:
    """The numbered frame 5 as a photo, four times as large."""
    Image.fromarray(clips.picture(5)).resize((640, 384)).save(path, **options)
    return path


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "gif", "bmp", "tiff", "avif"])
def test_every_photo_format_is_read(prober: Prober, tmp_path: Path, ending: str) -> None:
    path = photo(tmp_path / f"a.{ending}")
    probe = prober.probe(path)
    assert (probe.kind, probe.duration, probe.width_px, probe.height_px) == (MediaKind.PHOTO, 0.0, 640, 384)
    picture = prober.read_photo(path)
    assert (picture.time, picture.rgb.dtype, picture.rgb.shape) == (0.0, np.uint8, (384, 640, 3))
    assert clips.number_in(picture.rgb) == 5
    assert clips.is_upright(picture.rgb)


@pytest.mark.parametrize("ending", ["jpg", "tiff", "png", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(prober: Prober, tmp_path: Path, orientation: int, ending: str) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = Image.fromarray(clips.picture(5)).resize((640, 384))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = image.transpose(undo[orientation]) if orientation in undo else image
    stored.save(tmp_path / f"a.{ending}", exif=exif, quality=95)
    probe = prober.probe(tmp_path / f"a.{ending}")
    assert (probe.width_px, probe.height_px) == (640, 384)
    rgb = prober.read_photo(tmp_path / f"a.{ending}").rgb
    assert rgb.shape == (384, 640, 3)
    assert clips.is_upright(rgb)
    assert clips.number_in(rgb) == 5


def test_large_photos_are_scaled_down_and_small_ones_kept(prober: Prober, tmp_path: Path) -> None:
    Image.new("RGB", (4000, 3000)).save(tmp_path / "large.jpg")
    Image.new("RGB", (3, 2)).save(tmp_path / "small.png")
    assert prober.read_photo(tmp_path / "large.jpg").rgb.shape == (672, 896, 3)
    assert prober.read_photo(tmp_path / "large.jpg", long_side_px=400).rgb.shape == (300, 400, 3)
    assert prober.read_photo(tmp_path / "small.png").rgb.shape == (2, 3, 3)


def test_a_photo_of_200_megapixels_is_read(prober: Prober, tmp_path: Path) -> None:
    Image.new("L", (16_320, 12_240), 200).save(tmp_path / "a.jpg")
    probe = prober.probe(tmp_path / "a.jpg")
    assert (probe.width_px, probe.height_px) == (16_320, 12_240)
    picture = prober.read_photo(tmp_path / "a.jpg").rgb
    assert (picture.shape, int(picture.mean())) == ((672, 896, 3), 200)


def test_the_exif_date_is_the_recording_date(prober: Prober, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2018:05:06 10:11:12"
    exif.get_ifd(0x8769)[0x9011] = "+02:00"
    path = photo(tmp_path / "a.jpg", exif=exif)
    assert prober.probe(path).recorded_at == "2018-05-06T10:11:12+02:00"
    assert prober.probe(photo(tmp_path / "b.jpg")).recorded_at is None


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK", "I;16", "F"])
def test_every_pixel_format_becomes_rgb(prober: Prober, tmp_path: Path, mode: str) -> None:
    ending = "tiff" if mode in ("CMYK", "F") else "png"
    Image.new(mode, (20, 10)).save(tmp_path / f"a.{ending}")
    assert prober.read_photo(tmp_path / f"a.{ending}").rgb.shape == (10, 20, 3)


@pytest.mark.parametrize(("kind", "brightest"), [(np.float32, 1.0), (np.float32, 5000.0), (np.int32, 65535)])
def test_a_photo_of_32_bits_is_not_black(prober: Prober, tmp_path: Path, kind: type, brightest: float) -> None:
    values: Any = np.tile(np.linspace(0, brightest, 20), (10, 1)).astype(kind)
    Image.fromarray(values).save(tmp_path / "a.tiff")
    rgb = prober.read_photo(tmp_path / "a.tiff").rgb
    assert (rgb[5, 0].max(), rgb[5, 19].min()) == (0, 255)
    assert rgb[5, 10].mean() == pytest.approx(255 * 10 / 19, abs=3)


def test_long_texts_in_a_png_are_no_obstacle(prober: Prober, tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "x" * (3 << 20), zip=True)
    Image.new("RGB", (20, 10), "red").save(tmp_path / "a.png", pnginfo=texts)
    assert prober.probe(tmp_path / "a.png").width_px == 20


def test_transparent_areas_become_white(prober: Prober, tmp_path: Path) -> None:
    Image.new("RGBA", (20, 10), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert (prober.read_photo(tmp_path / "a.png").rgb == 255).all()


def test_an_animation_gives_its_first_image(prober: Prober, tmp_path: Path) -> None:
    first, second = Image.new("RGB", (20, 10), "red"), Image.new("RGB", (20, 10), "blue")
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    assert prober.read_photo(tmp_path / "a.gif").rgb[0, 0, 0] > 200


def test_a_truncated_photo_is_partial_and_still_decoded(prober: Prober, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (400, 600, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    path = clips.cut_off(tmp_path / "b.jpg", tmp_path / "a.jpg", 0.5)
    assert prober.probe(path).partial is not None
    assert prober.read_photo(path).rgb.shape == (400, 600, 3)


def test_a_phone_photo_is_upright(prober: Prober) -> None:
    """Stored sideways, with the rotation in the container and in EXIF, as phones do."""
    probe = prober.probe(HEIC)
    assert (probe.kind, probe.container, probe.width_px, probe.height_px) == (MediaKind.PHOTO, "heif", 160, 96)
    assert (probe.recorded_at, probe.partial) == ("2019-07-20T14:03:02", None)
    assert clips.is_upright(prober.read_photo(HEIC).rgb)


def test_a_truncated_phone_photo_and_a_decompression_bomb_are_errors(prober: Prober, tmp_path: Path) -> None:
    whole = HEIC.read_bytes()
    enormous = whole.replace((96).to_bytes(4) + (160).to_bytes(4), (60_000).to_bytes(4) + (60_000).to_bytes(4))
    assert enormous != whole
    for name, data in (("cut.heic", whole[:-40]), ("start.heic", whole[:200]), ("bomb.heic", enormous)):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(MediaError, match=r"corrupt|too large") as caught:
            prober.probe(tmp_path / name)
        assert str(caught.value).startswith(name)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the memory of a process by Linux")
@pytest.mark.parametrize("kind", ["grey and transparency", "colour of 16 bits and transparency"])
def test_a_decompression_bomb_takes_less_than_a_gigabyte(tmp_path: Path, kind: str) -> None:
    bytes_per_pixel, colour_type, depth = (2, 4, 8) if kind.startswith("grey") else (8, 6, 16)
    path = tmp_path / "bomb.png"
    path.write_bytes(blank_png(13_370, bytes_per_pixel=bytes_per_pixel, colour_type=colour_type, depth=depth))
    # Not ru_maxrss, which on Linux begins with the memory of the process that started the child.
    code = (
        "import re, sys; from pathlib import Path; from vidlocal.media.probe.photo_child import read_pixels; "
        "size = len(read_pixels(sys.argv[1], 672)[1]); "
        "print(size, re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])"
    )
    child = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=True)
    size, peak_kb = map(int, child.stdout.split())
    assert size == 3 * 672 * 672
    assert peak_kb * 1024 < 1 << 30


def test_a_format_that_needs_more_memory_has_a_lower_limit(tmp_path: Path, prober: Prober) -> None:
    Image.new("L", (7_100, 7_100)).save(tmp_path / "large.webp", lossless=True, quality=0, method=0)
    with pytest.raises(MediaError, match="too large to be decoded safely"):
        prober.probe(tmp_path / "large.webp")


@pytest.mark.parametrize("size", [(1500, 900), (901, 1501), (3000, 40)])
def test_a_large_photo_is_scaled_down_in_bands_without_seams(
    tmp_path: Path, prober: Prober, size: tuple[int, int]
) -> None:
    gradient = Image.linear_gradient("L").resize(size, Image.Resampling.BILINEAR).convert("RGBA")
    gradient.save(tmp_path / "gradient.png")
    scaled = prober.read_photo(tmp_path / "gradient.png").rgb
    expected = np.asarray(gradient.convert("RGB").resize((scaled.shape[1], scaled.shape[0]), Image.Resampling.BOX))
    assert np.abs(scaled.astype(int) - expected.astype(int)).max() <= 3


def blank_png(side_px: int, *, bytes_per_pixel: int, colour_type: int, depth: int) -> bytes:
    """A black PNG with a decoded size of many times the file."""
    packer = zlib.compressobj(9)
    row = bytes(1 + side_px * bytes_per_pixel)
    data = b"".join(packer.compress(row) for _ in range(side_px)) + packer.flush()
    header = struct.pack(">IIBBBBB", side_px, side_px, depth, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
