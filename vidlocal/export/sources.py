"""The file of a video, if unchanged since indexing."""

import os
import shlex
from pathlib import Path

from vidlocal.errors import MediaError
from vidlocal.media import files
from vidlocal.records import Video
from vidlocal.store.content import videos
from vidlocal.store.database import Library


def verified_path(library: Library, video: Video) -> Path:
    """Return the first path of a video with the indexed file: same size and time, or same content.

    Raises MediaError if there is none: moments of the video would show something else.
    """
    stamps = videos.stamps(library, video.id)
    path = files.find_source(stamps, video.content_hash)
    if path is not None:
        return path
    imported = Path(video.path)
    if video.content_hash.startswith("name:") and os.path.isfile(imported):  # known by its name only, never read here
        return imported
    raise MediaError(_problem(video, [path for path in stamps if os.path.isfile(path)]))


def _problem(video: Video, existing: list[Path]) -> str:
    if video.replaced_at is not None:
        return f"{Path(video.path).name}: the file was replaced by another one. Its moments cannot be played or cut."
    if existing:
        return f"{existing[0].name}: changed since it was indexed. Run: vidlocal ingest {shlex.quote(str(existing[0]))}"
    return f"{video.path}: file not found."
