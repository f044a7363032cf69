"""Image protocols by terminal, on an emulated terminal."""

import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.support.commands import add_video
from tests.support.terminal import OWN_TERMINAL
from vidlocal.cli.ui.graphics import Graphics, GraphicsProtocol, detect_graphics
from vidlocal.store.database import Library

QUESTION = b"\x1b[?1;1;0S\x1b[c"
DRAWS_SIXELS, DRAWS_NONE = b"\x1b[?62;4;22c", b"\x1b[?62;22c"


@pytest.mark.parametrize(
    ("env", "way"),
    [
        ({"TERM": "xterm-kitty"}, GraphicsProtocol.KITTY),
        ({"TERM": "xterm-ghostty"}, GraphicsProtocol.KITTY),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, GraphicsProtocol.KITTY),
        ({"TERM": "foot"}, GraphicsProtocol.SIXEL),
        ({"TERM": "foot-extra"}, GraphicsProtocol.SIXEL),
        ({"TERM": "mlterm"}, GraphicsProtocol.SIXEL),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, GraphicsProtocol.SIXEL),
        ({"TERM": "linux"}, GraphicsProtocol.BLOCKS),
        ({"TERM": "dumb"}, GraphicsProtocol.BLOCKS),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, GraphicsProtocol.BLOCKS),
        ({"TERM": "screen", "STY": "1.pts"}, GraphicsProtocol.BLOCKS),
        ({"TERM": "xterm-256color"}, GraphicsProtocol.BLOCKS),
        ({}, GraphicsProtocol.BLOCKS),
    ],
)
def test_without_a_terminal_the_protocol_comes_from_the_environment(env: dict[str, str], way: GraphicsProtocol) -> None:
    with detect_graphics("auto", env) as found:
        assert found.protocol is way


@pytest.mark.parametrize("way", list(GraphicsProtocol))
def test_set_properties_are_applied(way: GraphicsProtocol) -> None:
    with detect_graphics(way, {"TERM": "dumb"}) as found:
        assert found == Graphics(way)


class Terminal:
    """A terminal with a running program. Answers queries with `answer`, after `delay_s`."""

    def __init__(self, answer: bytes, *, delay_s: float = 0.0, columns: int = 100, cell_px: int = 10) -> None:
        self.answer, self.delay_s = answer, delay_s
        self.shown = b""
        self.ours, self.theirs = pty.openpty()
        size = (40).to_bytes(2, sys.byteorder) + columns.to_bytes(2, sys.byteorder)
        size += (columns * cell_px).to_bytes(2, sys.byteorder) + (800).to_bytes(2, sys.byteorder)
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, size)

    def run(self, *words: str, **env: str) -> bytes:
        """Output of `vidlocal` to the terminal; no reply is left unread."""
        before = termios.tcgetattr(self.theirs)
        child = subprocess.Popen(
            [*OWN_TERMINAL, sys.executable, "-m", "vidlocal", *words],
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"} | env,
            start_new_session=True,
        )
        asked = False
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if select.select([self.ours], [], [], 0.05)[0]:
                self.shown += os.read(self.ours, 65536)
            elif child.poll() is not None:
                break
            if QUESTION in self.shown and not asked:
                asked = True
                threading.Timer(self.delay_s, os.write, (self.ours, self.answer)).start()
        assert child.returncode == 0, self.shown
        assert termios.tcgetattr(self.theirs) == before
        return self.shown

    def left_over(self) -> bytes:
        """Unread replies, for the shell to mistake for input."""
        quiet = termios.tcgetattr(self.theirs)
        quiet[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(self.theirs, termios.TCSANOW, quiet)
        return os.read(self.theirs, 1024) if select.select([self.theirs], [], [], 0)[0] else b""

    def close(self) -> None:
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def pictured(library: Library) -> None:
    for title in ("wedding", "party"):
        add_video(library, title, "the bride dances")
    for row in library.rows("SELECT image FROM frames WHERE image IS NOT NULL"):
        path: Path = library.folder / row["image"]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.linear_gradient("L").resize((640, 360)).convert("RGB").save(path, "JPEG")


# With the patience that is had with ssh, a busy machine is no terminal that keeps silent.
PATIENT = "1.2.3.4 5 6.7.8.9 22"


def drawn_by(terminal: Terminal, *, ssh: str = PATIENT, **env: str) -> bytes:
    try:
        shown = terminal.run("search", "bride", "--thumbs", "--limit", "1", SSH_CONNECTION=ssh, **env)
        assert terminal.left_over() == b""
        return shown
    finally:
        terminal.close()


def test_sixel_terminal_gets_sixels_in_its_colours_and_size(pictured: None) -> None:
    shown = drawn_by(Terminal(b"\x1b[?1;0;16S" + DRAWS_SIXELS, cell_px=12))
    assert shown.count(QUESTION) == 1
    (size,) = re.findall(rb'\x1bP0;1q"1;1;(\d+);(\d+)', shown)
    assert size == (b"336", b"189")  # 28 characters of 12 pixels
    assert 2 <= len(re.findall(rb"#\d+;2;", shown)) <= 16
    assert "▀".encode() not in shown
    assert b"^[" not in shown


@pytest.mark.parametrize("answer", [DRAWS_NONE, b"\x1b[?4;6c", b"\x1b[?1;2c"])
def test_terminal_without_sixels_gets_half_blocks(pictured: None, answer: bytes) -> None:
    shown = drawn_by(Terminal(answer))
    assert b"\x1bP" not in shown
    assert "▀".encode() in shown


def test_silent_terminal_gets_half_blocks(pictured: None) -> None:
    shown = drawn_by(Terminal(b""), ssh="")
    assert b"\x1bP" not in shown
    assert "▀".encode() in shown


def test_a_late_answer_reaches_no_shell(pictured: None) -> None:
    shown = drawn_by(Terminal(DRAWS_SIXELS, delay_s=1.4))
    assert "▀".encode() in shown
    assert b"62;4" not in shown


def test_ssh_gets_a_longer_timeout(pictured: None) -> None:
    assert b'\x1bP0;1q"' in drawn_by(Terminal(DRAWS_SIXELS, delay_s=0.3))


def test_the_setting_is_obeyed_and_nothing_is_asked(pictured: None) -> None:
    shown = drawn_by(Terminal(DRAWS_NONE), VIDLOCAL_THUMBS="sixel")
    assert b'\x1bP0;1q"' in shown
    assert QUESTION not in shown
    shown = drawn_by(Terminal(DRAWS_SIXELS), VIDLOCAL_THUMBS="blocks")
    assert b"\x1bP" not in shown
    assert QUESTION not in shown


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colours_no_blocks_are_drawn_with_a_notice(pictured: None, env: dict[str, str]) -> None:
    shown = drawn_by(Terminal(DRAWS_NONE), **env)
    assert "▀".encode() not in shown
    assert b"neither images nor colours" in shown
    assert b"wedding" in shown


def test_sixels_are_drawn_without_colour_of_text(pictured: None) -> None:
    assert b'\x1bP0;1q"' in drawn_by(Terminal(DRAWS_SIXELS), NO_COLOR="1")


def test_typed_ahead_input_is_left_to_the_shell(pictured: None) -> None:
    terminal = Terminal(DRAWS_SIXELS)
    os.write(terminal.ours, b"ls\n")
    try:
        shown = terminal.run("search", "bride", "--thumbs", "--limit", "1")
        assert QUESTION not in shown
        assert "▀".encode() in shown
        assert terminal.left_over() in (b"ls\n", b"ls\r")
    finally:
        terminal.close()
