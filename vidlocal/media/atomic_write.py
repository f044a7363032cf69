"""Write files atomically. Existing ones are overwritten only on request."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from vidlocal.errors import UsageError
from vidlocal.media.filenames import numbered_paths


@contextmanager
def atomic_file(target: Path, *, refuse: bool, overwrite: bool = False) -> Iterator[tuple[Path, Path]]:
    """Yield an empty draft file and the final path; rename the draft on success.

    The final path is `target`. If it exists, it is replaced with `overwrite`; with `refuse` UsageError is raised; else
    it is the first free one of `target 2`, `target 3`, ... A new path is created before the block runs, so that no
    other process can take it. If the block fails, new files are deleted, and an existing one stays as it was.
    """
    replaced = overwrite and os.path.isfile(target)
    name = target if replaced else _reserve(target, refuse=refuse or overwrite)
    draft = name.with_name(f".vidlocal-{token_hex(8)}{name.suffix}")
    try:
        _create(draft)
        yield draft, name
        _flush(draft)
        draft.replace(name)
    except BaseException:
        for path in (draft,) if replaced else (draft, name):
            with suppress(OSError):
                path.unlink()
        raise


def write_text(target: Path, parts: Iterable[str], *, overwrite: bool) -> None:
    """Write text to a file, complete or not at all. Raises UsageError if it exists, unless `overwrite`."""
    with (
        atomic_file(target, refuse=True, overwrite=overwrite) as (draft, _),
        open(draft, "w", encoding="utf-8", newline="") as file,
    ):
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
    raise UsageError(f"{target} already exists. Choose another file name, or overwrite it with --force.")


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
