"""New files for a person: whole or not at all, and never in the place of another."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from vidlocal.errors import UsageError
from vidlocal.media.filenames import numbered_paths


@contextmanager
def atomic_file(target: Path, *, refuse: bool) -> Iterator[tuple[Path, Path]]:
    """An empty draft to write to, and the name it gets when the block ends well.

    That name is `target`; where it is taken, the first free one of `target 2`, `target 3`, ... or, with `refuse`, a
    UsageError. It is claimed before the work begins, so that nobody else can have it meanwhile. A block that fails
    leaves nothing behind.
    """
    name = _claimed(target, refuse=refuse)
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


def _claimed(target: Path, *, refuse: bool) -> Path:
    try:
        for name in numbered_paths(target):
            with suppress(FileExistsError):
                _create(name)
                return name
            if refuse:
                break
    except OSError as error:
        raise UsageError(f"{target} cannot be written ({error.strerror}). Name another file.") from error
    raise UsageError(f"{target} is there already, and vidlocal never overwrites. Name another file.")


def _flush(path: Path) -> None:
    # Opened for writing: some systems flush nothing else.
    file = os.open(path, os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _create(path: Path) -> None:
    # O_EXCL follows no link, a dangling one included.
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
