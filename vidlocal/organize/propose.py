"""Verb 5: from what is known of videos to folders and names for their files.

    summaries, dates, tags ──text model, in steps──> folder and name ──made safe──> moves

Nothing is renamed here: `steps.move` does that with the moves a person has seen. Without a text model each
file gets its year as folder and its date before its name.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.engines import organize_prompts
from vidlocal.engines.organize_prompts import FileDescription
from vidlocal.media.filenames import numbered_paths, sanitize_name
from vidlocal.media.subtitles import find_sidecars
from vidlocal.organize.moves import Left, Move, device_of, is_inside
from vidlocal.records import PassageKind, Video
from vidlocal.store.content import passages, understanding, videos
from vidlocal.store.database import Library

if TYPE_CHECKING:
    from vidlocal.engines.base import TextEngine

UNDATED = "undated"

_MOST_LEVELS = 3
_MOST_NAME_CHARACTERS = 80
_TAGS = 8
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
# What cameras and other programs put beside a video, under its very name.
_BESIDE = frozenset([".xmp", ".nfo", ".lrc", ".thm", ".idx", ".sub", ".json", ".txt"])


@dataclass(frozen=True, slots=True)
class Proposal:
    """Where the files of a folder should go. `left` stay where they are, each with the reason."""

    folder: Path
    moves: tuple[Move, ...]
    left: tuple[Left, ...]


def propose(library: Library, folder: Path, writer: "TextEngine | None") -> Proposal:
    """Folders and names for the videos of the library that lie in `folder`. `writer` None: by date and title.

    Raises what the writer raises. A file of which it says nothing usable goes by date and title.
    """
    found, left = _inside(library, folder)
    described = [_described(library, video) for video in found]
    wanted = [_by_date(one) for one in described]
    if writer is not None:
        for position, (parts, name) in _asked(described, writer):
            wanted[position] = (parts, name)
    taken: set[str] = set()
    there = cache(_there)  # a folder of thousands is listed once
    moves = []
    for video, (parts, name) in zip(found, wanted, strict=True):
        made = _move(video, folder.joinpath(*parts), name, taken, there)
        reason = None if made is None else _hindrance(made, folder)
        if reason is not None:
            left.append(Left(Path(video.path), reason))
        elif made is not None:
            moves.append(made)
    return Proposal(folder, tuple(moves), tuple(left))


def _inside(library: Library, folder: Path) -> tuple[list[Video], list[Left]]:
    """The videos whose files lie in `folder`, and those of them that cannot be moved."""
    found, left = [], []
    for video in videos.every(library):
        path = Path(video.path)
        left += _copies(library, video, folder)
        if not is_inside(path, folder):
            continue
        if path.is_symlink():
            left.append(Left(path, "it is a link"))
        elif not path.is_file():
            left.append(Left(path, "it is not there now"))
        else:
            found.append(video)
    return found, left


def _copies(library: Library, video: Video, folder: Path) -> list[Left]:
    """The files in `folder` that hold a video beside the one the library opens: they stay, whatever becomes of that."""
    reason = f"it is a copy of {video.path}, and only that is renamed"
    others = (path for path in videos.paths(library, video.id) if str(path) != video.path)
    return [Left(path, reason) for path in others if is_inside(path, folder) and os.path.lexists(path)]


def _described(library: Library, video: Video) -> FileDescription:
    told = passages.of_video(library, video.id, [PassageKind.SUMMARY])
    whole = max(told, key=lambda one: one.end - one.start, default=None)
    date = _DATE.match(video.recorded_at or "")
    tags = dict.fromkeys(tag.tag for tag in understanding.tags(library, video.id))
    event, _ = understanding.event_of(library, video.id)
    words = tuple(filter(None, (event, *tags)))[:_TAGS]
    return FileDescription(video.title, date[0] if date else "", whole.text if whole else "", words)


def _by_date(one: FileDescription) -> tuple[tuple[str, ...], str]:
    title = sanitize_name(one.title)
    if not one.date:
        return (UNDATED,), title
    return (one.date[:4],), title if title.startswith(one.date) else f"{one.date} {title}"


def _asked(described: Sequence[FileDescription], writer: "TextEngine") -> Iterator[tuple[int, tuple[tuple[str, ...], str]]]:
    """What the model proposes, by position: in as many questions as it takes, each told of the folders so far."""
    from vidlocal.errors import AnswerRejected

    folders: dict[str, None] = {}
    done = 0
    while done < len(described):
        count = organize_prompts.fitting_count(described[done:], list(folders), writer.num_ctx)
        asked = described[done : done + count]
        try:
            text = writer.complete_json(organize_prompts.prompt(asked, list(folders)), organize_prompts.SCHEMA)
            places = organize_prompts.parse_answer(text, count)
        except AnswerRejected:
            places = {}
        for position, (folder, name) in sorted(places.items()):
            parts = _levels(folder) or _by_date(asked[position])[0]
            folders["/".join(parts)] = None
            yield done + position, (parts, _dated(asked[position], name))
        done += count


def _levels(folder: str) -> tuple[str, ...]:
    """The names of folders, from the outside in: none that is hidden, leads upwards or away."""
    named = (part.strip(". ") for part in re.split(r"[/\\]", folder))
    return tuple(_short(part) for part in named if part)[:_MOST_LEVELS]


def _dated(one: FileDescription, name: str) -> str:
    bare = re.sub(r"\.(?:mp4|mov|mkv|avi|m4v|webm)$", "", name, flags=re.I)
    short = _short(bare)
    return f"{one.date} {short}" if one.date and not short.startswith(one.date) else short


def _short(name: str) -> str:
    return sanitize_name(name)[:_MOST_NAME_CHARACTERS].strip(". -") or "untitled"


def _move(
    video: Video, parent: Path, name: str, taken: set[str], there: Callable[[Path], frozenset[str]]
) -> Move | None:
    """The move to the first name that is free for the file and its sidecars; None when it is there already."""
    source = Path(video.path)
    beside = [one for one in _beside(source) if _key(one) not in taken]
    known = there(parent)
    for target in numbered_paths(parent / f"{name}{source.suffix}"):
        if _key(target) == _key(source) or _is_numbered(source, parent, name):
            return None
        pairs = [(one, target.with_name(target.stem + one.name[len(source.stem) :])) for one in beside]
        wanted = {_key(path) for path in (target, *(to for _, to in pairs))}
        if taken.isdisjoint(wanted) and known.isdisjoint(wanted):
            taken |= wanted | {_key(one) for one in beside}
            return Move(video.id, source, target, tuple(pairs))
    return None


def _is_numbered(source: Path, parent: Path, name: str) -> bool:
    """Whether a file has this very name and a number already: `wedding 2` for `wedding`."""
    return source.parent == parent and re.fullmatch(rf"{re.escape(name)} \d+", source.stem) is not None


def _key(path: Path) -> str:
    """The same for names that some file system takes for one: it may not mind the case of letters, or how an accent
    is put together."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _there(parent: Path) -> frozenset[str]:
    try:
        return frozenset(_key(parent / name) for name in os.listdir(parent))
    except OSError:
        return frozenset()


def _beside(source: Path) -> list[Path]:
    """The files that go along with a video: subtitles, and others of its very name."""
    try:
        names = sorted(os.listdir(source.parent))
    except OSError:
        names = []
    alike = (
        source.with_name(name)
        for name in names
        if Path(name).suffix.lower() in _BESIDE and Path(name).stem in (source.stem, source.name)
    )
    found = dict.fromkeys(one for one in chain(find_sidecars(source), alike) if one.name.startswith(source.stem))
    return [one for one in found if one != source and one.is_file() and not one.is_symlink()]


def _hindrance(move: Move, folder: Path) -> str | None:
    if not is_inside(move.target, folder):
        return "a link leads its new folder out of the one that is organized"
    if device_of(move.source) != device_of(move.target.parent):
        return "its new folder is on another file system"
    return None
