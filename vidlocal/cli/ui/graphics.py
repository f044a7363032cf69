"""Which pictures the terminal can show: found out from what it calls itself, else by asking it."""

import os
import re
import select
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

from vidlocal.render.sixel import MAX_COLOURS
from vidlocal.settings.table import AUTO

# A terminal on this machine answers within a few milliseconds; one at the other end of ssh takes its time.
_PATIENCE_S, _PATIENCE_OVER_SSH_S = 0.1, 1.0
# So many times longer an answer is kept from the shell, though nothing is made of it any more.
_LATE = 3
_CELL_PX = 10
# How many colours (XTSMGRAPHICS), then what it is able to (DA1). Every terminal answers the second, so that nothing
# is waited for once that has come (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html).
_QUESTION = b"\x1b[?1;1;0S\x1b[c"
_attributes = re.compile(rb"\x1b\[\?([\d;]*)c")
_registers = re.compile(rb"\x1b\[\?1;0;(\d+)S")
_SIXEL = b"4"


class Way(StrEnum):
    """How pictures are drawn. The values are what a person may set."""

    KITTY = "kitty"
    SIXEL = "sixel"
    BLOCKS = "blocks"


@dataclass(frozen=True, slots=True)
class Graphics:
    """A way of drawing; for sixels the width of a character in pixels, and how many colours there are."""

    way: Way
    cell_px: int = _CELL_PX
    colours: int = MAX_COLOURS


@contextmanager
def graphics(wanted: str, env: Mapping[str, str]) -> Iterator[Graphics]:
    """How to draw on the terminal that stdout is, for as long as the block draws. `wanted` is a Way, or `auto`.

    A terminal that has to be asked and is slow to answer does so into the block, not into the next command line.
    """
    way = Way(wanted) if wanted != AUTO else _named(env)
    if way is not None:
        yield Graphics(way, _cell_px())
        return
    patience = _PATIENCE_OVER_SSH_S if env.get("SSH_CONNECTION") else _PATIENCE_S
    late = time.monotonic() + _LATE * patience
    terminal, answer = None, b""
    with ExitStack() as stack:
        with suppress(OSError, ValueError, ImportError):
            quiet = stack.enter_context(_unechoed())
            # A key that was pressed already would be lost among the answers.
            if not select.select([quiet], [], [], 0)[0]:
                terminal = quiet
                answer = _heard(terminal, time.monotonic() + patience, _QUESTION)
        yield _understood(answer)
        if terminal is not None and not _attributes.search(answer):
            with suppress(OSError):
                _heard(terminal, late)


def _named(env: Mapping[str, str]) -> Way | None:
    """What a terminal is known to draw by its name; None where it has to be asked.

    Within tmux or screen the names are those of the terminal around it, which does not get to see our escapes.
    """
    if "TMUX" in env or "STY" in env:
        return None
    name, program = env.get("TERM", ""), env.get("TERM_PROGRAM", "")
    if "kitty" in name or "ghostty" in name or program in {"WezTerm", "ghostty"}:
        return Way.KITTY
    if name.split("-")[0] in {"foot", "mlterm", "contour"} or program in {"iTerm.app", "mintty"}:
        return Way.SIXEL
    if name in {"dumb", "linux"} or program == "Apple_Terminal":
        return Way.BLOCKS
    return None


def _heard(terminal: int, until: float, question: bytes = b"") -> bytes:
    """What the terminal answers, until it has said what it is able to, or the time has come."""
    answer = b""
    sys.stdout.flush()
    os.write(sys.stdout.fileno(), question)
    while not _attributes.search(answer) and (left := until - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            answer += os.read(terminal, 1024)
    return answer


def _understood(answer: bytes) -> Graphics:
    """Sixels where the terminal says that it draws them. The first attribute is its class."""
    found, registers = _attributes.search(answer), _registers.search(answer)
    if found is None or _SIXEL not in found[1].split(b";")[1:]:
        return Graphics(Way.BLOCKS)
    colours = int(registers[1][:6]) if registers else MAX_COLOURS
    return Graphics(Way.SIXEL, _cell_px(), max(2, min(MAX_COLOURS, colours)))


@contextmanager
def _unechoed() -> Iterator[int]:
    """The terminal, giving every byte at once and showing none. OSError where there is none that is ours alone."""
    import termios

    terminal, out = sys.stdin.fileno(), sys.stdout.fileno()
    if os.ttyname(terminal) != os.ttyname(out) or os.tcgetpgrp(terminal) != os.getpgrp():
        raise OSError("not the terminal we were started from")
    try:
        before, quiet = termios.tcgetattr(terminal), termios.tcgetattr(terminal)
        quiet[3] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(terminal, termios.TCSANOW, quiet)
    except termios.error as error:
        raise OSError("the terminal does not obey") from error
    try:
        yield terminal
    finally:
        with suppress(termios.error):
            termios.tcsetattr(terminal, termios.TCSANOW, before)


def _cell_px() -> int:
    """How many pixels a character is wide."""
    with suppress(OSError, ValueError, ImportError):
        import fcntl
        import termios

        size = fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, bytes(8))
        _, columns, width_px, _ = struct.unpack("HHHH", size)
        if columns and width_px >= columns:
            return max(4, min(40, int(width_px // columns)))
    return _CELL_PX
