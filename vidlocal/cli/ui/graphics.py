"""Detect the graphics protocol of the terminal, by name or by query."""

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
from vidlocal.settings.parsers import AUTO

# A local terminal answers within a few milliseconds.
_TIMEOUT_S, _SSH_TIMEOUT_S = 0.1, 1.0
# A late answer is ignored, but kept from the shell for this multiple of the timeout.
_LATE_FACTOR = 3
_CELL_PX = 10
# Number of colours (XTSMGRAPHICS), then attributes (DA1). Every terminal answers the second, which ends the wait
# (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html).
_QUERY = b"\x1b[?1;1;0S\x1b[c"
_attributes = re.compile(rb"\x1b\[\?([\d;]*)c")
_registers = re.compile(rb"\x1b\[\?1;0;(\d+)S")
_SIXEL_ATTRIBUTE = b"4"


class GraphicsProtocol(StrEnum):
    """Protocol for images, also a value of the setting `thumbs`."""

    KITTY = "kitty"
    SIXEL = "sixel"
    BLOCKS = "blocks"


@dataclass(frozen=True, slots=True)
class Graphics:
    """A protocol; for sixels also the width of a character in pixels, and the number of colours."""

    protocol: GraphicsProtocol
    cell_px: int = _CELL_PX
    colours: int = MAX_COLOURS


@contextmanager
def detect_graphics(setting: str, env: Mapping[str, str]) -> Iterator[Graphics]:
    """Return the graphics of the terminal at stdout, for drawing inside the block. `setting`: a protocol or `auto`.

    The answer of a slow terminal is read at the end of the block, so that it does not appear on the command line.
    """
    protocol = GraphicsProtocol(setting) if setting != AUTO else _protocol_by_name(env)
    if protocol is not None:
        yield Graphics(protocol, _cell_px())
        return
    timeout = _SSH_TIMEOUT_S if env.get("SSH_CONNECTION") else _TIMEOUT_S
    late = time.monotonic() + _LATE_FACTOR * timeout
    terminal, answer = None, b""
    with ExitStack() as stack:
        with suppress(OSError, ValueError, ImportError):
            descriptor = stack.enter_context(_raw_terminal())
            # A key pressed before would be lost among the answers.
            if not select.select([descriptor], [], [], 0)[0]:
                terminal = descriptor
                answer = _query(terminal, time.monotonic() + timeout, _QUERY)
        yield _parse_answer(answer)
        if terminal is not None and not _attributes.search(answer):
            with suppress(OSError):
                _query(terminal, late)


def _protocol_by_name(env: Mapping[str, str]) -> GraphicsProtocol | None:
    """Return the protocol of a known terminal, else None.

    In tmux and screen the names are those of the outer terminal, which does not receive the escapes.
    """
    if "TMUX" in env or "STY" in env:
        return None
    name, program = env.get("TERM", ""), env.get("TERM_PROGRAM", "")
    if "kitty" in name or "ghostty" in name or program in {"WezTerm", "ghostty"}:
        return GraphicsProtocol.KITTY
    if name.split("-")[0] in {"foot", "mlterm", "contour"} or program in {"iTerm.app", "mintty"}:
        return GraphicsProtocol.SIXEL
    if name in {"dumb", "linux"} or program == "Apple_Terminal":
        return GraphicsProtocol.BLOCKS
    return None


def _query(terminal: int, until: float, query: bytes = b"") -> bytes:
    """Send a query and read the answer up to the attributes (DA1), or until a monotonic time."""
    answer = b""
    sys.stdout.flush()
    os.write(sys.stdout.fileno(), query)
    while not _attributes.search(answer) and (remaining_s := until - time.monotonic()) > 0:
        if select.select([terminal], [], [], remaining_s)[0]:
            answer += os.read(terminal, 1024)
    return answer


def _parse_answer(answer: bytes) -> Graphics:
    """Use sixels if the terminal has the attribute. The first attribute is the class of the terminal."""
    attributes, registers = _attributes.search(answer), _registers.search(answer)
    if attributes is None or _SIXEL_ATTRIBUTE not in attributes[1].split(b";")[1:]:
        return Graphics(GraphicsProtocol.BLOCKS)
    colours = int(registers[1][:6]) if registers else MAX_COLOURS
    return Graphics(GraphicsProtocol.SIXEL, _cell_px(), max(2, min(MAX_COLOURS, colours)))


@contextmanager
def _raw_terminal() -> Iterator[int]:
    """Open the terminal without echo and line buffering. Raises OSError unless this program is in the foreground."""
    import termios

    terminal, out = sys.stdin.fileno(), sys.stdout.fileno()
    if os.ttyname(terminal) != os.ttyname(out) or os.tcgetpgrp(terminal) != os.getpgrp():
        raise OSError("not the controlling terminal")
    try:
        before, raw = termios.tcgetattr(terminal), termios.tcgetattr(terminal)
        raw[3] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(terminal, termios.TCSANOW, raw)
    except termios.error as error:
        raise OSError("cannot change the terminal attributes") from error
    try:
        yield terminal
    finally:
        with suppress(termios.error):
            termios.tcsetattr(terminal, termios.TCSANOW, before)


def _cell_px() -> int:
    """Width of a character in pixels."""
    with suppress(OSError, ValueError, ImportError):
        import fcntl
        import termios

        size = fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, bytes(8))
        _, columns, width_px, _ = struct.unpack("HHHH", size)
        if columns and width_px >= columns:
            return max(4, min(40, int(width_px // columns)))
    return _CELL_PX
