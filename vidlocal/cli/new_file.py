"""Files that a command writes for a person: whole or not at all, and never in the place of another."""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from vidlocal.errors import UsageError


def write(parts: Iterable[str], target: Path | None) -> None:
    """Write text to a new file, or to stdout when `target` is None. An existing file is a UsageError."""
    if target is None:
        for part in parts:
            sys.stdout.write(part)
        return
    try:
        # The name is taken first: from here on nobody else can have it, a dangling link included.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError as error:
        raise UsageError(f"{target} is there already, and vidlocal never overwrites. Name another file.") from error
    except OSError as error:
        raise UsageError(f"{target} cannot be written ({error.strerror}). Name another file.") from error
    draft = target.with_name(f".vidlocal-{token_hex(8)}")
    try:
        with open(
            os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8", newline=""
        ) as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except BaseException:
        for path in (draft, target):
            with suppress(OSError):
                path.unlink()
        raise
