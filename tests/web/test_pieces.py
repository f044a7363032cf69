"""Pieces of films for browsers: picture, and the end of ffmpeg when nobody reads on."""

import subprocess
import time
from pathlib import Path

import httpx
import psutil
import pytest

from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.probe.prober import Prober
from vidlocal.records import Probe
from vidlocal.web.playback.commands import piece_command
from vidlocal.web.playback.sources import SourceKind


def encoded(film: Path, *arguments: str) -> Probe:
    """Make a film with these arguments of ffmpeg, and return the properties of an encoded piece."""
    ffmpeg = find_ffmpeg(None)
    subprocess.run([*ffmpeg.base_command(), *arguments, "-y", str(film)], check=True, capture_output=True)
    piece = film.with_name("piece.mp4")
    with Prober() as prober:
        command = piece_command(film, prober.formats(film), SourceKind.ENCODE, 0.5, 2.0, ffmpeg=ffmpeg)
        piece.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
        return prober.probe(piece)


PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10:duration=3")


def test_a_rotated_film_is_upright(tmp_path: Path) -> None:
    plain = tmp_path / "plain.mov"
    encoded(plain, *PICTURE, "-c:v", "mpeg4")
    probe = encoded(tmp_path / "turned.mov", "-display_rotation", "90", "-i", str(plain), "-c", "copy")
    assert (probe.width_px, probe.height_px, probe.rotation) == (180, 320, 0)


def test_pixels_become_square(tmp_path: Path) -> None:
    probe = encoded(tmp_path / "wide.avi", *PICTURE, "-vf", "setsar=4/3", "-c:v", "mpeg4")
    assert probe.sample_aspect == 1.0
    assert probe.width_px / probe.height_px == pytest.approx(320 * 4 / 3 / 180, rel=0.02)


def test_a_large_film_is_scaled_down(tmp_path: Path) -> None:
    picture = ("-f", "lavfi", "-i", "testsrc2=size=1920x1440:rate=5:duration=3")
    probe = encoded(tmp_path / "large.avi", *picture, "-c:v", "mpeg4", "-q:v", "5")
    assert (probe.width_px, probe.height_px) == (960, 720)


def test_hdr_becomes_sdr(tmp_path: Path) -> None:
    hdr = "hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:log-level=none"
    arguments = (*PICTURE, "-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-x265-params", hdr)
    probe = encoded(tmp_path / "hdr.mp4", *arguments)
    assert probe.hdr is None


def test_ffmpeg_ends_when_the_browser_goes(client: httpx.Client, ids: dict[str, int]) -> None:
    def programs() -> list[psutil.Process]:
        me = psutil.Process()
        return [child for child in me.children(recursive=True) if "ffmpeg" in child.name()]

    path = f"/api/v1/videos/{ids['switch-hevc']}/piece.mp4?kind=encode&start=0.25&end=11"
    with client.stream("GET", path) as response:
        next(response.iter_raw())
    deadline = time.monotonic() + 10
    while programs():
        assert time.monotonic() < deadline
        time.sleep(0.05)
