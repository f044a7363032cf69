"""What stands on a terminal of any width."""

import os
import pty
import re
import struct
import subprocess
import sys
import termios
from fcntl import ioctl
from pathlib import Path

import pytest

from vidlocal import settings


def on_terminal(columns: int, *words: str, home: Path) -> list[str]:
    """Run the command on a pseudo-terminal. Returns the lines, stdout and stderr together."""
    leader, follower = pty.openpty()
    ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    env = {**os.environ, "VIDLOCAL_HOME": str(home), "NO_COLOR": "1", "TERM": "xterm"}
    env.pop("COLUMNS", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "vidlocal", *words], stdin=follower, stdout=follower, stderr=follower, env=env
    )
    os.close(follower)
    output = b""
    try:
        while part := os.read(leader, 65536):
            output += part
    except OSError:  # the end of a terminal on Linux
        pass
    finally:
        os.close(leader)
        process.wait()
    return re.sub(r"\x1b\[[0-9;]*m", "", output.decode()).replace("\r\n", "\n").splitlines()


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_messages_wrap_between_words(tmp_path: Path, columns: int) -> None:
    lines = on_terminal(columns, "config", "nope", home=tmp_path)
    assert all(len(line) <= columns for line in lines)
    assert " ".join(lines).split() == " ".join(on_terminal(1000, "config", "nope", home=tmp_path)).split()


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_settings_are_complete_at_every_width(tmp_path: Path, columns: int) -> None:
    lines = on_terminal(columns, "config", home=tmp_path)
    assert max(map(len, lines)) <= columns
    text = " ".join(" ".join(lines).split())
    for row in settings.explain():
        assert row.setting.name in text
        assert row.setting.description in text


def test_a_word_longer_than_the_line_stays_whole(tmp_path: Path) -> None:
    name = "a" * 60
    assert any(name in line for line in on_terminal(40, "config", name, home=tmp_path))
