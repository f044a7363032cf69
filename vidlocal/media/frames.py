"""Decode frames of a video at a given interval, with exact presentation times."""

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path

import numpy as np

from vidlocal import process
from vidlocal.errors import MediaError, ToolError
from vidlocal.media.decode_plan import MAX_GAP_RATIO, DecodeRange, SkipLevel, min_spacing, plan_decoding
from vidlocal.media.decoded_frame import LONG_SIDE_PX, DecodedFrame, scaled_size
from vidlocal.media.ffmpeg import WEBP_FORMAT, Ffmpeg, error_line, input_options, input_path
from vidlocal.media.picture_filters import crop, is_filled, packet_filter, picture_filters
from vidlocal.media.probe.prober import Prober
from vidlocal.media.timeline import TIME_TOLERANCE_S, PresentationClock, Timeline
from vidlocal.records import Probe

_STALL_TIMEOUT_S = 90.0
_TIMEOUT_S = 24 * 3600.0
# Each thread holds whole frames in memory: 12 MB each at 4K.
_MAX_THREADS = 4
_MICROSECONDS = 1_000_000
# Long enough for one frame of any video.
_ONE_FRAME_RANGE_S = 1.0
# A key frame scaled down this much needs no deblocking, which takes a fifth of the decoding time.
_MIN_SKIP_FILTER_RATIO = 1.5
_PTS = re.compile(r"frame:\d+\s+pts:(-?\d+)\s")


def read_frames(
    path: Path,
    probe: Probe,
    *,
    every: float,
    ffmpeg: Ffmpeg,
    prober: Prober,
    on_progress: Callable[[float], None] | None = None,
) -> Iterator[DecodedFrame]:
    """Yield frames of a video in order, about `every` seconds apart, or all frames for `every` 0.

    The first frame is always included, and gaps are at most 1.5 times `every` if the video has frames in between. Only
    a few frames are in memory at a time. `report` is called with the seconds of video done. Closing the iterator ends
    ffmpeg. Raises MediaError if no frame can be decoded.
    """
    timeline = prober.timeline(path)
    reader = _FrameReader(path, probe, every, ffmpeg, timeline)
    last: float | None = None
    for part in plan_decoding(timeline, every=every):
        with closing(reader.read(part, last)) as frames:
            for frame in frames:
                last = frame.time
                yield frame
                if on_progress is not None:
                    on_progress(last)
    if last is None and probe.container == WEBP_FORMAT:  # ffmpeg before version 9
        yield prober.read_photo(path)
    elif last is None:
        raise MediaError(f"{path.name}: corrupt, no frame could be decoded ({reader.last_error}).")


def read_frames_at(
    path: Path,
    probe: Probe,
    times: Sequence[float],
    *,
    ffmpeg: Ffmpeg,
    prober: Prober,
    long_side_px: int = LONG_SIDE_PX,
) -> Iterator[DecodedFrame]:
    """Yield the frames at `times` from an earlier `read_frames`, in order. Missing frames are skipped.

    `long_side_px`: size to scale larger frames down to.
    """
    reader = _FrameReader(path, probe, 0.0, ffmpeg, prober.timeline(path), long_side_px)
    for time in sorted(times):
        part = DecodeRange(time, time + _ONE_FRAME_RANGE_S, SkipLevel.ALL_FRAMES, 0.0)
        with closing(reader.read(part, None)) as frames:
            frame = next(frames, None)
        if frame is not None and abs(frame.time - time) <= 2 * TIME_TOLERANCE_S:
            yield frame


@dataclass(slots=True)
class _FrameReader:
    """Decodes ranges of a video. `last_error` is the last message of ffmpeg.

    `has_other_shapes` is true from the first frame of another shape on, such as that of a call from a turned telephone.
    """

    path: Path
    probe: Probe
    every: float
    ffmpeg: Ffmpeg
    timeline: Timeline
    long_side_px: int = LONG_SIDE_PX
    last_error: str = "no message from ffmpeg"
    has_other_shapes: bool = False

    def read(self, part: DecodeRange, last: float | None) -> Generator[DecodedFrame, None, None]:
        """Decode a range; continue at the next level from the first gap."""
        level: SkipLevel | None = part.level
        while level is not None:
            with closing(self._decode(part, level, last)) as frames:
                for frame in frames:
                    if level.next is not None and self._is_gap(part, last, frame.time):
                        break
                    last = frame.time
                    yield frame
                else:
                    if level.next is None or not self._is_gap(part, last, part.end):
                        return
            level = level.next

    def _is_gap(self, part: DecodeRange, last: float | None, now: float) -> bool:
        """True if the gap since the last frame is too long and the video has frames in between.

        Stills of more than the interval, such as the slides of a screen recording, must not be skipped either.
        """
        if not self.every:
            return False
        before = part.start if last is None else last
        limit = MAX_GAP_RATIO * self.every
        if now - before <= limit + TIME_TOLERANCE_S:
            return False
        is_end = now >= self.timeline.end
        latest = now + 2 * TIME_TOLERANCE_S if is_end else max(before + limit, now - self.every)
        return self.timeline.has_frame_between(before, latest)

    def _decode(self, part: DecodeRange, level: SkipLevel, last: float | None) -> Generator[DecodedFrame, None, None]:
        """Decode the part after the last frame, and from a frame of another shape again for a canvas of all shapes."""
        had_other_shapes = self.has_other_shapes
        with closing(self._run(part, level, last)) as frames:
            for frame in frames:
                last = frame.time
                yield frame
        if self.has_other_shapes and not had_other_shapes:
            yield from self._run(part, level, last)

    def _run(self, part: DecodeRange, level: SkipLevel, last: float | None) -> Generator[DecodedFrame, None, None]:
        """Decode the part after the last frame in a run of ffmpeg, up to a frame larger than the canvas."""
        spacing = part.spacing
        if level is not part.level:
            spacing = min_spacing(self.timeline, part.start, part.end, self.every)
        after = part.start - TIME_TOLERANCE_S if last is None else last + max(spacing, TIME_TOLERANCE_S)
        command = self._command(part, level, spacing, after)
        width, height = self._canvas()
        buffer_bytes = width * height * 3
        is_final_canvas = self.has_other_shapes
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
                if is_filled(rgb):
                    self.has_other_shapes = True
                    if not is_final_canvas:
                        return
                    rgb = crop(rgb)
                last = time
                yield DecodedFrame(max(0.0, round(time, 6)), rgb)
            self.last_error = error_line(stream.stderr, stream.finish())

    def _read_into(self, stream: process.Stream, buffer: memoryview, last: float | None) -> int:
        try:
            return stream.read_into(buffer)
        except process.TimedOut as error:
            raise MediaError(f"{self.path.name}: corrupt, decoding stopped at {last or 0.0:.1f} s.") from error

    def _size(self) -> tuple[int, int]:
        return scaled_size(self.probe.width_px, self.probe.height_px, long_side_px=self.long_side_px)

    def _canvas(self) -> tuple[int, int]:
        return (self.long_side_px, self.long_side_px) if self.has_other_shapes else self._size()

    def _command(self, part: DecodeRange, level: SkipLevel, spacing: float, after: float) -> list[str]:
        import ffmpeg as builder

        # The builder rejects file names that are not UTF-8, so the path is inserted afterwards.
        source = builder.input("", **self._input(part, level, after))
        chain = source[str(self.probe.video_index)]
        for name, options in self._filters(part, spacing, after):
            chain = chain.filter(name, **options)
        output = builder.output(chain, "pipe:1", format="rawvideo", fps_mode="passthrough", an=None, sn=None, dn=None)
        command: list[str] = builder.compile(output, cmd=[*self.ffmpeg.base_command(), "-filter_threads", "1"])
        command[command.index("-i") + 1] = input_path(self.path)
        return command

    def _input(self, part: DecodeRange, level: SkipLevel, after: float) -> dict[str, object]:
        """Options before -i. With -copyts, times stay exact after a seek."""
        if not self.timeline.has_times and level is not SkipLevel.KEY_FRAMES:
            level = SkipLevel.ALL_FRAMES  # times of decoded frames are those of the packets read so far
        options: dict[str, object] = {
            **input_options(),
            "threads": min(cpu_count() or 1, _MAX_THREADS),
            "noautorotate": None,
            "copyts": None,
            # AVI and MPEG-PS omit times; without this, a key frame gets the time of the next decoded frame.
            # (-discard nokey would read less, but gives wrong times in MP4 with B-frames.)
            "fflags": "+genpts" if self.timeline.has_times or level is SkipLevel.KEY_FRAMES else "-genpts",
            "skip_frame": level.value,
            **packet_filter(self.probe, self.timeline.picture),
        }
        if (
            level is SkipLevel.KEY_FRAMES
            and max(self.probe.width_px, self.probe.height_px) >= _MIN_SKIP_FILTER_RATIO * LONG_SIDE_PX
        ):
            options["skip_loop_filter"] = "all"
        start = self._first_decoded(part, after)
        if start > self.timeline.key_frame_at(float("-inf")):
            stored = start + self.timeline.segments[0].offset + TIME_TOLERANCE_S
            options |= {"seek_timestamp": 1, "noaccurate_seek": None, "ss": f"{stored:.6f}"}
        return options

    def _first_decoded(self, part: DecodeRange, after: float) -> float:
        """Time of the first decoded key frame."""
        return self.timeline.key_frame_at(max(after, part.start) if self.timeline.can_seek else float("-inf"))

    def _filters(self, part: DecodeRange, spacing: float, after: float) -> Iterator[tuple[str, dict[str, object]]]:
        """Filters: select first, then scale selected frames only. The last filter writes the time to the line pipe."""
        offset = self.timeline.segments[0].offset
        if not self.timeline.has_times:
            first = self._first_decoded(part, after) + offset
            yield "setpts", {"expr": f"PTS-STARTPTS+{first:.6f}/TB"}
        if self.timeline.can_seek and part.end < self.timeline.end:
            yield "trim", {"end": f"{part.end + offset - TIME_TOLERANCE_S:.6f}"}
        select = f"(isnan(prev_selected_t)+gte(abs(t-prev_selected_t),{spacing:.6f}))"
        if self.timeline.can_seek:
            select = f"gte(t,{after + offset:.6f})*{select}"
            select += "".join(f"+lt(abs(t-{time + offset:.6f}),{TIME_TOLERANCE_S})" for time in part.long_frames)
        if spacing > 0 or after > 0:
            yield "select", {"expr": select}
        yield from picture_filters(self.probe, self.timeline.picture, self._size(), self._canvas(), self.ffmpeg)
        yield "settb", {"expr": f"1/{_MICROSECONDS}"}
        yield "metadata", {"mode": "add", "key": "vidlocal", "value": "1"}
        yield "metadata", {"mode": "print", "key": "vidlocal", "file": "pipe:3", "direct": "1"}


def _stored_time(stream: process.Stream) -> float:
    """Stored time of the frame just read."""
    while (line := stream.read_line()) is not None:
        if match := _PTS.match(line):
            return int(match[1]) / _MICROSECONDS
    raise ToolError("ffmpeg returned a frame without a timestamp.")
