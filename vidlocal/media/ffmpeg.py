"""Find ffmpeg and build the options common to all calls."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vidlocal import process
from vidlocal.errors import ToolError

# Formats that may be opened. Playlists, concat scripts, SDP and SVG are excluded: they refer to other files and
# addresses. Photos are opened by Pillow, animations by ffmpeg.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,wav,mp3,flac,aac,amr,amrnb,amrwb,caf,aiff,mxf,dv"
    ",gif,apng,webp_anim"
)
WEBP_FORMAT = "webp_anim"
PROTOCOLS = "file"
# 8K, 7680 x 4320: a decoded frame of this size is 50 to 100 MB.
MAX_PIXELS = 33_177_600

_MIN_VERSION = (5, 1)
_VERSION_TIMEOUT_S = 30.0

# The component at the start of a line (`[h264 @ 0x55d0] `), and lines about ffmpeg itself, not the file.
_COMPONENT = re.compile(r"^(?:\[[^\]]*\]\s*)+")
_GENERAL_LINES = (
    "Task finished",
    "Terminating thread",
    "Conversion failed",
    "Could not open encoder",
    "Decode error rate",
    "Error opening output",
    "Error reinitializing",
    "Error sending",
    "Error submitting",
    "Error while",
    "Failed to",
    "Nothing was written",
    "Output file",
)


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """An ffmpeg executable with path and version."""

    path: str
    version: str

    def base_command(self) -> list[str]:
        """The executable with options for quiet, non-interactive runs."""
        return [self.path, "-nostdin", "-hide_banner", "-v", "error"]

    def input_command(self, path: Path, *, options: Sequence[str] = ()) -> list[str]:
        """The start of a command with `path` as input; `options` are further input options such as -ss."""
        limits = [argument for name, value in input_options().items() for argument in (f"-{name}", value)]
        return [*self.base_command(), *limits, *options, "-i", input_path(path)]


def input_options() -> dict[str, str]:
    """Limits for every input: no network, no playlists, no frames larger than 8K."""
    return {"protocol_whitelist": PROTOCOLS, "format_whitelist": FORMATS, "max_pixels": str(MAX_PIXELS)}


def input_path(path: Path) -> str:
    """The absolute path: ffmpeg then does not interpret `:` and `-`."""
    return str(path.absolute())


def find_ffmpeg(configured: str | None) -> Ffmpeg:
    """Find ffmpeg: as configured, else from imageio-ffmpeg, else on PATH.

    Raises ToolError if the executable does not run or is older than 5.1.
    """
    if configured is not None:
        return _check(configured, configured)
    bundled = _bundled()
    if bundled is not None:
        return _check(bundled, "ffmpeg of imageio-ffmpeg")
    return _check("ffmpeg", "ffmpeg")


def is_bundled(path: str | Path) -> bool:
    """Return True for the executable in the package imageio-ffmpeg."""
    import imageio_ffmpeg

    return Path(imageio_ffmpeg.__file__).parent in Path(path).parents


def error_line(stderr: str, returncode: int = 0) -> str:
    """The last error message of ffmpeg about the file, at most 200 characters. `returncode` is negative for a crash."""
    lines = [_COMPONENT.sub("", line).strip() for line in stderr.splitlines()]
    errors = [line for line in lines if line and not line.startswith(_GENERAL_LINES)]
    if errors:
        return errors[-1][:200].rstrip(".")
    return "ffmpeg crashed; set VIDLOCAL_FFMPEG to a newer one" if returncode < 0 else "no message from ffmpeg"


def _bundled() -> str | None:
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:  # a platform without a binary in the wheel
        return None


def _check(program: str, label: str) -> Ffmpeg:
    advice = "Set VIDLOCAL_FFMPEG to ffmpeg 5.1 or newer."
    try:
        finished = process.run([program, "-version"], timeout=_VERSION_TIMEOUT_S)
    except ToolError as error:
        raise ToolError(f"{label}: cannot be run. {advice}") from error
    banner = re.match(rb"ffmpeg version (\S+)", finished.stdout)
    if finished.returncode != 0 or banner is None:
        raise ToolError(f"{label}: not a working ffmpeg. {advice}")
    version = banner[1].decode("utf-8", "replace")
    # Git builds have versions such as N-12345-g0123456 and are new enough.
    number = re.match(r"n?(\d+)\.(\d+)", version)
    if number is not None and (int(number[1]), int(number[2])) < _MIN_VERSION:
        raise ToolError(f"{label}: version {version} is too old. {advice}")
    return Ffmpeg(program, version)
