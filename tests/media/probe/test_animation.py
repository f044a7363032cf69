"""Animated images are films."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support import clips
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.frames import read_frames
from vidlocal.media.probe.prober import Prober
from vidlocal.records import MediaKind

OPTIONS: dict[str, dict[str, Any]] = {"gif": {}, "png": {}, "webp": {"lossless": True}, "avif": {"quality": 90}}


def animated(path: Path, *, frames: int, milliseconds: int = 200) -> Path:
    """An animation with number n on the n-th image."""
    images = [Image.fromarray(clips.picture(number)) for number in range(frames)]
    options = OPTIONS[path.suffix[1:]]
    images[0].save(path, save_all=True, append_images=images[1:], duration=milliseconds, loop=0, **options)
    return path


@pytest.mark.parametrize("ending", OPTIONS)
@pytest.mark.parametrize("every", [0, 2.0])
def test_an_animation_is_a_film(prober: Prober, tool: Ffmpeg, tmp_path: Path, ending: str, every: float) -> None:
    path = animated(tmp_path / f"a.{ending}", frames=40)
    probe = prober.probe(path)
    assert (probe.kind, probe.width_px, probe.height_px, probe.partial) == (MediaKind.VIDEO, 160, 96, None)
    assert probe.duration == pytest.approx(8.0, abs=0.01)
    frames = list(read_frames(path, probe, every=every, ffmpeg=tool, prober=prober))
    assert len(frames) == (40 if every == 0 else 4)
    for frame in frames:
        assert clips.number_in(frame.rgb) == pytest.approx(frame.time / 0.2, abs=0.01)
        assert clips.is_upright(frame.rgb)


@pytest.mark.parametrize("ending", OPTIONS)
def test_a_still_image_is_a_photo(prober: Prober, tmp_path: Path, ending: str) -> None:
    assert prober.probe(animated(tmp_path / f"a.{ending}", frames=1)).kind is MediaKind.PHOTO


@pytest.mark.parametrize("ending", ["gif", "png", "webp"])
def test_a_damaged_animation_is_read_or_has_a_reason(prober: Prober, tool: Ffmpeg, tmp_path: Path, ending: str) -> None:
    whole = animated(tmp_path / f"a.{ending}", frames=40)
    path = clips.cut_off(tmp_path / f"b.{ending}", whole, 0.6)
    probe = prober.probe(path)
    assert probe.kind is MediaKind.VIDEO
    assert len(list(read_frames(path, probe, every=0, ffmpeg=tool, prober=prober))) > 5


@pytest.mark.parametrize("ending", ["gif", "png", "webp"])
def test_transparent_parts_of_an_animation_are_white(prober: Prober, tool: Ffmpeg, tmp_path: Path, ending: str) -> None:
    images = []
    for number in range(10):
        image = Image.new("RGBA", (160, 96), (0, 0, 0, 0))
        image.paste((200, 20, 20, 255), (10 * number, 0, 10 * number + 40, 96))
        images.append(image)
    path = tmp_path / f"a.{ending}"
    images[0].save(path, save_all=True, append_images=images[1:], duration=200, loop=0, disposal=2, **OPTIONS[ending])
    frames = list(read_frames(path, prober.probe(path), every=0, ffmpeg=tool, prober=prober))
    assert len(frames) == 10
    for number, frame in enumerate(frames):
        assert frame.rgb[48, 10 * number + 20] == pytest.approx([200, 20, 20], abs=12)
        assert frame.rgb[48, 155] == pytest.approx([255, 255, 255], abs=6)
