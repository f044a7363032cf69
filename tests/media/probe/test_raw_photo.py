"""Raw photos built in the test: the preview is shown, not the thumbnail."""

import io
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support import clips
from vidlocal.errors import MediaError
from vidlocal.media.probe.prober import Prober
from vidlocal.records import MediaKind

Entry = tuple[int, int, bytes]  # tag, type, data
SENSOR, RGB = 32803, 2
PREVIEW_SIZE = (640, 384)


class TiffFile:
    """A TIFF file, written folder by folder."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.data = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))

    def add(self, content: bytes) -> int:
        self.data += bytes(len(self.data) % 2) + content
        return len(self.data) - len(content)

    def numbers(self, tag: int, *values: int) -> Entry:
        return tag, 4, struct.pack(f"{self.order}{len(values)}I", *values)

    def folder(self, entries: Sequence[Entry]) -> int:
        stored = []
        for tag, kind, content in sorted(entries):
            count = len(content) // {2: 1, 4: 4}[kind]
            place = content if len(content) <= 4 else struct.pack(self.order + "I", self.add(content))
            stored.append(struct.pack(self.order + "HHI", tag, kind, count) + place.ljust(4, b"\0"))
        return self.add(struct.pack(self.order + "H", len(stored)) + b"".join(stored) + bytes(4))

    def image(
        self, size: tuple[int, int], content: bytes, *, is_small: bool, compression: int, photometric: int
    ) -> list[Entry]:
        values = {254: int(is_small), 256: size[0], 257: size[1], 259: compression, 262: photometric}
        values |= {273: self.add(content), 277: 1 if photometric == SENSOR else 3, 278: size[1], 279: len(content)}
        entries = [self.numbers(tag, value) for tag, value in values.items()]
        bits = (16,) if photometric == SENSOR else (8, 8, 8)
        return [*entries, self.numbers(258, *bits)]

    def write(self, path: Path, first: int) -> Path:
        self.data[4:8] = struct.pack(self.order + "I", first)
        path.write_bytes(self.data)
        return path


def preview(turned: bool = False) -> Image.Image:
    image = Image.fromarray(clips.picture(5)).resize(PREVIEW_SIZE)
    return image.transpose(Image.Transpose.ROTATE_90) if turned else image


def jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95)
    return file.getvalue()


def thumbnail(tiff: TiffFile) -> list[Entry]:
    pixels = Image.new("RGB", (48, 32), "green").tobytes()
    return tiff.image((48, 32), pixels, is_small=True, compression=1, photometric=RGB)


def sensor(tiff: TiffFile) -> list[Entry]:
    noise = np.random.default_rng(1).integers(0, 4096, (400, 660), np.uint16).tobytes()
    return tiff.image((660, 400), noise, is_small=False, compression=1, photometric=SENSOR)


def assert_shows_preview(prober: Prober, path: Path) -> None:
    probe = prober.probe(path)
    assert (probe.kind, probe.width_px, probe.height_px, probe.partial) == (MediaKind.PHOTO, *PREVIEW_SIZE, None)
    rgb = prober.read_photo(path).rgb
    assert rgb.shape == (384, 640, 3)
    assert clips.is_upright(rgb)
    assert clips.number_in(rgb) == 5


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("is_jpeg", [True, False])
def test_the_preview_of_a_raw_photo_is_shown(
    prober: Prober, tmp_path: Path, order: str, orientation: int, is_jpeg: bool
) -> None:
    tiff = TiffFile(order)
    image = preview(turned=orientation == 6)
    content = jpeg(image) if is_jpeg else image.tobytes()
    large = tiff.image(image.size, content, is_small=True, compression=7 if is_jpeg else 1, photometric=RGB)
    folders = [tiff.folder(large), tiff.folder(sensor(tiff))]
    date = (306, 2, b"2018:05:06 10:11:12\0")
    first = [*thumbnail(tiff), tiff.numbers(274, orientation), tiff.numbers(330, *folders), date]
    path = tiff.write(tmp_path / "a.dng", tiff.folder([*first, tiff.numbers(50706, 1)]))
    assert_shows_preview(prober, path)
    assert prober.probe(path).recorded_at == "2018-05-06T10:11:12"


def test_raw_photo_starting_with_sensor_data_shows_its_preview(prober: Prober, tmp_path: Path) -> None:
    tiff = TiffFile("<")
    large = tiff.image(PREVIEW_SIZE, jpeg(preview()), is_small=True, compression=7, photometric=6)
    folders = [tiff.folder(thumbnail(tiff)), tiff.folder(large)]
    first = tiff.folder([*sensor(tiff), tiff.numbers(330, *folders)])
    assert_shows_preview(prober, tiff.write(tmp_path / "a.nef", first))


@pytest.mark.parametrize(
    "head", [b"FUJIFILMCCD-RAW 0201", b"\0\0\0\x18ftypcrx \0\0\0\x01", b"IIU\0\x08\0\0\0", b"IIRO\x08\0\0\0"]
)
def test_the_preview_of_other_raw_formats_is_shown(prober: Prober, tmp_path: Path, head: bytes) -> None:
    small = jpeg(Image.new("RGB", (160, 120), "green"))
    noise = np.random.default_rng(1).integers(0, 255, 100_000, np.uint8).tobytes()
    (tmp_path / "a.raw").write_bytes(head + bytes(200) + small + bytes(50) + jpeg(preview()) + noise)
    assert_shows_preview(prober, tmp_path / "a.raw")


def test_a_raw_photo_without_a_preview_is_an_error(prober: Prober, tmp_path: Path) -> None:
    tiff = TiffFile("<")
    first = [*thumbnail(tiff), tiff.numbers(330, tiff.folder(sensor(tiff))), tiff.numbers(50706, 1)]
    path = tiff.write(tmp_path / "a.dng", tiff.folder(first))
    with pytest.raises(MediaError, match=r"^a.dng: raw photo without a preview"):
        prober.probe(path)
    cut = clips.cut_off(tmp_path / "b.dng", path, 0.5)
    with pytest.raises(MediaError, match=r"^b.dng: "):
        prober.probe(cut)
