"""The pictures of a video, one every so many seconds, each with the exact time a player shows it at."""

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np

from vidlocal import process
from vidlocal.errors import MediaError, ToolError
from vidlocal.media.decode_plan import MAX_GAP_RATIO, DecodeRange, SkipLevel, min_spacing, plan_decoding
from vidlocal.media.decoded_frame import LONG_SIDE_PX, DecodedFrame, scaled_size
from vidlocal.media.ffmpeg import Ffmpeg, input_options, input_path
from vidlocal.media.probe import Prober
from vidlocal.media.timeline import TIME_TOLERANCE_S, PresentationClock, Timeline
from vidlocal.records import Probe

_STALL_TIMEOUT_S = 90.0
_TIMEOUT_S = 24 * 3600.0
# More threads hold more whole pictures in memory: 4K is 12 MB each.
_MAX_THREADS = 4
_MICROSECONDS = 1_000_000
# Enough for one picture of any video that moves.
_ONE_FRAME_RANGE_S = 1.0
# The scaler makes RGB slowly while it scales, and quickly afterwards.
_TO_RGB: tuple[tuple[str, dict[str, object]], ...] = (
    ("format", {"pix_fmts": "yuv420p|yuvj420p"}),
    ("scale", {"flags": "fast_bilinear"}),
)
# Blocks of a key frame that is shrunk this much need no smoothing, which is a fifth of its decoding.
_MIN_SKIP_FILTER_RATIO = 1.5
# The place in memory of the part of ffmpeg that speaks.
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
_PTS = re.compile(r"frame:\d+\s+pts:(-?\d+)\s")
# HDR to ordinary video; zscale wants to be told what the file may not say. The curve is hable, at 100 nits.
_TRANSFER = {"pq": "smpte2084", "hlg": "arib-std-b67"}


def read_frames(
    path: Path,
    probe: Probe,
    *,
    every: float,
    ffmpeg: Ffmpeg,
    prober: Prober,
    report: Callable[[float], None] | None = None,
) -> Iterator[DecodedFrame]:
    """The pictures of a video in order, about `every` seconds apart and never more than 1.5 times that where the
    video shows more; all of them when `every` is 0. The first picture of the video is always among them.

    They stream: at most a few are in memory. `report` is told how many seconds of the video are done.
    Raises MediaError when not one picture can be decoded. The iterator ends its ffmpeg when it is closed.
    """
    timeline = prober.timeline(path)
    reader = _FrameReader(path, probe, every, ffmpeg, timeline, tone_mapping_filters(probe, ffmpeg))
    last: float | None = None
    for part in plan_decoding(timeline, every=every):
        with closing(reader.read(part, last)) as pictures:
            for picture in pictures:
                last = picture.time
                yield picture
                if report is not None:
                    report(last)
    if last is None:
        raise MediaError(f"{path.name} is damaged: none of its pictures can be decoded. {reader.complaint}".strip())


def read_frames_at(
    path: Path, probe: Probe, times: Sequence[float], *, ffmpeg: Ffmpeg, prober: Prober
) -> Iterator[DecodedFrame]:
    """The pictures that `read_frames` gave for these times once, those of them that are still there, in order."""
    reader = _FrameReader(path, probe, 0.0, ffmpeg, prober.timeline(path), tone_mapping_filters(probe, ffmpeg))
    for time in sorted(times):
        part = DecodeRange(time, time + _ONE_FRAME_RANGE_S, SkipLevel.ALL_FRAMES, 0.0)
        with closing(reader.read(part, None)) as pictures:
            picture = next(pictures, None)
        if picture is not None and abs(picture.time - time) <= 2 * TIME_TOLERANCE_S:
            yield picture


@dataclass(slots=True)
class _FrameReader:
    """One video and how its pictures are to look. `complaint` is the last thing ffmpeg said."""

    path: Path
    probe: Probe
    every: float
    ffmpeg: Ffmpeg
    timeline: Timeline
    tone_mapping: tuple[tuple[str, dict[str, object]], ...]
    complaint: str = ""

    def read(self, part: DecodeRange, last: float | None) -> Generator[DecodedFrame, None, None]:
        """The pictures of one part; where its level finds too few, the next level goes on from there."""
        level: SkipLevel | None = part.level
        while level is not None:
            with closing(self._pass(part, level, last)) as pictures:
                for picture in pictures:
                    if level.next is not None and self._missed(part, last, picture.time):
                        break
                    last = picture.time
                    yield picture
                else:
                    if level.next is None or not self._missed(part, last, part.end):
                        return
            level = level.next

    def _missed(self, part: DecodeRange, last: float | None, now: float) -> bool:
        """Whether more should have been found between the last picture and this one."""
        if not self.every:
            return False
        before = part.start if last is None else last
        limit = MAX_GAP_RATIO * self.every
        return now - before > limit + TIME_TOLERANCE_S and self.timeline.has_frame_between(before, before + limit)

    def _pass(self, part: DecodeRange, level: SkipLevel, last: float | None) -> Generator[DecodedFrame, None, None]:
        """What one run of ffmpeg finds in the part after the last picture."""
        spacing = part.spacing
        if level is not part.level:
            spacing = min_spacing(self.timeline, part.start, part.end, self.every)
        after = part.start - TIME_TOLERANCE_S if last is None else last + max(spacing, TIME_TOLERANCE_S)
        command = self._command(part, level, spacing, after)
        width, height = self._size()
        buffer_bytes = width * height * 3
        clock = PresentationClock(self.timeline.segments)
        with process.Stream(command, stall_timeout=_STALL_TIMEOUT_S, timeout=_TIMEOUT_S, line_pipe=True) as stream:
            while True:
                rgb = np.empty((height, width, 3), np.uint8)
                if self._read_into(stream, rgb.data.cast("B"), last) < buffer_bytes:
                    break
                stored = _stored_time(stream)
                if self.timeline.is_damaged(stored):
                    continue
                time = clock.to_presentation(stored)
                if time <= (part.start - 2 * TIME_TOLERANCE_S if last is None else last + TIME_TOLERANCE_S):
                    continue
                last = time
                yield DecodedFrame(max(0.0, round(time, 6)), rgb)
            self.complaint = _last_line(stream.stderr)

    def _read_into(self, stream: process.Stream, buffer: memoryview, last: float | None) -> int:
        try:
            return stream.read_into(buffer)
        except process.TimedOut as error:
            raise MediaError(f"{self.path.name} is damaged: decoding stopped at {last or 0.0:.1f} s.") from error

    def _size(self) -> tuple[int, int]:
        return scaled_size(self.probe.width_px, self.probe.height_px)

    def _command(self, part: DecodeRange, level: SkipLevel, spacing: float, after: float) -> list[str]:
        import ffmpeg as builder

        # The builder takes no names that are not UTF-8, so it gets none at all.
        source = builder.input("", **self._input(part, level, after))
        chain = source[str(self.probe.video_index)]
        for name, options in self._filters(part, spacing, after):
            chain = chain.filter(name, **options)
        output = builder.output(chain, "pipe:1", format="rawvideo", fps_mode="passthrough", an=None, sn=None, dn=None)
        command: list[str] = builder.compile(output, cmd=[*self.ffmpeg.base_command(), "-filter_threads", "1"])
        command[command.index("-i") + 1] = input_path(self.path)
        return command

    def _input(self, part: DecodeRange, level: SkipLevel, after: float) -> dict[str, object]:
        """The options before -i. Times stay as they are stored (-copyts), so that they are exact after a seek."""
        options: dict[str, object] = {
            **input_options(),
            "threads": min(cpu_count() or 1, _MAX_THREADS),
            "noautorotate": None,
            "copyts": None,
            # AVI and MPEG-PS leave out times; without this a key frame gets that of the picture decoded after it.
            # (-discard nokey would save reading, but gives wrong times in MP4 with B-frames.)
            "fflags": "+genpts",
            "skip_frame": level.value,
        }
        if (
            level is SkipLevel.KEY_FRAMES
            and max(self.probe.width_px, self.probe.height_px) >= _MIN_SKIP_FILTER_RATIO * LONG_SIDE_PX
        ):
            options["skip_loop_filter"] = "all"
        start = self.timeline.key_frame_at(max(after, part.start))
        if self.timeline.can_seek and start > self.timeline.key_frame_at(float("-inf")):
            stored = start + self.timeline.segments[0].offset + TIME_TOLERANCE_S
            options |= {"seek_timestamp": 1, "noaccurate_seek": None, "ss": f"{stored:.6f}"}
        return options

    def _filters(self, part: DecodeRange, spacing: float, after: float) -> Iterator[tuple[str, dict[str, object]]]:
        """Choose first, then scale: what is not chosen costs nothing more. Last, the time goes to the side pipe."""
        offset = self.timeline.segments[0].offset
        if self.timeline.can_seek and part.end < self.timeline.end:
            yield "trim", {"end": f"{part.end + offset - TIME_TOLERANCE_S:.6f}"}
        chosen = f"(isnan(prev_selected_t)+gte(abs(t-prev_selected_t),{spacing:.6f}))"
        if self.timeline.can_seek:
            chosen = f"gte(t,{after + offset:.6f})*{chosen}"
            chosen += "".join(f"+lt(abs(t-{time + offset:.6f}),{TIME_TOLERANCE_S})" for time in part.long_frames)
        if spacing > 0 or after > 0:
            yield "select", {"expr": chosen}
        width, height = self._size()
        if any(turn.startswith("transpose") for turn in self.timeline.rotation_filters):
            width, height = height, width
        yield "scale", {"w": width, "h": height, "flags": "area"}
        for turn in self.timeline.rotation_filters:
            name, _, direction = turn.partition("=")
            yield name, {"dir": direction} if direction else {}
        yield from self.tone_mapping or _TO_RGB
        yield "format", {"pix_fmts": "rgb24"}
        yield "settb", {"expr": f"1/{_MICROSECONDS}"}
        yield "metadata", {"mode": "add", "key": "vidlocal", "value": "1"}
        yield "metadata", {"mode": "print", "key": "vidlocal", "file": "pipe:3", "direct": "1"}


def _stored_time(stream: process.Stream) -> float:
    """The time of the picture that was just read, as the file stores it."""
    while (line := stream.read_line()) is not None:
        if match := _PTS.match(line):
            return int(match[1]) / _MICROSECONDS
    raise ToolError("ffmpeg gave a picture without its time.")


def tone_mapping_filters(probe: Probe, ffmpeg: Ffmpeg) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Filters that turn HDR into ordinary video; none when there is no HDR, or this ffmpeg cannot do it."""
    if probe.hdr is None or not _has_zscale(ffmpeg):
        return ()
    return (
        (
            "setparams",
            {"color_primaries": "bt2020", "color_trc": _TRANSFER[probe.hdr], "colorspace": "bt2020nc"},
        ),
        ("zscale", {"transfer": "linear", "npl": 100}),
        ("format", {"pix_fmts": "gbrpf32le"}),
        ("zscale", {"primaries": "bt709"}),
        ("tonemap", {"tonemap": "hable", "desat": 0}),
        ("zscale", {"transfer": "bt709", "matrix": "bt709", "range": "tv"}),
        ("format", {"pix_fmts": "yuv444p"}),
    )


def _has_zscale(ffmpeg: Ffmpeg) -> bool:
    finished = process.run([*ffmpeg.base_command(), "-filters"], timeout=30.0)
    return b" zscale " in finished.stdout


def _last_line(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    return f"ffmpeg says: {_ADDRESS.sub('', lines[-1]).strip()}" if lines else ""
