"""Write new files atomically, without overwriting existing ones."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from vidlocal.errors import UsageError
from vidlocal.media.filenames import numbered_paths


@contextmanager
def atomic_file(target: Path, *, refuse: bool) -> Iterator[tuple[Path, Path]]:
    """Yield an empty draft file and the final path; rename the draft on success.

    The final path is `target`. If it exists, it is the first free one of `target 2`, `target 3`, ... or, with `refuse`,
    UsageError is raised. It is created before the block runs, so that no other process can take it. If the block fails,
    both files are deleted.
    """
    name = _reserve(target, refuse=refuse)
    draft = name.with_name(f".vidlocal-{token_hex(8)}{name.suffix}")
    try:
        _create(draft)
        yield draft, name
        _flush(draft)
        draft.replace(name)
    except BaseException:
        for path in (draft, name):
            with suppress(OSError):
                path.unlink()
        raise


def write_new_text(target: Path, parts: Iterable[str]) -> None:
    """Write text to a new file, complete or not at all. Raises UsageError if the file exists."""
    with atomic_file(target, refuse=True) as (draft, _), open(draft, "w", encoding="utf-8", newline="") as file:
        for part in parts:
            file.write(part)


def _reserve(target: Path, *, refuse: bool) -> Path:
    try:
        for name in numbered_paths(target):
            with suppress(FileExistsError):
                _create(name)
                return name
            if refuse:
                break
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}. Choose another file name.") from error
    raise UsageError(f"{target} already exists. Choose another file name.")


def _flush(path: Path) -> None:
    # Some systems flush only files that are open for writing.
    file = os.open(path, os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _create(path: Path) -> None:
    # O_EXCL does not follow links, not even dangling ones.
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
