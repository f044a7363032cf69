"""Which ffmpeg is used, and what every call of it has in common."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vidlocal import process
from vidlocal.errors import ToolError

# What may be opened at all. Playlists, concat scripts, SDP and SVG are not in it: they name other files and
# addresses. Photos are opened by Pillow.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,wav,mp3,flac,aac,amr,amrnb,amrwb,caf,aiff,mxf,dv"
)
PROTOCOLS = "file"
# 8K, 7680 x 4320: one decoded picture of that size is 50 to 100 MB.
MAX_PIXELS = 33_177_600

_MIN_VERSION = (5, 1)
_VERSION_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """One ffmpeg program: its absolute path and the version it says it is."""

    path: str
    version: str

    def base_command(self) -> list[str]:
        """The program with the options that belong before everything else: quiet, and never asking."""
        return [self.path, "-nostdin", "-hide_banner", "-v", "error"]

    def input_command(self, path: Path, *, options: Sequence[str] = ()) -> list[str]:
        """The start of a command that reads `path`; `before` holds more options for the input, such as -ss."""
        limits = [word for name, value in input_options().items() for word in (f"-{name}", value)]
        return [*self.base_command(), *limits, *options, "-i", input_path(path)]


def input_options() -> dict[str, str]:
    """What every input is limited to: no network, no playlist, no picture that eats the memory."""
    return {"protocol_whitelist": PROTOCOLS, "format_whitelist": FORMATS, "max_pixels": str(MAX_PIXELS)}


def input_path(path: Path) -> str:
    """The file as ffmpeg must be told, whatever its name: absolute, so that no `:` or `-` in it means anything."""
    return str(path.absolute())


def find_ffmpeg(configured: str | None) -> Ffmpeg:
    """The ffmpeg to use: the configured one, else the one inside imageio-ffmpeg, else that on PATH.

    Raises ToolError when there is none that runs, or it is older than 5.1.
    """
    if configured is not None:
        return _check(configured, f"The configured ffmpeg {configured}")
    bundled = _bundled()
    if bundled is not None:
        return _check(bundled, "The ffmpeg inside imageio-ffmpeg")
    return _check("ffmpeg", "ffmpeg")


def _bundled() -> str | None:
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:  # a platform without a binary in the wheel
        return None


def _check(program: str, called: str) -> Ffmpeg:
    advice = "Set VIDLOCAL_FFMPEG to an ffmpeg of version 5.1 or newer."
    try:
        finished = process.run([program, "-version"], timeout=_VERSION_TIMEOUT)
    except ToolError as error:
        raise ToolError(f"{called} cannot be run. {advice}") from error
    said = re.match(rb"ffmpeg version (\S+)", finished.stdout)
    if finished.returncode != 0 or said is None:
        raise ToolError(f"{called} is not an ffmpeg that works. {advice}")
    version = said[1].decode("utf-8", "replace")
    # Builds from git call themselves N-12345-g0123456 and are new enough to have what we need.
    number = re.match(r"n?(\d+)\.(\d+)", version)
    if number is not None and (int(number[1]), int(number[2])) < _MIN_VERSION:
        raise ToolError(f"{called} is version {version}, which is too old. {advice}")
    return Ffmpeg(program, version)
