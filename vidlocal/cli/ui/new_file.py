"""What a command writes for a person: to a new file, or to stdout."""

import sys
from collections.abc import Iterable
from pathlib import Path

from vidlocal.media.atomic_write import atomic_file


def write(parts: Iterable[str], target: Path | None) -> None:
    """Write text to a new file, or to stdout when `target` is None. An existing file is a UsageError."""
    if target is None:
        for part in parts:
            sys.stdout.write(part)
        return
    with atomic_file(target, refuse=True) as (draft, _), open(draft, "w", encoding="utf-8", newline="") as file:
        for part in parts:
            file.write(part)
