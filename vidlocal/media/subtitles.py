"""Read the subtitles of a video from sidecar files and text tracks."""

from pathlib import Path

from vidlocal import process
from vidlocal.errors import MediaError
from vidlocal.media.cues import normalize_cues
from vidlocal.media.encodings import decode
from vidlocal.media.ffmpeg import Ffmpeg, error_line
from vidlocal.media.files import read_error, read_stamp
from vidlocal.media.languages import language_code
from vidlocal.media.sidecars import sidecar_language
from vidlocal.media.subtitle_formats import parse_subtitles
from vidlocal.records import Cue, Probe, SubtitleTrack

# The subtitles of ten hours of talk are under 2 MB.
_MAX_BYTES = 32 << 20

_FORMATS = "SubRip, WebVTT, SubViewer, SubStation Alpha"

# Reading a track reads the whole file; disks and network shares are at least this fast.
_MIN_BYTES_PER_S = 4 << 20

# Copied without conversion, because ffmpeg rejects text in other encodings than UTF-8.
_COPY_FORMATS = {"subrip": "srt", "srt": "srt", "ass": "ass", "ssa": "ass", "webvtt": "webvtt"}


def read_sidecar(path: Path) -> tuple[Cue, ...]:
    """Cues of a subtitle file in any common encoding, in time order.

    Raises MediaError if the file cannot be read, is too large, or has text but no cue.
    """
    data = _read_bytes(path)
    cues = parse_subtitles(decode(data))
    if not cues and data.strip():
        raise MediaError(f"{path.name}: no subtitles found. Supported formats: {_FORMATS}.")
    return normalize_cues(cues, language=sidecar_language(path))


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


def _read_bytes(path: Path) -> bytes:
    status = read_stamp(path)
    if status.size_bytes > _MAX_BYTES:
        raise MediaError(f"{path.name}: too large for a subtitle file ({status.size_bytes >> 20} MB).")
    try:
        return path.read_bytes()
    except OSError as error:
        raise read_error(path, error) from error
