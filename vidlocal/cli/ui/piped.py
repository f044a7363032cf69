"""Read moments and paths from standard input."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from vidlocal.app.library import open_library
from vidlocal.app.search.moment_json import parse_moments
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


def read_paths(paths: Sequence[Path]) -> list[Path]:
    """Return absolute paths; `-` stands for the paths on standard input, separated by newlines or NUL."""
    return [path.absolute() for argument in paths for path in (_piped_paths() if str(argument) == "-" else [argument])]


def _piped_paths() -> Iterator[Path]:
    if sys.stdin.isatty():
        raise UsageError("-: standard input is a terminal. Pipe in paths, one a line.")
    data = sys.stdin.buffer.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise UsageError("Standard input is larger than 64 MB. Pass fewer paths.")
    names = data.split(b"\0") if b"\0" in data else (line.removesuffix(b"\r") for line in data.split(b"\n"))
    yield from (Path(os.fsdecode(name)) for name in names if name)


def _durations() -> dict[str, float]:
    """Durations of the videos by path; empty without a library."""
    with suppress(StoreError), open_library() as library:
        return {video.path: video.duration for video in videos.every(library)}
    return {}
