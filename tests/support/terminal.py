"""Programs on a terminal of their own."""

import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from fcntl import ioctl
from pathlib import Path

_OWN = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"

# Before the words of a command for `Popen(..., start_new_session=True)`, with the terminal as stdin.
OWN_TERMINAL = (sys.executable, "-c", _OWN)


def on_terminal(columns: int, *words: str, home: Path, typed: str = "") -> list[str]:
    """Run a vidlocal command on a pseudo-terminal, with `typed` as input.

    Returns the lines, stdout and stderr together, without colours.
    """
    output = _read_all([sys.executable, "-m", "vidlocal", *words], columns, home, typed)
    return re.sub(r"\x1b(\[[0-9;]*m|\]8;[^\x1b]*\x1b\\\\)", "", output).splitlines()


def script_on_terminal(script: str, *, home: Path) -> str:
    """Run a shell script in a terminal window, with `vidlocal` as this program. Returns all output."""
    function = f'vidlocal() {{ "{sys.executable}" -m vidlocal "$@"; }}'
    return _read_all([*OWN_TERMINAL, "sh", "-c", f"{function}\n{script}"], 120, home)


def _read_all(command: Sequence[str], columns: int, home: Path, typed: str = "") -> str:
    leader, follower = pty.openpty()
    ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    env = {**os.environ, "VIDLOCAL_HOME": str(home), "NO_COLOR": "1", "TERM": "xterm"}
    env.pop("COLUMNS", None)
    process = subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env=env, start_new_session=True
    )
    os.close(follower)
    os.write(leader, typed.encode())
    output = b""
    try:
        while part := os.read(leader, 65536):
            output += part
    except OSError:  # the end of a terminal on Linux
        pass
    finally:
        os.close(leader)
        process.wait()
    return output.decode().replace("\r\n", "\n")
