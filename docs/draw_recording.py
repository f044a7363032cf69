"""Record the three commands of the README as an animated picture, docs/recording.svg.

    VIDLOCAL_OLLAMA_HOST=... VIDLOCAL_VISION_MODEL=... python docs/draw_recording.py wedding.mp4

The commands really run, in a terminal and a library of their own, with the models of the settings. Pauses longer than
MAX_PAUSE_S are cut; nothing else is changed. Needs `pip install pyte`.
"""

import fcntl
import os
import pty
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path

import pyte

TARGET = Path(__file__).with_name("recording.svg")
COLUMNS, ROWS = 84, 24
CELL_WIDTH_PX, CELL_HEIGHT_PX, FONT_PX, MARGIN_PX = 8.4, 19, 14, 16
MAX_PAUSE_S, MIN_FRAME_S, END_S = 1.2, 0.25, 5.0
TYPING_S = 0.06
COMMANDS = ("vidlocal ingest {video}", "vidlocal enrich --all --now", "vidlocal search bride walks down aisle")
COLOURS = {
    "default": "#d8dee9",
    "green": "#a3be8c",
    "cyan": "#88c0d0",
    "brown": "#ebcb8b",
    "blue": "#81a1c1",
    "magenta": "#b48ead",
    "red": "#bf616a",
    "brightblack": "#7b88a1",
}

Run = tuple[int, str, str, bool]  # column, text, colour, bold


@dataclass(frozen=True, slots=True)
class Frame:
    """The screen from `seconds` on: runs of text of one style, by row."""

    seconds: float
    rows: tuple[tuple[Run, ...], ...]


def main() -> None:
    video = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(video, folder)
        frames = list(_record(Path(folder), video.name))
    TARGET.write_text(_svg(_thin(frames)), encoding="utf-8")


def _record(folder: Path, video: str) -> Iterator[Frame]:
    """Type and run the commands in sequence, and yield the screen after each change."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    seconds = 0.0
    for command in COMMANDS:
        stream.feed(b"\x1b[32m$\x1b[0m ")
        for letter in (words := command.format(video=video)):
            stream.feed(letter.encode())
            seconds += TYPING_S
            yield _frame(screen, seconds)
        stream.feed(b"\r\n")
        for pause, output in _run(words, folder):
            seconds += min(pause, MAX_PAUSE_S)
            stream.feed(output)
            yield _frame(screen, seconds)
        seconds += MAX_PAUSE_S
    yield _frame(screen, seconds)


def _run(command: str, folder: Path) -> Iterator[tuple[float, bytes]]:
    """Run a command on a pseudo-terminal; yield the seconds waited and the output."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    env = {**os.environ, "VIDLOCAL_HOME": str(folder / "library"), "TERM": "xterm-256color"}
    argv = [sys.executable, "-m", *command.split()]
    process = subprocess.Popen(argv, stdin=follower, stdout=follower, stderr=follower, cwd=folder, env=env)
    os.close(follower)
    began = time.monotonic()
    try:
        while output := os.read(leader, 65536):
            yield time.monotonic() - began, output
            began = time.monotonic()
    except OSError:  # the end of a terminal on Linux
        pass
    finally:
        os.close(leader)
    if process.wait():
        raise SystemExit(f"{command} failed with {process.returncode}")


def _frame(screen: pyte.Screen, seconds: float) -> Frame:
    rows = []
    for number in range(ROWS):
        cells = [(column, screen.buffer[number][column]) for column in range(COLUMNS)]
        runs = []
        for (colour, bold), group in groupby(cells, key=lambda cell: (cell[1].fg, cell[1].bold)):
            first, *_ = members = list(group)
            text = "".join(cell.data for _, cell in members)
            if text.strip():
                runs.append((first[0], text.rstrip(), colour, bold))
        rows.append(tuple(runs))
    return Frame(seconds, tuple(rows))


def _thin(frames: Sequence[Frame]) -> list[Frame]:
    """Drop frames shorter than MIN_FRAME_S, and repeats."""
    kept = [frames[0]]
    for frame, following in zip(frames[1:], [*frames[2:], None], strict=True):
        is_short = following is not None and following.seconds - frame.seconds < MIN_FRAME_S
        if frame.rows != kept[-1].rows and not (is_short and frame.seconds - kept[-1].seconds < MIN_FRAME_S):
            kept.append(frame)
    return kept


def _svg(frames: Sequence[Frame]) -> str:
    """A group per frame; CSS shows each for its time, in a loop. Without animation the last frame is visible."""
    total = frames[-1].seconds + END_S
    width, height = COLUMNS * CELL_WIDTH_PX + 2 * MARGIN_PX, ROWS * CELL_HEIGHT_PX + 2 * MARGIN_PX
    styles, groups = [], []
    ends = [*(frame.seconds for frame in frames[1:]), total]
    for number, (frame, end) in enumerate(zip(frames, ends, strict=True)):
        start, stop = (100 * seconds / total for seconds in (frame.seconds if number else 0.0, end))
        shown = f"0%{{opacity:{int(not number)}}}{start:.3f}%{{opacity:1}}{stop:.3f}%,100%{{opacity:0}}"
        styles.append(
            f"@keyframes f{number}{{{shown}}}#f{number}{{animation:f{number} {total:.1f}s step-end infinite}}"
        )
        groups.append(
            f'<g id="f{number}"{" class=last" if end == total else ""}>{_texts(frame)}</g>'.replace("=last", '="last"')
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}">'
        "<title>vidlocal ingest, enrich and search in a terminal</title><style>"
        f"text{{font:{FONT_PX}px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre}}"
        "g{opacity:0}.last{opacity:1}"
        f"{''.join(styles)}"
        "@media (prefers-reduced-motion:reduce){g{animation:none!important}}"
        f'</style><rect width="100%" height="100%" rx="8" fill="#2e3440"/>{"".join(groups)}</svg>\n'
    )


def _texts(frame: Frame) -> str:
    parts = []
    for row, runs in enumerate(frame.rows):
        y = MARGIN_PX + (row + 0.8) * CELL_HEIGHT_PX
        for column, text, colour, bold in runs:
            x, weight = MARGIN_PX + column * CELL_WIDTH_PX, ' font-weight="bold"' if bold else ""
            fill = COLOURS.get(colour, COLOURS["default"])
            length = f'textLength="{len(text) * CELL_WIDTH_PX:.1f}" lengthAdjust="spacingAndGlyphs"'
            parts.append(f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}"{weight} {length}>{escape(text)}</text>')
    return "".join(parts)


if __name__ == "__main__":
    main()
