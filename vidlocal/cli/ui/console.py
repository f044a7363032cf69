"""Output of commands: data on stdout, everything else on stderr.

rich is imported only for output on a terminal; piped output is plain text.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.render.sanitize import one_line, sanitize, sanitize_path, to_json

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def is_terminal() -> bool:
    """True if stdout is a terminal: tables for people, else tab-separated lines for programs."""
    return sys.stdout.isatty()


def rich_console(*, stderr: bool = False) -> "Console":
    """Return a rich console for literal text: no markup, no emoji codes, no highlighting."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def has_links(terminal: "Console") -> bool:
    """True if `terminal` supports links (OSC 8); False without colours, for text free of escapes."""
    return terminal.color_system is not None and not terminal.no_color


def show(drawing: "RenderableType") -> None:
    """Draw a table on the terminal."""
    rich_console().print(drawing)


def line(text: str) -> None:
    """Print a line on stdout. Tabs between fields stay."""
    sys.stdout.write(sanitize(text).replace("\n", " ") + "\n")


def fields(*values: str | Path) -> None:
    """Print values as one tab-separated line on stdout. Paths keep double spaces."""
    cells = (sanitize_path(value) if isinstance(value, Path) else one_line(value) for value in values)
    sys.stdout.write("\t".join(cells) + "\n")


def document(value: object) -> None:
    """Print a JSON document on stdout."""
    sys.stdout.write(to_json(value, indent=2) + "\n")


def record(value: object) -> None:
    """Print a JSON object as one line on stdout, at once: for streaming commands."""
    sys.stdout.write(to_json(value) + "\n")
    sys.stdout.flush()


def flush() -> None:
    """Flush stdout, before work the reader need not wait for."""
    sys.stdout.flush()


def notice(text: str, *, quiet: bool = False) -> None:
    """Print a sentence on stderr, unless `quiet`. On a terminal, wrap between words; longer words stay whole."""
    if quiet:
        return
    text = one_line(text)
    sys.stderr.write((_wrap(text, rich_console(stderr=True).width) if sys.stderr.isatty() else text) + "\n")
    sys.stderr.flush()


def lines_notice(text: str) -> None:
    """Print lines on stderr unchanged; on a terminal, wrap longer lines between words."""
    for row in text.splitlines():
        if sys.stderr.isatty() and len(row) > rich_console(stderr=True).width:
            notice(row)
        else:
            sys.stderr.write(sanitize(row) + "\n")
    sys.stderr.flush()


def _wrap(text: str, width: int) -> str:
    """Break between words at `width` cells. rich would break long words too, such as paths to copy."""
    from rich.cells import cell_len

    lines = [""]
    for word in text.split(" "):
        if lines[-1] and cell_len(lines[-1]) + 1 + cell_len(word) > width:
            lines.append(word)
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return "\n".join(lines)


def confirm(question: str, *, default: bool = False) -> bool:
    """Ask for confirmation. An empty line means `default`, the end of the input no."""
    text = f"{one_line(question)} [{'Y/n' if default else 'y/N'}]"
    sys.stderr.write((_wrap(text, rich_console(stderr=True).width - 2) if sys.stderr.isatty() else text) + " ")
    sys.stderr.flush()
    try:
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        raise
    if not answer.endswith("\n"):
        sys.stderr.write("\n")
    return answer.strip().lower() in {"y", "yes"} or (default and bool(answer) and not answer.strip())


def ask_number(question: str) -> float | None:
    """Ask for a positive number on the terminal. None for an empty line or anything else."""
    sys.stderr.write(f"{one_line(question)}: ")
    sys.stderr.flush()
    answer = sys.stdin.readline().strip().lower().removesuffix("gb").replace(",", ".")
    try:
        number = float(answer)
    except ValueError:
        return None
    return number if 0 < number <= 1024 else None


def write_output(parts: Iterable[str], target: Path | None, *, overwrite: bool = False, quiet: bool = False) -> None:
    """Write text to a file with a report; to stdout for `-` and without `target`.

    Raises UsageError if the file exists, unless `overwrite`.
    """
    if target is None or str(target) == "-":
        for part in parts:
            sys.stdout.write(part)
        return
    from vidlocal.media.atomic_write import write_text

    write_text(target, parts, overwrite=overwrite)
    notice(f"Wrote {target}", quiet=quiet)
