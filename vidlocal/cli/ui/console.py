"""What commands print: data on stdout, everything else on stderr.

rich is imported only where a terminal will show what it draws; piped output is plain text.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.render.sanitize import one_line, sanitize, sanitize_path, to_json

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def on_terminal() -> bool:
    """Whether a person looks at stdout: tables for them, tab-separated lines for programs."""
    return sys.stdout.isatty()


def console(*, stderr: bool = False) -> "Console":
    """A rich console that takes text literally: no markup, no emoji codes, no guessed highlighting."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def show(drawing: "RenderableType") -> None:
    """Draw on stdout, for a person."""
    console().print(drawing)


def line(text: str) -> None:
    """One line of data on stdout. Tabs stay, for they part the fields."""
    sys.stdout.write(sanitize(text).replace("\n", " ") + "\n")


def fields(*values: str | Path) -> None:
    """One tab-separated line of data on stdout, whatever is in the values. Paths keep their spaces."""
    sys.stdout.write("\t".join(sanitize_path(one) if isinstance(one, Path) else one_line(one) for one in values) + "\n")


def document(value: object) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(to_json(value, indent=2) + "\n")


def record(value: object) -> None:
    """One JSON object on one line of stdout, at once: for commands that stream."""
    sys.stdout.write(to_json(value) + "\n")
    sys.stdout.flush()


def arrive() -> None:
    """Hand over what was written to stdout so far, before work that the reader need not wait for."""
    sys.stdout.flush()


def notice(text: str, *, quiet: bool = False) -> None:
    """One sentence on stderr, unless `quiet`."""
    if not quiet:
        sys.stderr.write(one_line(text) + "\n")
        sys.stderr.flush()


def confirmed(question: str) -> bool:
    """Whether the person says yes. No answer is a no."""
    sys.stderr.write(f"{one_line(question)} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        sys.stderr.write("\n")
    return answer.strip().lower() in {"y", "yes"}


def write_output(parts: Iterable[str], target: Path | None) -> None:
    """Write text to a new file, or to stdout without `target`. Raises UsageError if the file exists."""
    if target is None:
        for part in parts:
            sys.stdout.write(part)
        return
    from vidlocal.media.atomic_write import write_new_text

    write_new_text(target, parts)
