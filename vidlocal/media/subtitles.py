"""Read the subtitles of a video from sidecar files and text tracks."""

import os
import unicodedata
from pathlib import Path

from vidlocal import process
from vidlocal.errors import MediaError
from vidlocal.media.cues import normalize_cues
from vidlocal.media.encodings import decode
from vidlocal.media.ffmpeg import Ffmpeg, error_line
from vidlocal.media.files import read_error, read_stamp
from vidlocal.media.languages import language_code
from vidlocal.media.subtitle_formats import parse_subtitles
from vidlocal.records import Cue, Probe, SubtitleTrack

EXTENSIONS = (".srt", ".vtt", ".ass", ".ssa")

# Words allowed between the name of the video and the extension, besides a language.
_FLAGS = frozenset(
    [
        "auto",
        "captions",
        "cc",
        "default",
        "descriptions",
        "forced",
        "foreign",
        "full",
        "hi",
        "orig",
        "sdh",
        "sub",
        "subs",
    ]
)

# The subtitles of ten hours of talk are under 2 MB.
_MAX_BYTES = 32 << 20

# Reading a track reads the whole file; disks and network shares are at least this fast.
_MIN_BYTES_PER_S = 4 << 20

# Copied without conversion, because ffmpeg rejects text in other encodings than UTF-8.
_COPY_FORMATS = {"subrip": "srt", "srt": "srt", "ass": "ass", "ssa": "ass", "webvtt": "webvtt"}


def find_sidecars(path: Path) -> tuple[Path, ...]:
    """Find the subtitle files of the video at `path`: `movie.srt`, `movie.en.vtt`, `movie.pt-BR.forced.ass`."""
    try:
        with os.scandir(path.parent) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file())
    except OSError:
        return ()
    stems = (_normalize(path.stem), _normalize(path.name))
    return tuple(path.parent / name for name in names if _is_sidecar(name, stems))


def read_sidecar(path: Path) -> tuple[Cue, ...]:
    """Cues of a subtitle file in any common encoding, in time order.

    Raises MediaError if the file cannot be read, is too large, or has text but no cue.
    """
    data = _read_bytes(path)
    cues = parse_subtitles(decode(data))
    if not cues and data.strip():
        raise MediaError(f"{path.name}: no subtitles found. Supported formats: SubRip, WebVTT, SubStation Alpha.")
    return normalize_cues(cues, language=_language_of(path))


def read_track(path: Path, track: SubtitleTrack, probe: Probe, *, ffmpeg: Ffmpeg) -> tuple[Cue, ...]:
    """Cues of a text track, on the clock of the video. Empty for a bitmap track.

    Raises MediaError if ffmpeg cannot read the track.
    """
    if not track.is_text:
        return ()
    output = _COPY_FORMATS.get(track.codec)
    codec = ("-c:s", "copy", "-f", output) if output else ("-c:s", "srt", "-f", "srt")
    # -copyts keeps the times of the file; the probed start is subtracted below, as for frames and audio.
    argv = [
        *ffmpeg.input_command(path, options=("-copyts",)),
        *("-map", f"0:{track.index}", *codec, "pipe:1"),
    ]
    timeout = 60.0 + read_stamp(path).size_bytes / _MIN_BYTES_PER_S
    finished = process.run(argv, timeout=timeout, max_output_bytes=_MAX_BYTES)
    if not finished.stdout.strip() and finished.returncode != 0:
        raise MediaError(f"{path.name}: subtitle track {track.index} cannot be read ({error_line(finished.stderr)}).")
    cues = parse_subtitles(decode(finished.stdout))
    return normalize_cues(cues, language=language_code(track.language), zero=probe.start)


def _is_sidecar(name: str, stems: tuple[str, ...]) -> bool:
    stem, ending = os.path.splitext(_normalize(name))
    if ending not in EXTENSIONS:
        return False
    return any(stem == own or (stem.startswith(own + ".") and _is_suffix(stem[len(own) + 1 :])) for own in stems)


def _is_suffix(suffix: str) -> bool:
    """True for language and flags between name and extension, such as `en` or `pt-br.forced`."""
    words = suffix.split(".")
    return len(words) <= 3 and all(word in _FLAGS or language_code(word) for word in words)


def _language_of(path: Path) -> str | None:
    words = path.stem.split(".")[1:]
    # "hi" alone is Hindi; next to a language it marks captions for the hearing impaired.
    candidates = [word for word in words if word.casefold() not in _FLAGS] or words
    return next((code for word in reversed(candidates) if (code := language_code(word))), None)


def _normalize(name: str) -> str:
    """Normalize a file name for comparison: macOS stores accents as separate characters."""
    return unicodedata.normalize("NFC", name).casefold()


def _read_bytes(path: Path) -> bytes:
    status = read_stamp(path)
    if status.size_bytes > _MAX_BYTES:
        raise MediaError(f"{path.name}: too large for a subtitle file ({status.size_bytes >> 20} MB).")
    try:
        return path.read_bytes()
    except OSError as error:
        raise read_error(path, error) from error
