"""Start a detached program, such as a video player."""

import shutil
import subprocess
from collections.abc import Sequence

from vidlocal.errors import ToolError

# A program that fails does so within this time.
_STARTUP_S = 0.5


def start_detached(argv: Sequence[str], *, hint: str) -> None:
    """Start a program in a new session, without a terminal.

    Raises ToolError, with `hint`, if the program cannot be started or fails within half a second.
    """
    program = shutil.which(argv[0])
    if program is None:
        raise ToolError(f"{argv[0]}: program not found or not executable.")
    null = subprocess.DEVNULL
    try:
        child = subprocess.Popen([program, *argv[1:]], stdin=null, stdout=null, stderr=null, start_new_session=True)
    except OSError as error:
        raise ToolError(f"{program}: cannot be started: {error.strerror}.") from error
    try:
        code = child.wait(timeout=_STARTUP_S)
    except subprocess.TimeoutExpired:
        child.returncode = 0  # still running: nobody collects it, and Python must not warn about it
        return
    if code:
        raise ToolError(f"{program} failed. {hint}")
