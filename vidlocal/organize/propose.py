"""Propose folders and names for video files.

    summaries, dates, tags -> text model, in batches -> folder and name -> sanitized -> moves

Without a text model, each file gets the year as folder and the date before the name. Folders of events stay. The date
is that of the recording in the file, else of the file name, else of the folder names. `moves.apply_moves` renames.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.engines.prompts import organize_prompts
from vidlocal.engines.prompts.organize_prompts import FileDescription
from vidlocal.errors import AnswerRejected
from vidlocal.media.filenames import numbered_paths, sanitize_name
from vidlocal.media.sidecars import find_sidecars
from vidlocal.organize.by_date import Placement, is_full_date, place_by_date, recording_date
from vidlocal.organize.moves import MISSING, OTHER_FILESYSTEM, device_of, is_inside
from vidlocal.organize.proposal import Move, Proposal, SkippedFile
from vidlocal.records import PassageKind, Video
from vidlocal.store.content import passages, understanding, videos
from vidlocal.store.database import Library

if TYPE_CHECKING:
    from vidlocal.engines.base import TextEngine

_MAX_FOLDER_LEVELS = 3
_MAX_NAME_CHARACTERS = 80
_MAX_TAGS = 8
_VIDEO_SUFFIX = re.compile(r"\.(?:mp4|mov|mkv|avi|m4v|webm)$", re.I)
# Extensions of files that cameras and other programs write beside a video, with the same name.
_SIDECAR_SUFFIXES = frozenset([".xmp", ".nfo", ".lrc", ".thm", ".idx", ".sub", ".json", ".txt"])


def propose(library: Library, folder: Path, writer: "TextEngine | None") -> Proposal:
    """Propose folders and names for the videos in `folder`; without `writer` by date and title.

    A file without a usable answer goes by date and title. Raises the errors of the writer.
    """
    movable, skipped = _videos_in(library, folder)
    descriptions = [_describe(library, video, folder) for video in movable]
    folders = [_folder_within(video, folder) for video in movable]
    placements = [
        place_by_date(description, folder.name, names) for description, names in zip(descriptions, folders, strict=True)
    ]
    if writer is not None:
        for position, placement in _ask_model(descriptions, writer):
            placements[position] = placement
    used_names: set[str] = set()
    list_folder = cache(_list_folder)  # large folders are listed once
    moves = []
    for video, names, placement in zip(movable, folders, placements, strict=True):
        parent = Path(video.path).parent if placement.folder == names else folder.joinpath(*placement.folder)
        move = _plan_move(video, parent, placement.name, used_names, list_folder)
        obstacle = None if move is None else _obstacle(move, folder)
        if obstacle is not None:
            skipped.append(SkippedFile(Path(video.path), obstacle))
        elif move is not None:
            moves.append(move)
    return Proposal(folder, tuple(moves), tuple(skipped))


def _videos_in(library: Library, folder: Path) -> tuple[list[Video], list[SkippedFile]]:
    """Return the videos with a movable file in `folder`, and skipped files."""
    movable, skipped = [], []
    for video in videos.every(library):
        path = Path(video.path)
        skipped += _duplicates(library, video, folder)
        if not is_inside(path, folder):
            continue
        if path.is_symlink():
            skipped.append(SkippedFile(path, "symbolic link"))
        elif not os.path.isfile(path):
            skipped.append(SkippedFile(path, MISSING))
        else:
            movable.append(video)
    return movable, skipped


def _duplicates(library: Library, video: Video, folder: Path) -> list[SkippedFile]:
    """Return the other files of a video in `folder`: only the file opened by the library is renamed."""
    reason = f"duplicate of {video.path}"
    others = (path for path in videos.paths(library, video.id) if str(path) != video.path)
    return [SkippedFile(path, reason) for path in others if is_inside(path, folder) and os.path.lexists(path)]


def _describe(library: Library, video: Video, folder: Path) -> FileDescription:
    summaries = passages.of_video(library, video.id, [PassageKind.SUMMARY])
    longest = max(summaries, key=lambda summary: summary.end - summary.start, default=None)
    day = recording_date(video, (folder.name, *_folder_within(video, folder)))
    tags = dict.fromkeys(tag.tag for tag in understanding.tags(library, video.id))
    event, _ = understanding.event_of(library, video.id)
    words = tuple(filter(None, (event, *tags)))[:_MAX_TAGS]
    return FileDescription(video.title, day, longest.text if longest else "", words)


def _folder_within(video: Video, folder: Path) -> tuple[str, ...]:
    """Return the names of the folders from `folder` down to the file."""
    return Path(video.path).parent.resolve().relative_to(folder.resolve()).parts


def _ask_model(files: Sequence[FileDescription], writer: "TextEngine") -> Iterator[tuple[int, Placement]]:
    """Yield the placements of the model by position. Each request lists the folders proposed so far."""
    folders: dict[str, None] = {}
    start = 0
    while start < len(files):
        count = organize_prompts.fitting_count(files[start:], list(folders), writer.num_ctx)
        batch = files[start : start + count]
        try:
            text = writer.complete_json(organize_prompts.prompt(batch, list(folders)), organize_prompts.SCHEMA)
            answers = organize_prompts.parse_answer(text, count)
        except AnswerRejected:
            answers = {}
        for position, (folder, name) in sorted(answers.items()):
            parts = _folder_names(folder) or place_by_date(batch[position]).folder
            folders["/".join(parts)] = None
            yield start + position, Placement(parts, _dated_name(batch[position], name))
        start += count


def _folder_names(folder: str) -> tuple[str, ...]:
    """Split and sanitize a folder path: no hidden, absolute or parent folders."""
    parts = (part.strip(". ") for part in re.split(r"[/\\]", folder))
    return tuple(_shorten(part) for part in parts if part)[:_MAX_FOLDER_LEVELS]


def _dated_name(file: FileDescription, name: str) -> str:
    short = _shorten(_VIDEO_SUFFIX.sub("", name))
    return f"{file.date} {short}" if is_full_date(file.date) and not short.startswith(file.date) else short


def _shorten(name: str) -> str:
    return sanitize_name(name)[:_MAX_NAME_CHARACTERS].strip(". -") or "untitled"


def _plan_move(
    video: Video, parent: Path, name: str, used_names: set[str], list_folder: Callable[[Path], frozenset[str]]
) -> Move | None:
    """Plan a move to the first free name for file and sidecars, and add all names to `used_names`.

    None if the file already has the name.
    """
    source = Path(video.path)
    sidecars = [sidecar for sidecar in _sidecars(source) if _collision_key(sidecar) not in used_names]
    existing = list_folder(parent)
    for target in numbered_paths(parent / f"{name}{source.suffix}"):
        if _collision_key(target) == _collision_key(source) or _is_numbered(source, parent, name):
            return None
        pairs = [(sidecar, target.with_name(target.stem + sidecar.name[len(source.stem) :])) for sidecar in sidecars]
        keys = {_collision_key(path) for path in (target, *(after for _, after in pairs))}
        if used_names.isdisjoint(keys) and existing.isdisjoint(keys):
            used_names |= keys | {_collision_key(sidecar) for sidecar in sidecars}
            return Move(video.id, source, target, tuple(pairs))
    return None


def _is_numbered(source: Path, parent: Path, name: str) -> bool:
    """True if a file already has this name with a number: `wedding 2` for `wedding`."""
    return source.parent == parent and re.fullmatch(rf"{re.escape(name)} \d+", source.stem) is not None


def _collision_key(path: Path) -> str:
    """Key equal for names identical on some file system: in other case, or with decomposed accents."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _list_folder(parent: Path) -> frozenset[str]:
    """Return the collision keys of all names in a folder."""
    try:
        return frozenset(_collision_key(parent / name) for name in os.listdir(parent))
    except OSError:
        return frozenset()


def _sidecars(source: Path) -> list[Path]:
    """Return the files to move along with a video: subtitles, and other files of the same name."""
    try:
        names = sorted(os.listdir(source.parent))
    except OSError:
        names = []
    same_name = (
        source.with_name(name)
        for name in names
        if Path(name).suffix.lower() in _SIDECAR_SUFFIXES and Path(name).stem in (source.stem, source.name)
    )
    candidates = dict.fromkeys(
        path for path in chain(find_sidecars(source), same_name) if path.name.startswith(source.stem)
    )
    return [path for path in candidates if path != source and os.path.isfile(path) and not path.is_symlink()]


def _obstacle(move: Move, folder: Path) -> str | None:
    if not is_inside(move.target, folder):
        return "the new folder is a link to outside of the folder"
    if device_of(move.source) != device_of(move.target.parent):
        return OTHER_FILESYSTEM
    return None
