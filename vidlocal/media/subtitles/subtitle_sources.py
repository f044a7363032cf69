"""Read the subtitles of a video from sidecar files and text tracks."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from vidlocal import process
from vidlocal.errors import MediaError
from vidlocal.media.encodings import decode
from vidlocal.media.ffmpeg import PROTOCOLS, Ffmpeg, error_line
from vidlocal.media.files import read_stamp, read_start
from vidlocal.media.languages import language_code
from vidlocal.media.sidecars import sidecar_language
from vidlocal.media.subtitles.cues import normalize_cues
from vidlocal.media.subtitles.subtitle_formats import parse_subtitles
from vidlocal.records import CAPTIONS_IN_VIDEO, Cue, Probe, SubtitleTrack

# The subtitles of ten hours of talk are under 2 MB.
_MAX_BYTES = 32 << 20

_FORMATS = "SubRip, WebVTT, SubViewer, SubStation Alpha"

# Reading a track reads the whole file; disks and network shares are at least this fast.
_MIN_BYTES_PER_S = 4 << 20

# Captions within frames are found by decoding all of them, at this multiple of the speed of the video at least.
_MIN_DECODING_SPEED = 0.5
_SAFE_PATH = re.compile(r"[A-Za-z0-9_./+-]+")

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
    timeout = 60.0 + read_stamp(path).size_bytes / _MIN_BYTES_PER_S
    with ExitStack() as stack:
        if track.codec == CAPTIONS_IN_VIDEO:
            argv = _captions_command(path, probe, ffmpeg, stack.enter_context(_safe_folder()))
            timeout += probe.duration / _MIN_DECODING_SPEED
        else:
            argv = _track_command(path, track, ffmpeg)
        finished = process.run(argv, timeout=timeout, max_output_bytes=_MAX_BYTES)
    if not finished.stdout.strip() and finished.returncode != 0:
        raise MediaError(f"{path.name}: subtitle track {track.index} cannot be read ({error_line(finished.stderr)}).")
    cues = parse_subtitles(decode(finished.stdout))
    return normalize_cues(cues, language=language_code(track.language), zero=probe.start)


def _track_command(path: Path, track: SubtitleTrack, ffmpeg: Ffmpeg) -> list[str]:
    """The ffmpeg command to print a track as text.

    -copyts keeps the times of the file; the probed start is subtracted afterwards, as for frames and audio.
    """
    output = _COPY_FORMATS.get(track.codec)
    codec = ("-c:s", "copy", "-f", output) if output else ("-c:s", "srt", "-f", "srt")
    return [*ffmpeg.input_command(path, options=("-copyts",)), "-map", f"0:{track.index}", *codec, "pipe:1"]


def _captions_command(path: Path, probe: Probe, ffmpeg: Ffmpeg, folder: str) -> list[str]:
    """The ffmpeg command to print the captions within the frames of a video. Decodes all frames.

    The path stands in a filter: a link in `folder` has a name without a meaning there.
    """
    link = Path(folder, "video")
    link.symlink_to(path.absolute())
    movie = f"movie={link}:f={probe.container}:format_opts=protocol_whitelist={PROTOCOLS}[out0+subcc]"
    return [*ffmpeg.base_command(), "-copyts", "-f", "lavfi", "-i", movie, *("-map", "0:s", "-f", "srt", "pipe:1")]


@contextmanager
def _safe_folder() -> Iterator[str]:
    """A temporary folder with a name without meaning in ffmpeg filters."""
    with TemporaryDirectory(prefix="vidlocal-") as folder:
        if _SAFE_PATH.fullmatch(folder):
            yield folder
            return
    with TemporaryDirectory(prefix="vidlocal-", dir="/tmp") as folder:
        yield folder


def _read_bytes(path: Path) -> bytes:
    status = read_stamp(path)
    if status.size_bytes > _MAX_BYTES:
        raise MediaError(f"{path.name}: too large for a subtitle file ({status.size_bytes >> 20} MB).")
    return read_start(path, _MAX_BYTES)
