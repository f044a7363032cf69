"""Rename files without ever replacing any, and undo. The library follows each rename."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vidlocal.organize.journal import Journal, JournalRun, RenameRecord, new_run_id, open_journal
from vidlocal.organize.proposal import Move, SkippedFile
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.filesystem import existing_ancestor

MISSING = "not found"
OTHER_FILESYSTEM = "the new folder is on another file system"


@dataclass(frozen=True, slots=True)
class MoveResult:
    """Renamed files, as pairs of the path before and after, and skipped files."""

    renamed: tuple[tuple[Path, Path], ...]
    skipped: tuple[SkippedFile, ...]


def is_inside(path: Path, folder: Path) -> bool:
    """True if the parent folder of `path`, existing or not, is within `folder` after resolving links."""
    root = folder.resolve()
    return existing_ancestor(path.parent).is_relative_to(root) and path.parent.resolve().is_relative_to(root)


def device_of(path: Path) -> int:
    """Return the device id of a path, or of the nearest existing ancestor."""
    return (path if os.path.isfile(path) else existing_ancestor(path)).stat().st_dev


def apply_moves(library: Library, folder: Path, moves: tuple[Move, ...]) -> MoveResult:
    """Rename files within `folder` and update the library. Impossible moves are skipped with a reason."""
    renamed: list[tuple[Path, Path]] = []
    skipped: list[SkippedFile] = []
    with open_journal(library.folder) as journal:
        _recover(library, journal)
        run_id = new_run_id()
        for move in moves:
            obstacle = _obstacle(move, folder)
            if obstacle is not None:
                skipped.append(SkippedFile(move.source, obstacle))
                continue
            for result in _rename_all(library, journal, run_id, move):
                if isinstance(result, SkippedFile):
                    skipped.append(result)
                else:
                    renamed.append(result)
        journal.append({"run": run_id, "done": True})
    return MoveResult(tuple(renamed), tuple(skipped))


def _rename_all(
    library: Library, journal: Journal, run_id: str, move: Move
) -> Iterator[tuple[Path, Path] | SkippedFile]:
    """Rename the video file and update the library, then rename the sidecars. Stops if the video fails."""
    files = [(move.video_id, move.source, move.target), *((None, *pair) for pair in move.sidecars)]
    for video_id, source, target in files:
        try:
            _create_folders(journal, run_id, target.parent)
            journal.record_rename(run_id, video_id, source, target)
            rename_file(source, target)
        except OSError as error:
            yield SkippedFile(source, _reason(error))
            if video_id is not None:
                return
            continue
        if video_id is not None:
            videos.record_move(library, video_id, source, target)
        yield source, target


def undo_last_run(library: Library) -> MoveResult | None:
    """Undo the last run; None if there is none. A partly undone run can be undone again."""
    with open_journal(library.folder) as journal:
        _recover(library, journal)
        run = next((run for run in reversed(journal.runs()) if run.renames), None)
        if run is None:
            return None
        restored, retryable, lost = _restore_names(library, run)
        _remove_empty_folders(run)
        if not retryable:
            journal.append({"run": run.run_id, "undone": True})
    return MoveResult(tuple(restored), (*retryable, *lost))


def _restore_names(
    library: Library, run: JournalRun
) -> tuple[list[tuple[Path, Path]], list[SkippedFile], list[SkippedFile]]:
    """Restore the old names of a run. Returns renamed, retryable and lost files."""
    restored: list[tuple[Path, Path]] = []
    retryable: list[SkippedFile] = []
    lost: list[SkippedFile] = []
    for record in reversed(run.renames):
        before, after = record.before, record.after
        with suppress(OSError):
            _remove_second_link(after, before)
        if record.is_at(before) and not os.path.lexists(after):  # restored by an undo that was killed
            _update_library(library, record, after, before)
        is_restored = os.path.lexists(before) and not record.is_at(after)
        if not os.path.lexists(after):
            if not is_restored:
                lost.append(SkippedFile(after, MISSING))
        elif not is_restored:
            try:
                before.parent.mkdir(parents=True, exist_ok=True)
                rename_file(after, before)
            except OSError as error:
                retryable.append(SkippedFile(after, _reason(error)))
                continue
            restored.append((after, before))
            _update_library(library, record, after, before)
    return restored, retryable, lost


def rename_file(source: Path, target: Path) -> None:
    """Rename a file within a file system. Never replaces a file: raises FileExistsError.

    Raises OSError; the file then has its old name.
    """
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOENT, errno.EXDEV, errno.ENOTDIR, errno.ENAMETOOLONG):
            raise
        _claim_and_rename(source, target)  # exFAT and others have no hard links
        return
    try:
        source.unlink()
    except OSError:
        target.unlink()
        raise


def _claim_and_rename(source: Path, target: Path) -> None:
    # O_EXCL follows no link; the rename replaces only our own empty file.
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        source.rename(target)
    except OSError:
        target.unlink()
        raise


def _obstacle(move: Move, folder: Path) -> str | None:
    """Reason against a move, if any: a proposal may be days old."""
    files = [(move.source, move.target), *move.sidecars]
    if not all(is_inside(path, folder) for pair in files for path in pair):
        return "the old or new path is outside of the folder"
    if not os.path.isfile(move.source) or move.source.is_symlink():
        return MISSING
    if any(os.path.lexists(target) for _, target in files):
        return "the new name already exists"
    if device_of(move.source) != device_of(move.target.parent):
        return OTHER_FILESYSTEM
    return None


def _create_folders(journal: Journal, run_id: str, folder: Path) -> None:
    for missing in reversed(list(_missing_folders(folder))):
        journal.append({"run": run_id, "made": str(missing)})
        missing.mkdir(exist_ok=True)


def _missing_folders(folder: Path) -> Iterator[Path]:
    while not os.path.isdir(folder):
        yield folder
        folder = folder.parent


def _recover(library: Library, journal: Journal) -> None:
    """Complete the steps of a killed process: a file with two names, an outdated path in the library."""
    for run in journal.runs():
        if run.is_done:
            continue
        for record in run.renames:
            with suppress(OSError):
                _remove_second_link(record.before, record.after)
            if record.is_at(record.after) and not os.path.lexists(record.before):
                _update_library(library, record, record.before, record.after)
        if any(record.is_at(record.after) for record in run.renames):
            journal.append({"run": run.run_id, "done": True})
        else:  # only folders were created
            _remove_empty_folders(run)
            journal.append({"run": run.run_id, "undone": True})


def _remove_second_link(old: Path, new: Path) -> None:
    """Remove `old` of a file with both names, left by a kill between the steps of `rename_file`. Raises OSError.

    On case-insensitive file systems two names that differ in case are the same name; such a file has one link.
    """
    status = os.lstat(old)
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1 and os.path.samestat(status, os.lstat(new)):
        old.unlink()


def _update_library(library: Library, record: RenameRecord, before: Path, after: Path) -> None:
    if record.video_id is not None:
        videos.record_move(library, record.video_id, before, after)


def _remove_empty_folders(run: JournalRun) -> None:
    for folder in reversed(run.created_folders):
        with suppress(OSError):  # not empty any more
            folder.rmdir()


def _reason(error: OSError) -> str:
    if isinstance(error, FileExistsError):
        return "the name already exists"
    if error.errno == errno.EXDEV:
        return OTHER_FILESYSTEM
    return f"cannot be renamed ({error.strerror})"
