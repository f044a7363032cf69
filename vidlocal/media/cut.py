"""Cut clips out of a media file by stream copy, or by encoding for exact times.

Clips carry no metadata of the source: no location, no device, no date.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidlocal import process
from vidlocal.errors import MediaError
from vidlocal.media.ffmpeg import Ffmpeg, error_line
from vidlocal.media.picture_filters import StoredPicture, filter_argument, tone_mapping_filters
from vidlocal.media.timeline import TIME_TOLERANCE_S, Timeline
from vidlocal.records import MediaKind, Probe

# A copied clip starts at a key frame, at most this much before the requested start.
MAX_EARLY_START_S = 2.0
# An exact clip starts at the requested time, not at the frame visible then, if that frame is older than this.
_MAX_STILL_S = 1.0
# Minimum length of a clip, for moments without a duration.
MIN_CLIP_S = 1.0

# Containers with exact seeks and timestamps, as needed for a copy, and the extensions a copy may keep.
_COPY_FORMATS = {"mov": {".mp4", ".m4v", ".mov"}, "matroska": {".mkv", ".webm"}}
_X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p")
_AAC = ("-c:a", "aac", "-b:a", "192k")
_NO_METADATA = ("-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn")
_EVEN_SIZE = "scale='max(2,trunc(iw/2)*2)':'max(2,trunc(ih/2)*2)'"
# Encoding a second of 4K takes half a minute on an old machine.
_TIMEOUT_S, _TIMEOUT_PER_S = 120.0, 60.0


@dataclass(frozen=True, slots=True)
class CutSource:
    """A file to cut from. `timeline` is None for audio files."""

    path: Path
    probe: Probe
    timeline: Timeline | None


@dataclass(frozen=True, slots=True)
class CutPlan:
    """Span to cut, in seconds of the source. A copy starts at a key frame at or before the requested start."""

    start: float
    end: float
    is_copy: bool
    suffix: str


@dataclass(frozen=True, slots=True)
class ClipFormat:
    """Frame size and rate of all parts of a joined clip: upright, square pixels, even sides."""

    width_px: int
    height_px: int
    rate_hz: float


def plan_cut(source: CutSource, start: float, end: float, *, exact: bool) -> CutPlan:
    """Plan a cut from `start` to `end`, limited to the file and at least `MIN_CLIP_S` long.

    Without `exact`, MP4 and Matroska files with one clock segment are copied if a key frame lies at most
    `MAX_EARLY_START_S` before the start. Raises MediaError for photos and files without a duration.
    """
    probe = source.probe
    if probe.kind is MediaKind.PHOTO:
        raise MediaError(f"{source.path.name}: photos cannot be cut.")
    start = max(0.0, min(start, probe.duration - MIN_CLIP_S))
    end = min(max(end, start + MIN_CLIP_S), probe.duration)
    if end - start <= TIME_TOLERANCE_S:
        raise MediaError(f"{source.path.name}: nothing to cut, the duration is 0.")
    timeline = source.timeline
    if timeline is None:
        return CutPlan(start, end, is_copy=False, suffix=".m4a")
    key = timeline.key_frame_at(start)
    family = next((family for family in _COPY_FORMATS if family in probe.container), None)
    has_near_key_frame = key <= start + TIME_TOLERANCE_S <= key + MAX_EARLY_START_S
    if exact or family is None or not _has_one_clock(timeline) or not has_near_key_frame:
        return CutPlan(_frame_time(timeline, start), end, is_copy=False, suffix=".mp4")
    suffix = source.path.suffix.lower()
    if suffix not in _COPY_FORMATS[family]:
        suffix = ".mp4" if family == "mov" else ".mkv"
    return CutPlan(key, end, is_copy=True, suffix=suffix)


def write_clip(source: CutSource, cut: CutPlan, draft: Path, *, ffmpeg: Ffmpeg, captions: Path | None = None) -> None:
    """Write a clip to `draft`. `captions` is a generated .ass file with times from the start of the clip.

    Raises MediaError if ffmpeg fails.
    """
    input_arguments, seek = _input_arguments(source, cut, ffmpeg)
    command = [*input_arguments, *seek, "-t", f"{cut.end - cut.start:.6f}"]
    probe = source.probe
    if source.timeline is not None:
        command += ["-map", f"0:{probe.video_index}"]
    command += ["-map", "0:a?", *_NO_METADATA]
    if cut.is_copy:
        command += ["-c", "copy", "-copypriorss", "0"]
    else:
        command += _AAC
    if source.timeline is not None and not cut.is_copy:
        shift = cut.start if seek else 0.0
        command += [
            *_X264,
            "-vf",
            ",".join([*_tone_filters(source, ffmpeg), _EVEN_SIZE, *_caption_filters(captions, shift)]),
        ]
    _run([*command, *_output_arguments(draft)], source, cut)


def write_part(
    source: CutSource,
    cut: CutPlan,
    draft: Path,
    clip_format: ClipFormat,
    *,
    ffmpeg: Ffmpeg,
    track: int | None,
    captions: Path | None,
) -> None:
    """Write a part of a joined clip to `draft`, a .mov in the common format, with silence if without audio.

    `track` is the index of the audio track. Raises MediaError.
    """
    input_arguments, seek = _input_arguments(source, cut, ffmpeg)
    silence = ("-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo")
    size = f"{clip_format.width_px}:{clip_format.height_px}"
    shift = cut.start if seek else 0.0
    filters = [
        *_tone_filters(source, ffmpeg),
        "scale=iw*sar:ih,setsar=1",
        f"scale={size}:force_original_aspect_ratio=decrease,pad={size}:-1:-1,setsar=1",
        *_caption_filters(captions, shift),
        f"fps={clip_format.rate_hz:.3f}",
    ]
    command = [*input_arguments, *silence, *seek, "-t", f"{cut.end - cut.start:.6f}"]
    command += [
        "-map",
        f"0:{source.probe.video_index}",
        "-map",
        "1:a" if track is None else f"0:{track}",
        *_NO_METADATA,
    ]
    command += [*_X264, "-vf", ",".join(filters), "-video_track_timescale", "90000"]
    command += ["-c:a", "pcm_s16le", "-ar", "48000", "-ac", "2", "-af", "aresample=async=1:first_pts=0,apad"]
    _run([*command, "-y", str(draft.absolute())], source, cut)


def join_parts(parts: Sequence[Path], script: Path, draft: Path, *, ffmpeg: Ffmpeg) -> None:
    """Join `parts` into `draft`. The parts lie in the folder of `script`, the concat script written here.

    Raises MediaError.
    """
    script.write_text("".join(f"file '{part.name}'\n" for part in parts))
    command = [
        *ffmpeg.base_command(),
        "-f",
        "concat",
        "-i",
        str(script),
        "-c:v",
        "copy",
        *_AAC,
        *_NO_METADATA,
        *_output_arguments(draft),
    ]
    finished = process.run(command, timeout=_TIMEOUT_S * len(parts))
    if finished.returncode != 0:
        raise MediaError(f"Joining the clips failed: {error_line(finished.stderr)}.")


def common_format(probes: Sequence[Probe]) -> ClipFormat:
    """Format of a joined clip: the size of the first video and the highest frame rate up to 60."""
    first = probes[0]
    rate = max((probe.frame_rate_hz for probe in probes), default=0.0)
    return ClipFormat(_even(first.width_px), _even(first.height_px), min(60.0, rate) if rate >= 1 else 25.0)


def _even(pixels: int) -> int:
    return max(2, pixels // 2 * 2)


def _frame_time(timeline: Timeline, start: float) -> float:
    """Time of the frame visible at `start`, or `start` for a frame older than _MAX_STILL_S.

    A clip from there starts with an image.
    """
    index = int(np.searchsorted(timeline.times, start + TIME_TOLERANCE_S, side="right")) - 1
    time = max(0.0, float(timeline.times[index])) if index >= 0 else start
    return time if _has_one_clock(timeline) and 0 <= start - time <= _MAX_STILL_S else start


def _has_one_clock(timeline: Timeline) -> bool:
    return timeline.can_seek and len(timeline.segments) == 1


def _input_arguments(source: CutSource, cut: CutPlan, ffmpeg: Ffmpeg) -> tuple[list[str], list[str]]:
    """The command up to the input, and the seek options after the input.

    Only the second form, which decodes everything before the start, works for files without exact seeks.
    """
    # Half a millisecond early, to include a frame at the border however its time is rounded.
    seek = ["-ss", f"{max(0.0, cut.start - TIME_TOLERANCE_S):.6f}"] if cut.start > TIME_TOLERANCE_S else []
    if source.timeline is None or _has_one_clock(source.timeline):
        return ffmpeg.input_command(source.path, options=seek), []
    return ffmpeg.input_command(source.path), seek


def _tone_filters(source: CutSource, ffmpeg: Ffmpeg) -> list[str]:
    picture = source.timeline.picture if source.timeline is not None else StoredPicture()
    return [filter_argument(term) for term in tone_mapping_filters(source.probe.hdr, picture, ffmpeg)]


def _caption_filters(captions: Path | None, shift: float) -> list[str]:
    if captions is None:
        return []
    draw = f"subtitles=filename={captions}"
    # After a seek on the output side, frames still have the times of the source.
    return [f"setpts=PTS-{shift:.6f}/TB", draw, f"setpts=PTS+{shift:.6f}/TB"] if shift else [draw]


def _output_arguments(draft: Path) -> list[str]:
    faststart = ["-movflags", "+faststart"] if draft.suffix in {".mp4", ".m4v", ".mov", ".m4a"} else []
    return [*faststart, "-y", str(draft.absolute())]


def _run(command: Sequence[str], source: CutSource, cut: CutPlan) -> None:
    decode_time = 0.0 if source.timeline is None or _has_one_clock(source.timeline) else cut.end
    timeout = _TIMEOUT_S + _TIMEOUT_PER_S * (cut.end - cut.start) + decode_time
    try:
        finished = process.run(command, timeout=timeout)
    except process.TimedOut as error:
        raise MediaError(f"{source.path.name}: cutting took longer than {timeout:.0f} s.") from error
    if finished.returncode != 0:
        raise MediaError(f"{source.path.name}: cutting failed: {error_line(finished.stderr)}.")
