"""Copies of videos with chapters."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from vidlocal.app.video_details import read_details
from vidlocal.errors import MediaError, UsageError
from vidlocal.export.sources import verified_path
from vidlocal.media.atomic_write import numbered_file
from vidlocal.media.chapter_copy import copy_extension, copy_with_chapters
from vidlocal.media.ffmpeg import Ffmpeg, find_ffmpeg
from vidlocal.records import MediaKind, Video
from vidlocal.render.sidecar_files import VideoNotes, ffmetadata
from vidlocal.settings import load
from vidlocal.store.database import Library


def copy_videos_with_chapters(
    library: Library, selection: Sequence[Video], folder: Path, *, notify: Callable[[str], None]
) -> list[Path]:
    """Copy the films with chapters into a folder, under free names. Returns the paths of the copies.

    `notify` gets a sentence for each film that is not copied. Raises UsageError if the folder cannot be created.
    """
    ffmpeg = find_ffmpeg(load().ffmpeg)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot create the folder ({error.strerror}).") from error
    copies = []
    for video in selection:
        try:
            copies.append(_copy(library, video, folder, ffmpeg))
        except MediaError as error:
            notify(str(error))
    return copies


def _copy(library: Library, video: Video, folder: Path, ffmpeg: Ffmpeg) -> Path:
    details = read_details(library, video)
    if video.kind is not MediaKind.VIDEO or not details.chapters:
        raise MediaError(f"{video.title}: no chapters. Run: vidlocal enrich")
    source = verified_path(library, video)
    notes = VideoNotes(title=video.title, duration=video.duration, chapters=details.chapters)
    target = folder / f"{source.stem}{copy_extension(source)}"
    with TemporaryDirectory(prefix="vidlocal-") as scratch, numbered_file(target) as (draft, path):
        metadata = Path(scratch) / "chapters.ffmetadata"
        metadata.write_text(ffmetadata(notes), encoding="utf-8")
        copy_with_chapters(source, metadata, draft, ffmpeg=ffmpeg)
    return path
