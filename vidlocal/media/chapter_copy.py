"""Copy a film with other chapters, without encoding."""

from pathlib import Path

from vidlocal import process
from vidlocal.errors import MediaError
from vidlocal.media.ffmpeg import Ffmpeg, error_line

# Containers with chapters; films in others are copied into Matroska, which holds any codec.
_CHAPTER_EXTENSIONS = frozenset({".mp4", ".m4v", ".mov", ".mkv"})
_TIMEOUT_S = 600.0
# Slower than any disk in use.
_MIN_BYTES_PER_S = 1_000_000


def copy_extension(path: Path) -> str:
    """Return the extension of the copy of a film."""
    extension = path.suffix.lower()
    return extension if extension in _CHAPTER_EXTENSIONS else ".mkv"


def copy_with_chapters(path: Path, metadata: Path, draft: Path, *, ffmpeg: Ffmpeg) -> None:
    """Copy the picture, sound and subtitles of a film to `draft`, with the chapters of an ffmetadata file.

    Raises MediaError.
    """
    command = [
        *ffmpeg.input_command(path),
        *("-f", "ffmetadata", "-i", str(metadata)),
        *("-map", "0:V?", "-map", "0:a?", "-map", "0:s?", "-map_metadata", "0", "-map_chapters", "1"),
        *("-c", "copy", "-y", str(draft.absolute())),
    ]
    timeout = _TIMEOUT_S + path.stat().st_size / _MIN_BYTES_PER_S
    try:
        finished = process.run(command, timeout=timeout)
    except process.TimedOut as error:
        raise MediaError(f"{path.name}: copying took longer than {timeout:.0f} s.") from error
    if finished.returncode != 0:
        raise MediaError(f"{path.name}: not copied ({error_line(finished.stderr)}).")
