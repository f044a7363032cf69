"""Files get their new names, never in the place of another, and their old ones again on demand."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vidlocal.organize.journal import Journal, Renamed, Run, new_run, open_journal
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.filesystem import existing_ancestor


@dataclass(frozen=True, slots=True)
class Move:
    """A video's file on its way, with its sidecars: pairs of the path before and after."""

    video_id: int
    source: Path
    target: Path
    sidecars: tuple[tuple[Path, Path], ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """A file that stays where it is, and why: the end of a sentence."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Moved:
    """What was renamed, as pairs of the path before and after, and what was not."""

    renamed: tuple[tuple[Path, Path], ...]
    left: tuple[Left, ...]


def is_inside(path: Path, folder: Path) -> bool:
    """Whether the folder that a path is in, or would be in, lies within `folder` when all links are followed."""
    return existing_ancestor(path.parent).is_relative_to(folder.resolve()) and path.parent.resolve().is_relative_to(
        folder.resolve()
    )


def device_of(path: Path) -> int:
    """The file system of a path, or of the folder that it would be made in."""
    return (path if path.is_file() else existing_ancestor(path)).stat().st_dev


def apply(library: Library, folder: Path, moves: tuple[Move, ...]) -> Moved:
    """Rename files within `folder`; the library follows with each. What cannot be renamed is left and named."""
    renamed: list[tuple[Path, Path]] = []
    left: list[Left] = []
    with open_journal(library.folder) as journal:
        _settle(library, journal)
        run = new_run()
        for move in moves:
            reason = _obstacle(move, folder)
            if reason is not None:
                left.append(Left(move.source, reason))
                continue
            for one in _rename_all(library, journal, run, move):
                if isinstance(one, Left):
                    left.append(one)
                else:
                    renamed.append(one)
        journal.write({"run": run, "done": True})
    return Moved(tuple(renamed), tuple(left))


def _rename_all(library: Library, journal: Journal, run: str, move: Move) -> Iterator[tuple[Path, Path] | Left]:
    """Rename a video's file, tell the library, then the sidecars. They stay when the video does."""
    files = [(move.video_id, move.source, move.target), *((None, *pair) for pair in move.sidecars)]
    for video_id, source, target in files:
        try:
            _make_folders(journal, run, target.parent)
            journal.rename(run, video_id, source, target)
            rename(source, target)
        except OSError as error:
            yield Left(source, _reason(error))
            if video_id is not None:
                return
            continue
        if video_id is not None:
            videos.record_move(library, video_id, source, target)
        yield source, target


def undo(library: Library) -> Moved | None:
    """Take the last run back; None when there is none. A run of which something is left can be undone again."""
    with open_journal(library.folder) as journal:
        _settle(library, journal)
        run = next((run for run in reversed(journal.runs()) if run.renamed), None)
        if run is None:
            return None
        back, left, gone = _back(library, run)
        _remove_empty(run)
        if not left:
            journal.write({"run": run.name, "undone": True})
    return Moved(tuple(back), (*left, *gone))


def _back(library: Library, run: Run) -> tuple[list[tuple[Path, Path]], list[Left], list[Left]]:
    """What of a run got its old name, what could not have it yet, and what is gone for good."""
    back: list[tuple[Path, Path]] = []
    left: list[Left] = []
    gone: list[Left] = []
    for one in reversed(run.renamed):
        with suppress(OSError):
            _drop_second_name(one.after, one.before)
        if one.is_at(one.before) and not os.path.lexists(one.after):  # a killed undo had come as far as this
            _follow(library, one, one.after, one.before)
        is_back = os.path.lexists(one.before) and not one.is_at(one.after)
        if not os.path.lexists(one.after):
            if not is_back:
                gone.append(Left(one.after, "it is not there any more"))
        elif not is_back:
            try:
                one.before.parent.mkdir(parents=True, exist_ok=True)
                rename(one.after, one.before)
            except OSError as error:
                left.append(Left(one.after, _reason(error)))
                continue
            back.append((one.after, one.before))
            _follow(library, one, one.after, one.before)
    return back, left, gone


def rename(source: Path, target: Path) -> None:
    """Give a file another name on its file system. FileExistsError when that name is taken: nothing is ever replaced.

    Raises OSError; the file then has its old name.
    """
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOENT, errno.EXDEV, errno.ENOTDIR, errno.ENAMETOOLONG):
            raise
        _claim_and_rename(source, target)  # exFAT and others know no second name
        return
    try:
        source.unlink()
    except OSError:
        target.unlink()
        raise


def _claim_and_rename(source: Path, target: Path) -> None:
    # O_EXCL follows no link; what is replaced then is the empty file of our own.
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        source.rename(target)
    except OSError:
        target.unlink()
        raise


def _obstacle(move: Move, folder: Path) -> str | None:
    """Why a move cannot be made any more: a proposal may be days old."""
    files = [(move.source, move.target), *move.sidecars]
    if not all(is_inside(path, folder) for pair in files for path in pair):
        return "it or its new name lies outside of the folder"
    if not move.source.is_file() or move.source.is_symlink():
        return "it is not there now"
    if any(os.path.lexists(target) for _, target in files):
        return "its new name is taken"
    if device_of(move.source) != device_of(move.target.parent):
        return "its new folder is on another file system"
    return None


def _make_folders(journal: Journal, run: str, folder: Path) -> None:
    for one in reversed(list(_missing(folder))):
        journal.write({"run": run, "made": str(one)})
        one.mkdir(exist_ok=True)


def _missing(folder: Path) -> Iterator[Path]:
    while not folder.is_dir():
        yield folder
        folder = folder.parent


def _settle(library: Library, journal: Journal) -> None:
    """Bring to an end what a process that was killed had begun: one file with two names, a library that lags."""
    for run in journal.runs():
        if run.done:
            continue
        for one in run.renamed:
            with suppress(OSError):
                _drop_second_name(one.before, one.after)
            if one.is_at(one.after) and not os.path.lexists(one.before):
                _follow(library, one, one.before, one.after)
        if any(one.is_at(one.after) for one in run.renamed):
            journal.write({"run": run.name, "done": True})
        else:  # it had come no further than to make folders
            _remove_empty(run)
            journal.write({"run": run.name, "undone": True})


def _drop_second_name(old: Path, new: Path) -> None:
    """Take `old` from a file that has both names: `rename` was killed between its two steps. Raises OSError.

    Where letters differ in case only, some file systems take one name for two; such a file has one link.
    """
    status = os.lstat(old)
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1 and os.path.samestat(status, os.lstat(new)):
        old.unlink()


def _follow(library: Library, one: Renamed, before: Path, after: Path) -> None:
    if one.video is not None:
        videos.record_move(library, one.video, before, after)


def _remove_empty(run: Run) -> None:
    for folder in reversed(run.made):
        with suppress(OSError):  # it holds something else by now
            folder.rmdir()


def _reason(error: OSError) -> str:
    if isinstance(error, FileExistsError):
        return "the name is taken"
    if error.errno == errno.EXDEV:
        return "its new folder is on another file system"
    return f"it cannot be renamed ({error.strerror})"
