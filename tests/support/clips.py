"""Small clips with known answers, made with vidlocal's ffmpeg.

Pictures carry their own number: a row of blocks along the upper half, black or white, is the number in binary, most
significant bit left. The lower half is red on the left and blue on the right, so that a turned picture shows.
"""

import functools
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vidlocal.media import ffmpeg

Rgb = npt.NDArray[np.uint8]

WIDTH_PX, HEIGHT_PX = 160, 96
_BITS = 10

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p")


@functools.cache
def program() -> str:
    """The ffmpeg for clips."""
    return ffmpeg.find_ffmpeg(None).path


def run(*words: str | Path, stdin: bytes | None = None) -> None:
    """Call ffmpeg. Raises an error on failure."""
    command = [program(), "-y", "-v", "error", *map(str, words)]
    finished = subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=120)
    assert finished.returncode == 0, finished.stderr.decode(errors="replace")


def picture(number: int) -> Rgb:
    """The picture of `number`."""
    rgb = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    rgb[HEIGHT_PX // 2 :, : WIDTH_PX // 2] = (200, 0, 0)
    rgb[HEIGHT_PX // 2 :, WIDTH_PX // 2 :] = (0, 0, 200)
    block = WIDTH_PX // _BITS
    for bit in range(_BITS):
        if number >> (_BITS - 1 - bit) & 1:
            rgb[: HEIGHT_PX // 2, bit * block : (bit + 1) * block] = 255
    return rgb


def number_in(rgb: Rgb) -> int:
    """The number on a picture of any size."""
    height, width = rgb.shape[:2]
    row = rgb[height // 8 : height * 3 // 8].mean(axis=(0, 2))
    centres = ((np.arange(_BITS) + 0.5) * width / _BITS).astype(int)
    return int("".join("1" if row[centre] > 128 else "0" for centre in centres), 2)


def is_upright(rgb: Rgb) -> bool:
    """True for red at the lower left and blue at the lower right."""
    height, width = rgb.shape[:2]
    left, right = rgb[height * 3 // 4, width // 4].astype(int), rgb[height * 3 // 4, width * 3 // 4].astype(int)
    return bool(left[0] > left[2] + 40 and right[2] > right[0] + 40)


def numbered(
    path: Path,
    *,
    frames: int = 60,
    rate: str = "30",
    codec: Sequence[str] = X264,
    before: Sequence[str | Path] = (),
    after: Sequence[str | Path] = (),
) -> Path:
    """A clip with number n on the n-th picture. `before` are more inputs, `after` more options for the output."""
    raw = b"".join(picture(number).tobytes() for number in range(frames))
    source = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH_PX}x{HEIGHT_PX}", "-r", rate, "-i", "pipe:0")
    run(*before, *source, *codec, *after, path, stdin=raw)
    return path


def variable(path: Path, time: Callable[[int], float], *, frames: int, codec: Sequence[str] = X264) -> Path:
    """A clip with number n on the n-th picture, shown at `time(n)` in whole milliseconds."""
    times = [round(time(number) * 1000) for number in range(frames)]
    steps = "+".join(f"eq(N,{number})*{stamp}" for number, stamp in enumerate(times))
    timing = ("-vf", f"settb=1/1000,setpts='{steps}'", "-fps_mode", "passthrough", "-enc_time_base", "1/1000")
    return numbered(path, frames=frames, codec=codec, after=timing)


def joined(path: Path, parts: Iterable[Path]) -> Path:
    """The parts in sequence, in an MP4 or Matroska, without encoding."""
    parts = list(parts)
    script = path.with_name(path.name + ".txt")
    script.write_text("".join(f"file '{part}'\n" for part in parts))
    run("-f", "concat", "-safe", "0", "-i", script, "-c", "copy", path)
    script.unlink()
    return path


def scenes(path: Path, *, seconds: int = 12, seed: int = 0) -> Path:
    """A silent film of clearly different shots, 4 seconds each; another `seed` is another film."""
    shots = range(0, seconds, 4)
    sources = [_shot(seed * 7 + index) for index in range(len(shots))]
    inputs = [word for source in sources for word in ("-f", "lavfi", "-t", "4", "-i", source)]
    joint = "".join(f"[{index}:v]" for index in range(len(shots))) + f"concat=n={len(shots)}:v=1[v]"
    run(*inputs, "-filter_complex", joint, "-map", "[v]", "-t", str(seconds), *X264, "-g", "20", path)
    return path


def sound(path: Path, *, seconds: float = 3, codec: Sequence[str] = ()) -> Path:
    """A tone of 440 Hz."""
    run("-f", "lavfi", "-i", f"sine=440:duration={seconds}", *codec, path)
    return path


def cover(path: Path) -> Path:
    """A still picture, as JPEG or whatever the name says."""
    run("-f", "lavfi", "-i", "color=orange:size=120x120", "-frames:v", "1", path)
    return path


def cut_off(path: Path, whole: Path, share: float) -> Path:
    """The first part of a file, as in a broken download."""
    data = whole.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def promise(path: Path, whole: Path, seconds: float) -> Path:
    """A Matroska file with this duration in the header, and unchanged packets."""
    data = bytearray(whole.read_bytes())
    at = data.index(b"\x44\x89\x88") + 3  # Duration, a float of eight bytes, in milliseconds
    data[at : at + 8] = np.array([seconds * 1000], ">f8").tobytes()
    path.write_bytes(data)
    return path


def mistimed(path: Path, whole: Path, number: int, seconds: float, *, kind: int = 9) -> Path:
    """An FLV file with a delayed time in the n-th tag of pictures (kind 9) or sound (8)."""
    data = bytearray(whole.read_bytes())
    at, found = 13, 0  # behind the header; tag 0 is how to decode them
    while at < len(data):
        if data[at] == kind:
            if found == number:
                time = int.from_bytes(data[at + 4 : at + 7]) | data[at + 7] << 24
                time += round(seconds * 1000)
                data[at + 4 : at + 8] = (time & 0xFFFFFF).to_bytes(3) + (time >> 24).to_bytes(1)
            found += 1
        at += 15 + int.from_bytes(data[at + 1 : at + 4])
    path.write_bytes(data)
    return path


def _shot(number: int) -> str:
    size = "size=320x180:rate=10"
    colours = ("teal", "maroon", "olive", "navy", "gold", "purple", "gray")
    return (
        f"testsrc2={size}",
        f"color={colours[number % len(colours)]}:{size}",
        f"smptebars={size}",
        f"mandelbrot={size}",
        f"rgbtestsrc={size}",
        f"gradients={size}:seed={number}:speed=0.001",
    )[number % 6]
