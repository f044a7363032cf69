"""What a container says of itself, checked against its packets. Runs in the child: a decoder may crash here.

Everything comes back as plain values for JSON; vidlocal.media.probe makes records of them.
"""

import math
from array import array
from dataclasses import dataclass, field
from typing import Any

import av
import av.error
import av.logging
import numpy as np

from vidlocal.errors import MediaError
from vidlocal.media import diagnose, ffmpeg, stream_info
from vidlocal.media.timeline import Times
from vidlocal.media.timestamp_repair import ClockCorrections, PacketHistogram, estimate_corrections

Values = dict[str, object]

# Codecs of cover pictures: one packet of these beside sound is no video, whatever the flags say.
_STILL_CODECS = frozenset({"png", "mjpeg", "bmp", "gif", "webp", "tiff"})
# Packets may start on a new clock in the middle (AVFMT_TS_DISCONT).
_CHANGES_CLOCK = frozenset({"mpegts", "mpeg"})
# An index tells where the key frames are, so that a seek lands on one.
_SEEKS_EXACTLY = frozenset({"mov", "matroska", "avi"})
# The header tells the length itself; elsewhere it is an estimate.
_KNOWS_LENGTH = frozenset({"mov", "matroska", "avi", "flv", "asf", "wav", "flac", "caf", "aiff"})
_MAX_DTS_STEP_S = 10.0  # ffmpeg's dts_delta_threshold
_MAX_STEP_BACK_S = 0.5
_MAX_FRAME_S = 60.0
# Packets given to a decoder until its first picture: half a minute of a recording that was cut in at random.
_MAX_DECODE_ATTEMPTS = 1500
_MAX_MISSING_S = 0.5
_MAX_MISSING_RATIO = 0.02


def read(path: str) -> tuple[Values, bytes]:
    """All about the file; the payload is the sorted times of its pictures, of its key frames, and of the pictures that
    are left out for their damaged time stamps, as they are stored: float64.

    Raises MediaError with the reason when nothing in it can be used.
    """
    av.logging.set_level(None)
    try:
        with av.open(path, options=ffmpeg.input_options(), metadata_errors="ignore") as container:
            reading = _ContainerReader(container, path)
            reading.walk()
            return reading.answer()
    except (av.error.FFmpegError, OSError) as error:
        raise diagnose.open_error(path) from error


@dataclass(slots=True)
class _Track:
    """What the packets of one stream add up to, in seconds on the container's clock, and its first frame."""

    stream: Any
    times: "array[float]" = field(default_factory=lambda: array("d"))
    keys: "array[float]" = field(default_factory=lambda: array("d"))
    segments: list[list[float]] = field(default_factory=list)
    tally: PacketHistogram = field(default_factory=PacketHistogram)
    count: int = 0
    end: float = -math.inf
    start: float = math.inf
    before: float = -math.inf
    doubtful: Times = field(default_factory=lambda: np.empty(0))
    damaged: int = 0
    tries: int = 0
    frame: Any = None

    def place(self, time: float, dts: float, *, may_jump: bool) -> float:
        """The packet's time on a clock without jumps; keeps the list of the stretches between them."""
        if not self.segments:
            self.segments.append([time, time, 0.0])
        elif may_jump and not -_MAX_STEP_BACK_S <= dts - self.before <= _MAX_DTS_STEP_S:
            self.segments.append([time, time, time - self.end])
        segment = self.segments[-1]
        segment[0], segment[1] = min(segment[0], time), max(segment[1], time)
        self.before = dts
        return time - segment[2]

    def believe(self, beliefs: ClockCorrections) -> None:
        """Leave out and shift times; the stretches of the clock, the start and the end follow."""
        times, keys = np.asarray(self.times), np.asarray(self.keys)
        shifts = beliefs.shifts_at(times)
        self.doubtful = times[np.isnan(shifts)]
        self.segments = [
            [float(times[shifts == shift].min()), float(times[shifts == shift].max()), float(shift)]
            for shift in np.unique(shifts[~np.isnan(shifts)])
        ]
        self.times, self.keys = _believed(times, beliefs), _believed(keys, beliefs)
        self.start, self.end = beliefs.corrected_span(self.tally)


def _believed(times: Times, beliefs: ClockCorrections) -> "array[float]":
    shown = times - beliefs.shifts_at(times)
    return array("d", shown[~np.isnan(shown)])


class _ContainerReader:
    """One file being read, from its header to its last packet."""

    def __init__(self, container: Any, path: str) -> None:
        self.container = container
        self.path = path
        self.format = container.format.name.split(",")[0]
        self.doubted = False
        usable = [stream for stream in container.streams if stream.type in ("video", "audio") and stream.codec_context]
        self.sounds = [stream for stream in usable if stream.type == "audio"]
        self.tracks = {stream.index: _Track(stream) for stream in usable if not stream_info.is_cover_art(stream)}
        for track in self.tracks.values():
            self._limit(track.stream)

    def walk(self) -> None:
        """Look at every packet once. A file that breaks off is used up to there."""
        try:
            for packet in self.container.demux():
                track = self.tracks.get(packet.stream_index)
                if track is not None and packet.size:
                    self._take(track, packet)
        except (av.error.FFmpegError, OSError):
            if not any(track.count for track in self.tracks.values()):
                raise
        for track in self.tracks.values():
            if track.frame is None and track.count:
                self._decode(track, None)
        if self.format not in _CHANGES_CLOCK:
            self._doubt()

    def _doubt(self) -> None:
        """Put right what damaged time stamps say."""
        pictures = [track.tally for track in self.tracks.values() if track.stream.type == "video"]
        sounds = [track.tally for track in self.tracks.values() if track.stream.type == "audio"]
        beliefs = estimate_corrections(pictures, sounds, header_duration=self._promised() or None)
        if beliefs.is_empty:
            return
        self.doubted = True
        for track in self.tracks.values():
            track.believe(beliefs)

    def answer(self) -> tuple[Values, bytes]:
        video, sounds = self._video(), self._sounds()
        if video is None and not sounds:
            raise self._nothing()
        start = self._start()
        values = stream_info.container_tags(self.container) | {
            "container": self.format,
            "start": start,
            "audio": [stream_info.audio_track(track.stream) for track in sounds],
            "subtitles": [
                stream_info.subtitle_track(stream) for stream in self.container.streams if stream.type == "subtitle"
            ],
        }
        end = max(track.end for track in [*([video] if video else []), *sounds]) - start
        values["duration"] = max(0.0, end)
        values["partial"] = self._partial(video, end)
        if video is None:
            return values, b""
        times, keys = np.sort(np.asarray(video.times)) - start, np.sort(np.asarray(video.keys)) - start
        values |= stream_info.video_format(video.stream, video.frame)
        values |= {
            "pictures": len(times),
            "keys": len(keys),
            "segments": [[first, last, offset + start] for first, last, offset in video.segments],
            "can_seek": self.format in _SEEKS_EXACTLY and len(video.segments) == 1,
        }
        return values, times.tobytes() + keys.tobytes() + np.sort(video.doubtful).tobytes()

    def _limit(self, stream: Any) -> None:
        if stream.type != "video":
            return
        context = stream.codec_context
        if context.width * context.height > ffmpeg.MAX_PIXELS:
            size = f"{context.width} x {context.height}"
            raise MediaError(f"{diagnose.file_name(self.path)} has pictures of {size}: too large, 8K is the most.")
        context.thread_type = "NONE"
        context.options = {"max_pixels": str(ffmpeg.MAX_PIXELS)}

    def _take(self, track: _Track, packet: Any) -> None:
        stored = packet.pts if packet.pts is not None else packet.dts
        if track.frame is None:
            self._decode(track, packet)
        if stored is None or packet.is_discard:
            return
        base = float(packet.time_base)
        dts = stored if packet.dts is None else packet.dts
        time = track.place(stored * base, dts * base, may_jump=self.format in _CHANGES_CLOCK)
        length = float(packet.duration or 0) * base
        end = time + (length if 0 < length <= _MAX_FRAME_S else self._usual(track))
        track.count += 1
        track.start, track.end = min(track.start, time), max(track.end, end)
        track.tally.add(time, end)
        track.damaged += packet.is_corrupt
        if track.stream.type == "video":
            track.times.append(time)
            if packet.is_keyframe:
                track.keys.append(time)

    def _usual(self, track: _Track) -> float:
        """How long a frame is shown when its packet does not say."""
        rate = track.stream.average_rate if track.stream.type == "video" else None
        return min(1.0 / float(rate), _MAX_FRAME_S) if rate else 0.0

    def _decode(self, track: _Track, packet: Any) -> None:
        """Try for the first frame, the proof that there is something to see or hear."""
        if track.tries >= _MAX_DECODE_ATTEMPTS:
            return
        track.tries += 1
        try:
            frames = track.stream.codec_context.decode(packet)
        except (av.error.FFmpegError, OSError, ValueError):
            return
        track.frame = frames[0] if frames else None

    def _video(self) -> _Track | None:
        """The stream that is looked at: of those that decode the default one, then the longest."""
        candidates = [
            track
            for track in self.tracks.values()
            if track.stream.type == "video" and track.frame is not None and track.times and not self._is_cover(track)
        ]
        return max(
            candidates,
            key=lambda track: (len(track.times) > 1, stream_info.is_default(track.stream), track.end),
            default=None,
        )

    def _is_cover(self, track: _Track) -> bool:
        return (
            track.stream.codec_context.codec.canonical_name in _STILL_CODECS
            and len(track.times) == 1
            and len(self.tracks) > 1
        )

    def _sounds(self) -> list[_Track]:
        tracks = (self.tracks[stream.index] for stream in self.sounds if stream.index in self.tracks)
        return [track for track in tracks if track.frame is not None and track.count]

    def _start(self) -> float:
        first = min(track.start for track in self.tracks.values())
        if self.container.start_time is None:
            return first
        start = float(self.container.start_time) / av.time_base
        return first if self.doubted and abs(start - first) > _MAX_DTS_STEP_S else start

    def _nothing(self) -> MediaError:
        name = diagnose.file_name(self.path)
        for kind, what in (("video", "pictures"), ("audio", "sound")):
            for track in self.tracks.values():
                context = track.stream.codec_context
                if track.stream.type == kind and track.count and kind == "video" and not context.width:
                    # Libav hides the size of pictures that are over the limit.
                    return MediaError(f"{name} is damaged, or its pictures are too large: none can be decoded.")
                if track.stream.type == kind and track.count:
                    return diagnose.decode_error(self.path, context.codec.canonical_name, what)
        return MediaError(f"{name} holds neither pictures nor sound.")

    def _partial(self, video: _Track | None, end: float) -> str | None:
        lost = [
            track for track in self.tracks.values() if track.stream.type == "video" and track.count and not track.frame
        ]
        if video is None and lost:
            return f"its pictures ({lost[0].stream.codec_context.codec.canonical_name}) cannot be decoded"
        if self.doubted:
            return "some of its time stamps are damaged"
        promised = self._promised()
        if promised - end > max(_MAX_MISSING_S, _MAX_MISSING_RATIO * promised):
            return f"it ends after {end:.1f} s, but its header promises {promised:.1f} s"
        damaged = video.damaged if video else 0
        return f"parts of it are damaged (packets: {damaged})" if damaged else None

    def _promised(self) -> float:
        """How long the header says that the file is, 0 when it does not."""
        if self.format not in _KNOWS_LENGTH:
            return 0.0
        promised = float(self.container.duration or 0) / av.time_base
        # The length of Matroska counts from 0 on the clock of the file, not from the first picture.
        return promised - max(0.0, self._start()) if self.format == "matroska" else promised
