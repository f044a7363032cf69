"""Read moments from standard input."""

import sys
from contextlib import suppress

from vidlocal.app.library import open_library
from vidlocal.app.moment_json import parse_moments
from vidlocal.errors import StoreError, UsageError
from vidlocal.render.clips import Clip
from vidlocal.store.content import videos

_MAX_BYTES = 64 << 20


def read_piped_moments() -> list[Clip]:
    """Read the JSON of `search`, `similar` or `ask` from standard input. Raises UsageError for anything else."""
    data = sys.stdin.buffer.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise UsageError("Standard input is larger than 64 MB. Export fewer moments.")
    return parse_moments(data.decode("utf-8-sig", "replace"), _durations())


def _durations() -> dict[str, float]:
    """Durations of the videos by path; empty without a library."""
    with suppress(StoreError), open_library() as library:
        return {video.path: video.duration for video in videos.every(library)}
    return {}
