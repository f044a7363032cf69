"""The subtitles of a video: files beside it and text tracks inside it."""

import os
import unicodedata
from pathlib import Path

from vidlocal import process
from vidlocal.errors import MediaError
from vidlocal.media.audio import complaint
from vidlocal.media.cues import normalize_cues
from vidlocal.media.encodings import decode
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.files import read_error, read_stamp
from vidlocal.media.languages import language_code
from vidlocal.media.subtitle_formats import parse_subtitles
from vidlocal.records import Cue, Probe, SubtitleTrack

_ENDINGS = (".srt", ".vtt", ".ass", ".ssa")

# What may stand between the name of the video and the ending, besides a language.
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

# A track is read by going through the whole file: disks and network shares give at least this much.
_MIN_BYTES_PER_S = 4 << 20

# Copied as they are, so that text which is not valid UTF-8 is decoded here and not refused there.
_COPIED = {"subrip": "srt", "srt": "srt", "ass": "ass", "ssa": "ass", "webvtt": "webvtt"}


def find_sidecars(path: Path) -> tuple[Path, ...]:
    """The subtitle files that belong to the video at `path`: `movie.srt`, `movie.en.vtt`, `movie.pt-BR.forced.ass`."""
    try:
        with os.scandir(path.parent) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file())
    except OSError:
        return ()
    stems = (_folded(path.stem), _folded(path.name))
    return tuple(path.parent / name for name in names if _belongs(name, stems))


def read_sidecar(path: Path) -> tuple[Cue, ...]:
    """The cues of a subtitle file in time order, in whatever common encoding it is written.

    Raises MediaError when it cannot be read, is too big, or has text but not one cue.
    """
    data = _read_bytes(path)
    shown = parse_subtitles(decode(data))
    if not shown and data.strip():
        raise MediaError(f"{path.name} has no subtitle that can be understood. Is it SubRip, WebVTT or SubStation?")
    return normalize_cues(shown, language=_language_of(path))


def read_track(path: Path, track: SubtitleTrack, probe: Probe, *, ffmpeg: Ffmpeg) -> tuple[Cue, ...]:
    """The cues of a text track inside the video, on its clock. A bitmap track has none.

    Raises MediaError when ffmpeg cannot read the track.
    """
    if not track.is_text:
        return ()
    output = _COPIED.get(track.codec)
    codec = ("-c:s", "copy", "-f", output) if output else ("-c:s", "srt", "-f", "srt")
    # -copyts: the file's own times, from which the probed start is taken off exactly, as for frames and sound.
    argv = [
        *ffmpeg.input_command(path, options=("-copyts",)),
        *("-map", f"0:{track.index}", *codec, "pipe:1"),
    ]
    patience = 60.0 + read_stamp(path).size_bytes / _MIN_BYTES_PER_S
    finished = process.run(argv, timeout=patience, max_output_bytes=_MAX_BYTES)
    if not finished.stdout.strip() and finished.returncode != 0:
        raise MediaError(
            f"The subtitle track {track.index} of {path.name} cannot be read ({complaint(finished.stderr)})."
        )
    shown = parse_subtitles(decode(finished.stdout))
    return normalize_cues(shown, language=language_code(track.language), zero=probe.start)


def _belongs(name: str, stems: tuple[str, ...]) -> bool:
    stem, ending = os.path.splitext(_folded(name))
    if ending not in _ENDINGS:
        return False
    return any(stem == own or (stem.startswith(own + ".") and _is_suffix(stem[len(own) + 1 :])) for own in stems)


def _is_suffix(suffix: str) -> bool:
    """Whether `en`, `pt-br.forced` or the like stands between the name and the ending, not more of a name."""
    words = suffix.split(".")
    return len(words) <= 3 and all(word in _FLAGS or language_code(word) for word in words)


def _language_of(path: Path) -> str | None:
    words = path.stem.split(".")[1:]
    # "hi" alone is Hindi; beside a language it marks captions for the hearing impaired.
    named = [word for word in words if word.casefold() not in _FLAGS] or words
    return next((code for word in reversed(named) if (code := language_code(word))), None)


def _folded(name: str) -> str:
    """A file name as people compare it: macOS spells accents in two characters, others in one."""
    return unicodedata.normalize("NFC", name).casefold()


def _read_bytes(path: Path) -> bytes:
    status = read_stamp(path)
    if status.size_bytes > _MAX_BYTES:
        raise MediaError(f"{path.name} is too big for subtitles ({status.size_bytes >> 20} MB).")
    try:
        return path.read_bytes()
    except OSError as error:
        raise read_error(path, error) from error
