"""Cutting a span out of a media file: copied as it is, or encoded anew where it has to be exact.

The source is only ever read. What is made has no tags of it: no place, no device, no date.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidlocal import process
from vidlocal.errors import MediaError
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.frames import tone_mapping_filters
from vidlocal.media.timeline import TIME_TOLERANCE_S, Timeline
from vidlocal.records import MediaKind, Probe

# A copied clip begins at a key frame. One that begins this much too early is near enough.
MAX_EARLY_START_S = 2.0
# Of a slide that stands longer, an exact clip begins where it was asked to, without a picture until the next one.
_MAX_STILL_S = 1.0
# A moment that lasts no time is a picture; this is long enough to see it.
MIN_CLIP_S = 1.0

# Families whose seeks and clocks a copy can rely on, and the endings that may stay as they are.
_COPIED = {"mov": {".mp4", ".m4v", ".mov"}, "matroska": {".mkv", ".webm"}}
_X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p")
_AAC = ("-c:a", "aac", "-b:a", "192k")
_BARE = ("-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn")
_EVEN = "scale='max(2,trunc(iw/2)*2)':'max(2,trunc(ih/2)*2)'"
# Encoding 4K on an old machine takes half a minute a second.
_TIMEOUT, _TIMEOUT_PER_S = 120.0, 60.0


@dataclass(frozen=True, slots=True)
class CutSource:
    """A file to cut from. `timeline` is None for sound alone."""

    path: Path
    probe: Probe
    timeline: Timeline | None


@dataclass(frozen=True, slots=True)
class CutPlan:
    """What will be cut, in seconds of the source. A `copied` one begins at a key frame, at or before what was asked."""

    start: float
    end: float
    is_copy: bool
    suffix: str


@dataclass(frozen=True, slots=True)
class ClipFormat:
    """The upright picture that all parts of a supercut have, square pixels, both sides even."""

    width_px: int
    height_px: int
    rate_hz: float


def plan_cut(source: CutSource, start: float, end: float, *, exact: bool) -> CutPlan:
    """Where the file will be cut for `start` to `end`, kept within it and at least `SHORTEST_S` long.

    Without `exact` it is copied where a key frame lies at most `NEAR_ENOUGH_S` before the start, in an MP4 or Matroska
    file with one clock. Raises MediaError when there is nothing to cut.
    """
    probe = source.probe
    if probe.kind is MediaKind.PHOTO:
        raise MediaError(f"{source.path.name} is a photo: there is nothing to cut.")
    start = max(0.0, min(start, probe.duration - MIN_CLIP_S))
    end = min(max(end, start + MIN_CLIP_S), probe.duration)
    if end - start <= TIME_TOLERANCE_S:
        raise MediaError(f"{source.path.name} lasts no time: there is nothing to cut.")
    timeline = source.timeline
    if timeline is None:
        return CutPlan(start, end, is_copy=False, suffix=".m4a")
    key = timeline.key_frame_at(start)
    family = next((family for family in _COPIED if family in probe.container), None)
    if (
        exact
        or family is None
        or not _one_clock(timeline)
        or not key <= start + TIME_TOLERANCE_S <= key + MAX_EARLY_START_S
    ):
        return CutPlan(_shown_at(timeline, start), end, is_copy=False, suffix=".mp4")
    suffix = source.path.suffix.lower()
    known = _COPIED[family]
    return CutPlan(key, end, is_copy=True, suffix=suffix if suffix in known else ".mp4" if family == "mov" else ".mkv")


def write_clip(source: CutSource, cut: CutPlan, draft: Path, *, ffmpeg: Ffmpeg, captions: Path | None = None) -> None:
    """Fill `draft`. `captions` is an .ass file of ours, its times counting from the start of the clip.

    Raises MediaError when ffmpeg cannot.
    """
    reading, seeking = _input(source, cut, ffmpeg)
    command = [*reading, *seeking, "-t", f"{cut.end - cut.start:.6f}"]
    probe = source.probe
    if source.timeline is not None:
        command += ["-map", f"0:{probe.video_index}"]
    command += ["-map", "0:a?", *_BARE]
    if cut.is_copy:
        command += ["-c", "copy", "-copypriorss", "0"]
    else:
        command += _AAC
    if source.timeline is not None and not cut.is_copy:
        shift = cut.start if seeking else 0.0
        command += [*_X264, "-vf", ",".join([*_tone(probe, ffmpeg), _EVEN, *_captions(captions, shift)])]
    _run([*command, *_finish(draft)], source, cut)


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
    """Fill `draft`, a .mov, with one part of a supercut: encoded, of the common look, with sound even where there is
    none. `track` is the index of the audio track. Raises MediaError."""
    reading, seeking = _input(source, cut, ffmpeg)
    silence = ("-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo")
    size = f"{clip_format.width_px}:{clip_format.height_px}"
    shift = cut.start if seeking else 0.0
    filters = [
        *_tone(source.probe, ffmpeg),
        "scale=iw*sar:ih,setsar=1",
        f"scale={size}:force_original_aspect_ratio=decrease,pad={size}:-1:-1,setsar=1",
        *_captions(captions, shift),
        f"fps={clip_format.rate_hz:.3f}",
    ]
    command = [*reading, *silence, *seeking, "-t", f"{cut.end - cut.start:.6f}"]
    command += ["-map", f"0:{source.probe.video_index}", "-map", "1:a" if track is None else f"0:{track}", *_BARE]
    command += [*_X264, "-vf", ",".join(filters), "-video_track_timescale", "90000"]
    command += ["-c:a", "pcm_s16le", "-ar", "48000", "-ac", "2", "-af", "aresample=async=1:first_pts=0,apad"]
    _run([*command, "-y", str(draft.absolute())], source, cut)


def join_parts(parts: Sequence[Path], script: Path, draft: Path, *, ffmpeg: Ffmpeg) -> None:
    """Fill `draft` with the parts of a supercut, one after the other. They lie beside `script`, which is written here,
    under names of ours. Raises MediaError."""
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
        *_BARE,
        *_finish(draft),
    ]
    finished = process.run(command, timeout=_TIMEOUT * len(parts))
    if finished.returncode != 0:
        raise MediaError(f"The clips could not be joined: {_reason(finished.stderr)}")


def common_format(probes: Sequence[Probe]) -> ClipFormat:
    """The size of the first video, and the highest frame rate up to 60."""
    first = probes[0]
    rate = max((probe.frame_rate_hz for probe in probes), default=0.0)
    return ClipFormat(_even(first.width_px), _even(first.height_px), min(60.0, rate) if rate >= 1 else 25.0)


def _even(pixels: int) -> int:
    return max(2, pixels // 2 * 2)


def _shown_at(timeline: Timeline, start: float) -> float:
    """The time of the picture that is seen at `start`, so that the clip does not begin with none; `start` itself
    where the picture has stood for long."""
    first = int(np.searchsorted(timeline.times, start + TIME_TOLERANCE_S, side="right")) - 1
    shown = max(0.0, float(timeline.times[first])) if first >= 0 else start
    return shown if _one_clock(timeline) and 0 <= start - shown <= _MAX_STILL_S else start


def _one_clock(timeline: Timeline) -> bool:
    return timeline.can_seek and len(timeline.segments) == 1


def _input(source: CutSource, cut: CutPlan, ffmpeg: Ffmpeg) -> tuple[list[str], list[str]]:
    """The command up to its input, and how the start is found after it: by decoding all before it, where a seek
    would miss."""
    # Half a millisecond early, so that a picture on the border is in whatever its time is rounded to.
    at = ["-ss", f"{max(0.0, cut.start - TIME_TOLERANCE_S):.6f}"] if cut.start > TIME_TOLERANCE_S else []
    if source.timeline is None or _one_clock(source.timeline):
        return ffmpeg.input_command(source.path, options=at), []
    return ffmpeg.input_command(source.path), at


def _tone(probe: Probe, ffmpeg: Ffmpeg) -> list[str]:
    return [
        f"{name}={':'.join(f'{option}={value}' for option, value in options.items())}"
        for name, options in tone_mapping_filters(probe, ffmpeg)
    ]


def _captions(captions: Path | None, shift: float) -> list[str]:
    if captions is None:
        return []
    drawn = f"subtitles=filename={captions}"
    # Behind a seek that decodes everything, pictures still have the times of the source.
    return [f"setpts=PTS-{shift:.6f}/TB", drawn, f"setpts=PTS+{shift:.6f}/TB"] if shift else [drawn]


def _finish(draft: Path) -> list[str]:
    quick = ["-movflags", "+faststart"] if draft.suffix in {".mp4", ".m4v", ".mov", ".m4a"} else []
    return [*quick, "-y", str(draft.absolute())]


def _run(command: Sequence[str], source: CutSource, cut: CutPlan) -> None:
    whole = 0.0 if source.timeline is None or _one_clock(source.timeline) else cut.end
    timeout = _TIMEOUT + _TIMEOUT_PER_S * (cut.end - cut.start) + whole
    try:
        finished = process.run(command, timeout=timeout)
    except process.TimedOut as error:
        raise MediaError(f"{source.path.name} could not be cut within {timeout:.0f} s.") from error
    if finished.returncode != 0:
        raise MediaError(f"{source.path.name} could not be cut: {_reason(finished.stderr)}")


def _reason(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "ffmpeg gave no reason."
