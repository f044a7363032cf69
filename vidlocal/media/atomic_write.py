"""Write files atomically. Existing ones are overwritten only on request."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from vidlocal.errors import UsageError
from vidlocal.media.filenames import numbered_paths


@contextmanager
def atomic_file(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty draft file; rename it to `target` on success.

    Raises UsageError if `target` exists, unless `overwrite`. A new path is created before the block runs, so that no
    other process can take it. If the block fails, new files are deleted, and an existing one stays as it was.
    """
    is_replaced = overwrite and os.path.isfile(target)
    if not is_replaced:
        _reserve([target])
    with _draft(target, is_new=not is_replaced) as draft:
        yield draft


@contextmanager
def numbered_file(target: Path) -> Iterator[tuple[Path, Path]]:
    """Yield an empty draft file and the final path: the first free path of `target`, `target 2`, `target 3`, ..."""
    name = _reserve(numbered_paths(target))
    with _draft(name, is_new=True) as draft:
        yield draft, name


def write_text(target: Path, parts: Iterable[str], *, overwrite: bool) -> None:
    """Write a text file atomically. Raises UsageError for an existing file, unless `overwrite`."""
    with (
        atomic_file(target, overwrite=overwrite) as draft,
        open(draft, "w", encoding="utf-8", newline="") as file,
    ):
        for part in parts:
            file.write(part)


@contextmanager
def _draft(name: Path, *, is_new: bool) -> Iterator[Path]:
    draft = name.with_name(f".vidlocal-{token_hex(8)}{name.suffix}")
    try:
        _create(draft)
        yield draft
        _flush(draft)
        draft.replace(name)
    except BaseException:
        for path in (draft, name) if is_new else (draft,):
            with suppress(OSError):
                path.unlink()
        raise


def _reserve(names: Iterable[Path]) -> Path:
    """Create the first free path. Raises UsageError without any, or for a read-only folder."""
    for name in names:
        try:
            _create(name)
            return name
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(f"{name} cannot be written: {error.strerror}. Choose another file name.") from error
    raise UsageError(f"{name} already exists. Choose another file name, or overwrite it with --force.")


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
