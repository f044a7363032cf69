"""A program that goes on by itself when we end: a player that a person watches."""

import shutil
import subprocess
from collections.abc import Sequence

from vidlocal.errors import ToolError

# A program that cannot do what it was started for says so by then.
_STARTUP_S = 0.5


def start_detached(argv: Sequence[str]) -> None:
    """Start a program in a session of its own, without a terminal, and leave it alone.

    Raises ToolError when it cannot be started or fails at once.
    """
    program = shutil.which(argv[0])
    if program is None:
        raise ToolError(f"The program {argv[0]} is not there or may not be run.")
    nothing = subprocess.DEVNULL
    try:
        child = subprocess.Popen(
            [program, *argv[1:]], stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
        )
    except OSError as error:
        raise ToolError(f"{program} cannot be started: {error.strerror}.") from error
    try:
        code = child.wait(timeout=_STARTUP_S)
    except subprocess.TimeoutExpired:
        child.returncode = 0  # it plays: nobody will collect it, and Python need not warn of that
        return
    if code:
        raise ToolError(f"{program} failed and played nothing. Choose another with: vidlocal config player PATH")
