"""Sidecar files for other programs: planned first, then written. Files of others are never replaced."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vidlocal.errors import UsageError
from vidlocal.media.atomic_write import write_text
from vidlocal.media.sidecars import OWN_SUBTITLES
from vidlocal.records import MediaKind, PassageKind, Video
from vidlocal.render import captions, sidecar_files
from vidlocal.render.clips import Clip
from vidlocal.render.sidecar_files import VideoNotes
from vidlocal.seal import Seal, read_seal
from vidlocal.settings.sidecar_formats import SidecarFormat

# A larger file beside a video is none of ours.
_MAX_BYTES = 16 << 20

_SUBTITLE_KINDS = (PassageKind.SPEECH, PassageKind.SUBTITLE)


class Action(StrEnum):
    """Planned action for a file. The values are printed."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    EDITED = "edited"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A file to write, or the reason to keep an existing one."""

    video: Video
    path: Path
    content: str
    action: Action

    @property
    def is_written(self) -> bool:
        return self.action in (Action.CREATE, Action.UPDATE)


@dataclass(frozen=True, slots=True)
class VideoTexts:
    """Input of the sidecars of a video. `clips` are its speech and subtitles."""

    video: Video
    notes: VideoNotes
    clips: tuple[Clip, ...]


_NOTES_WRITERS: Mapping[SidecarFormat, Callable[[VideoNotes], str]] = {
    SidecarFormat.MD: sidecar_files.markdown,
    SidecarFormat.XMP: sidecar_files.xmp,
    SidecarFormat.NFO: sidecar_files.nfo,
    SidecarFormat.FFMETADATA: sidecar_files.ffmetadata,
}
_SUBTITLE_WRITERS: Mapping[SidecarFormat, Callable[[Sequence[Clip]], str]] = {
    SidecarFormat.VTT: captions.vtt,
    SidecarFormat.SRT: captions.srt,
}


def plan(
    texts: Iterable[VideoTexts], formats: Sequence[SidecarFormat], library_paths: Iterable[Path]
) -> Iterator[Sidecar]:
    """Yield the sidecars of videos. Videos without texts, and missing files, have none.

    `library_paths`: the paths of all videos. Of two that differ by extension only, each has its own sidecars.
    """
    stems = Counter(path.with_suffix("") for path in library_paths)
    for video_texts in texts:
        video_path = Path(video_texts.video.path)
        if not os.path.isfile(video_path):  # Path.is_file raises PermissionError for a closed folder
            continue
        base = video_path.name if stems[video_path.with_suffix("")] > 1 else video_path.stem
        for form in formats:
            content = _content(video_texts, form)
            if content:
                path = _path(video_path, base, form)
                yield Sidecar(video_texts.video, path, content, _action(path, content, form))


def write(sidecar: Sidecar) -> None:
    """Write a planned file, complete or not at all. Raises UsageError for a folder without room or permission."""
    try:
        write_text(sidecar.path, [sidecar.content], overwrite=sidecar.action is Action.UPDATE)
    except OSError as error:
        raise UsageError(f"{sidecar.path}: cannot be written ({error.strerror}).") from error


def _content(texts: VideoTexts, form: SidecarFormat) -> str:
    """Return the content of a file, empty if there is nothing to write."""
    if form in _SUBTITLE_WRITERS:
        return _SUBTITLE_WRITERS[form](texts.clips) if texts.clips else ""
    is_film = texts.video.kind is MediaKind.VIDEO
    if form is SidecarFormat.NFO and not is_film:
        return ""
    if form is SidecarFormat.FFMETADATA and not texts.notes.chapters:
        return ""
    return "" if texts.notes.is_empty else _NOTES_WRITERS[form](texts.notes)


def _path(video: Path, base: str, form: SidecarFormat) -> Path:
    if form in _SUBTITLE_WRITERS:
        return video.with_name(f"{base}.{OWN_SUBTITLES}.{form}")
    return video.with_name(f"{video.name}.xmp" if form is SidecarFormat.XMP else f"{base}.{form}")


def _action(path: Path, content: str, form: SidecarFormat) -> Action:
    if not (path.exists() or path.is_symlink()):
        return Action.CREATE
    existing = _read(path)
    if existing == content:
        return Action.UNCHANGED
    if existing is None:
        return Action.FOREIGN
    if form in _SUBTITLE_WRITERS:  # recognized by the name: SRT has no place for a seal
        return Action.UPDATE
    actions = {Seal.VALID: Action.UPDATE, Seal.BROKEN: Action.EDITED, Seal.MISSING: Action.FOREIGN}
    return actions[read_seal(existing)]


def _read(path: Path) -> str | None:
    """Return the text of a regular file, None for anything else."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return None
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return None
