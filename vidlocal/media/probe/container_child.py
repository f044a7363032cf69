"""Read a container's header and packets. Runs in a child process: a decoder may crash.

Returns plain values for JSON; vidlocal.media.probe.prober converts them to records.
"""

import math
from collections.abc import Sequence
from typing import Any

import av
import av.error
import av.logging
import numpy as np

from vidlocal.errors import MediaError
from vidlocal.geography import GeoPoint
from vidlocal.media import ffmpeg
from vidlocal.media.metadata import gpmf
from vidlocal.media.probe import aspect_changes, completeness, diagnose, interlacing, stream_info
from vidlocal.media.probe.packet_track import MAX_DTS_STEP_S, Track
from vidlocal.media.probe.timestamp_repair import estimate_corrections

Values = dict[str, object]

# A single packet of these codecs next to audio is cover art, whatever the flags say.
_COVER_CODECS = frozenset({"png", "mjpeg", "bmp", "gif", "webp", "tiff"})
# Timestamps may jump within the file (AVFMT_TS_DISCONT).
_DISCONTINUOUS_FORMATS = frozenset({"mpegts", "mpeg"})
# An index lists the key frames, so that a seek lands exactly on one.
_INDEXED_FORMATS = frozenset({"mov", "matroska", "avi"})
# AVI stores no presentation times, and libav knows the order of the frames of other codecs only.
_REORDERING_CODECS = frozenset({"h264", "hevc"})
_MAX_FRAME_S = 60.0
# Packets to decode until the first frame: half a minute of a recording that starts at a random point.
_MAX_DECODE_ATTEMPTS = 1500
# The best shots within a motion photo are a track of their own: a few stills beside many frames.
_MAX_STILLS = 16
_MAX_STILLS_RATIO = 0.1
# Frames of a DV recording searched for its date: the first ones of a tape may have none.
_MAX_DV_FRAMES = 25
_GPMF_START = b"DEVC"
_EXPORT_XMP = {"export_xmp": "1"}  # of MP4 and MOV, among the tags of the container
_MAX_TELEMETRY_BYTES = 1 << 20


def read(path: str) -> tuple[Values, bytes]:
    """Properties of the file and, as payload, three sorted float64 arrays of frame times.

    The arrays are the times of all frames, of the key frames, and, as stored in the file, of the frames left out for
    their damaged timestamps. Raises MediaError if the file has no usable stream.
    """
    av.logging.set_level(None)
    try:
        with av.open(path, options=ffmpeg.input_options() | _EXPORT_XMP, metadata_errors="ignore") as container:
            reader = _ContainerReader(container, path)
            reader.read_packets()
            return reader.result()
    except (av.error.FFmpegError, OSError) as error:
        raise diagnose.open_error(path) from error


def require_streams(path: str) -> None:
    """Raise MediaError if the file has no video or audio stream by its header."""
    av.logging.set_level(None)
    try:
        with av.open(path, options=ffmpeg.input_options(), metadata_errors="ignore") as container:
            if any(stream.type in ("video", "audio") for stream in container.streams):
                return
    except (av.error.FFmpegError, OSError) as error:
        raise diagnose.open_error(path) from error
    raise MediaError(f"{diagnose.file_name(path)}: no video or audio stream.")


def read_formats(path: str) -> Values:
    """Container, duration and formats of the main video and audio stream, by the header only.

    Raises MediaError if the file has no video or audio stream.
    """
    av.logging.set_level(None)
    try:
        with av.open(path, options=ffmpeg.input_options(), metadata_errors="ignore") as container:
            return stream_info.main_formats(container) | {
                "container": completeness.format_name(container),
                "duration": completeness.header_duration(container),
            }
    except (av.error.FFmpegError, OSError) as error:
        raise diagnose.open_error(path) from error


class _ContainerReader:
    """Reads a file from the header to the last packet."""

    def __init__(self, container: Any, path: str) -> None:
        self.container = container
        self.path = path
        self.format = completeness.format_name(container)
        self.has_damaged_times = False
        self.camcorder_date: str | None = None
        self.gopro_location: GeoPoint | None = None
        self.gopro_camera: str | None = None
        usable = [stream for stream in container.streams if stream.type in ("video", "audio") and stream.codec_context]
        self.audio_streams = [stream for stream in usable if stream.type == "audio"]
        self.tracks = {stream.index: Track(stream) for stream in usable if not stream_info.is_cover_art(stream)}
        # Streams without a decoder, subtitles and telemetry: the end of the last packet by index.
        self.other_ends: dict[int, float] = {}
        for track in self.tracks.values():
            self._check_size(track.stream)

    def read_packets(self) -> None:
        """Read every packet once. A truncated file is used up to the error."""
        try:
            for packet in self.container.demux():
                track = self.tracks.get(packet.stream_index)
                if track is None:
                    self._add_other(packet)
                elif packet.size:
                    self._add_packet(track, packet)
        except (av.error.FFmpegError, OSError):
            if not any(track.count for track in self.tracks.values()):
                raise
        for track in self.tracks.values():
            if track.first_frame is None and track.count:
                self._try_decode(track, None)
        if self.format not in _DISCONTINUOUS_FORMATS:
            self._repair_timestamps()
        if self.format == "avi":
            for track in self.tracks.values():
                track.remove_decoder_delay()

    def _repair_timestamps(self) -> None:
        video = [track.histogram for track in self.tracks.values() if track.stream.type == "video"]
        audio = [track.histogram for track in self.tracks.values() if track.stream.type == "audio"]
        corrections = estimate_corrections(video, audio, header_duration=self._header_duration() or None)
        if corrections.is_empty:
            return
        self.has_damaged_times = True
        for track in self.tracks.values():
            track.apply_corrections(corrections)

    def result(self) -> tuple[Values, bytes]:
        video, audio = self._best_video(), self._audio_tracks()
        if video is None and not audio:
            raise self._no_stream_error()
        start = self._start_time()
        streams = [stream for stream in self.container.streams if stream.type == "subtitle"]
        subtitles = [stream_info.subtitle_track(stream) for stream in streams]
        values = stream_info.container_tags(self.container) | {
            "container": self.format,
            "start": start,
            "audio": [stream_info.audio_track(track.stream) for track in audio],
            "subtitles": subtitles,
        }
        values["recorded_at"] = values["recorded_at"] or self.camcorder_date
        values["location"] = values["location"] or self.gopro_location
        values["camera"] = values["camera"] or self.gopro_camera
        used = [*([video] if video else []), *audio]
        values["duration"] = max(0.0, max(track.end for track in used) - start)
        values["partial"] = self._partial(video, used)
        values["chapters"] = stream_info.chapters(self.container, start=start, duration=float(str(values["duration"])))
        if video is None:
            return values, b""
        times, key_times = np.sort(np.asarray(video.times)) - start, np.sort(np.asarray(video.key_times)) - start
        if video.is_packed:  # a key frame is shown after the frame in the same packet
            key_times = times[:1]
        is_interlaced = interlacing.is_interlaced(self.container, video.stream, duration=float(times[-1]))
        values |= stream_info.video_format(
            video.stream,
            video.first_frame,
            is_interlaced=is_interlaced,
            # Stored times tell the parts of a recording apart only where its clock does not jump.
            aspect_changes=video.aspects.changes if len(video.segments) == 1 else [],
        )
        subtitles += stream_info.caption_tracks(video.stream, video.first_frame)
        values |= {
            "first_key_frame": float(key_times[0]) if len(key_times) else 0.0,
            "frames": len(times),
            "key_frames": len(key_times),
            "segments": [[first, last, offset + start] for first, last, offset in video.segments],
            "has_times": not self._lacks_times(video),
            "can_seek": self.format in _INDEXED_FORMATS and len(video.segments) == 1,
        }
        return values, times.tobytes() + key_times.tobytes() + np.sort(video.damaged_times).tobytes()

    def _check_size(self, stream: Any) -> None:
        if stream.type != "video":
            return
        context = stream.codec_context
        if context.width * context.height > ffmpeg.MAX_PIXELS:
            size = f"{context.width} x {context.height}"
            raise MediaError(f"{diagnose.file_name(self.path)}: video size {size} exceeds the limit of 8K.")
        context.thread_type = "NONE"
        context.options = {"max_pixels": str(ffmpeg.MAX_PIXELS)}

    def _lacks_times(self, track: Track) -> bool:
        """True if only the decoder knows the order of the frames."""
        return self.format == "avi" and (track.codec in _REORDERING_CODECS or track.is_packed)

    def _add_other(self, packet: Any) -> None:
        if self.gopro_location is None and 0 < packet.size <= _MAX_TELEMETRY_BYTES:
            payload = bytes(packet)
            if payload.startswith(_GPMF_START):
                self.gopro_location = gpmf.first_fix(payload)
                self.gopro_camera = self.gopro_camera or gpmf.camera(payload)
        if packet.pts is not None and packet.size:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            self.other_ends[packet.stream_index] = max(end, self.other_ends.get(packet.stream_index, -math.inf))

    def _add_packet(self, track: Track, packet: Any) -> None:
        if completeness.is_zero_filled(packet, track.codec):
            track.zero_filled_packets += 1
            return
        stored = packet.dts if packet.pts is None or self._lacks_times(track) else packet.pts
        if track.count == 0 and track.codec == "h264":
            self.camcorder_date = stream_info.avchd_date(bytes(packet))
        elif track.codec == "dvvideo" and self.camcorder_date is None and track.count < _MAX_DV_FRAMES:
            self.camcorder_date = stream_info.dv_date(bytes(packet))
        if track.first_frame is None:
            self._try_decode(track, packet)
        if stored is None or packet.is_discard:
            return
        base = float(packet.time_base)
        dts = stored if packet.dts is None else packet.dts
        track.first_dts = min(track.first_dts, dts * base)
        time = track.to_continuous(stored * base, dts * base, may_jump=self.format in _DISCONTINUOUS_FORMATS)
        length = float(packet.duration or 0) * base
        end = time + (length if 0 < length <= _MAX_FRAME_S else self._default_duration(track))
        track.count += 1
        track.start, track.end = min(track.start, time), max(track.end, end)
        track.histogram.add(time, end)
        track.damaged_packets += packet.is_corrupt
        if track.stream.type == "video":
            track.times.append(time)
            if packet.is_keyframe:
                track.key_times.append(time)
                if self.format in aspect_changes.FORMATS:
                    track.aspects.add_key_frame(packet, stored * base)

    def _default_duration(self, track: Track) -> float:
        """Duration of a frame if the packet has none."""
        rate = track.stream.average_rate if track.stream.type == "video" else None
        return min(1.0 / float(rate), _MAX_FRAME_S) if rate else 0.0

    def _try_decode(self, track: Track, packet: Any) -> None:
        """Try to decode the first frame, the proof of a usable stream."""
        if track.decode_attempts >= _MAX_DECODE_ATTEMPTS:
            return
        track.decode_attempts += 1
        try:
            frames = track.stream.codec_context.decode(packet)
        except (av.error.FFmpegError, OSError, ValueError):
            return
        track.first_frame = frames[0] if frames else None

    def _best_video(self) -> Track | None:
        """The video track to index: the default track of all decodable films, else the longest."""
        candidates = [
            track
            for track in self.tracks.values()
            if track.is_video and track.first_frame is not None and track.times and not self._is_cover(track)
        ]
        most = max((len(track.times) for track in candidates), default=0)

        def rank(track: Track) -> tuple[bool, bool, bool, float]:
            has_stills = len(track.times) <= min(_MAX_STILLS, _MAX_STILLS_RATIO * most)
            return len(track.times) > 1, not has_stills, stream_info.is_default(track.stream), track.end

        return max(candidates, key=rank, default=None)

    def _is_cover(self, track: Track) -> bool:
        return track.codec in _COVER_CODECS and len(track.times) == 1 and len(self.tracks) > 1

    def _audio_tracks(self) -> list[Track]:
        tracks = (self.tracks[stream.index] for stream in self.audio_streams if stream.index in self.tracks)
        return [track for track in tracks if track.first_frame is not None and track.count]

    def _start_time(self) -> float:
        first = min(track.start for track in self.tracks.values())
        if self.container.start_time is None:
            return first
        start = float(self.container.start_time) / av.time_base
        return first if self.has_damaged_times and abs(start - first) > MAX_DTS_STEP_S else start

    def _no_stream_error(self) -> MediaError:
        name = diagnose.file_name(self.path)
        for kind in ("video", "audio"):
            for track in self.tracks.values():
                context = track.stream.codec_context
                if track.stream.type == kind and track.count and kind == "video" and not context.width:
                    # Libav hides the size of frames over the limit.
                    return MediaError(f"{name}: no frame could be decoded. The video is corrupt or larger than 8K.")
                if track.stream.type == kind and track.count:
                    return diagnose.decode_error(self.path, context.codec.canonical_name, kind)
        if self._has_unknown_video():
            return MediaError(f"{name}: the codec of the video is unknown, no frame can be decoded.")
        return MediaError(f"{name}: no video or audio stream.")

    def _has_unknown_video(self) -> bool:
        """True if a video stream has packets, but ffmpeg does not know the codec."""
        return any(
            stream.type == "video" and stream.index in self.other_ends and not stream_info.is_cover_art(stream)
            for stream in self.container.streams
        )

    def _partial(self, video: Track | None, used: Sequence[Track]) -> str | None:
        """Reason if the file is damaged or incomplete. `used` are the tracks to index."""
        undecodable = [track for track in self.tracks.values() if track.is_video and track.count]
        if video is None and undecodable:
            return f"video ({undecodable[0].codec}) cannot be decoded"
        if video is None and self._has_unknown_video():
            return "video (unknown codec) cannot be decoded"
        if self.has_damaged_times:
            return "damaged timestamps"
        start = self._start_time()
        end = max(track.end for track in used) - start
        others = [track.end for track in self.tracks.values() if track not in used]
        expected = completeness.expected_duration(
            self.path,
            self.container,
            [track.stream for track in used],
            start=start,
            others_end=max([*others, *self.other_ends.values()], default=-math.inf),
        )
        if completeness.is_missing(end, expected):
            return f"truncated: {end:.1f} s of {expected:.1f} s"
        if zero_filled := sum(track.zero_filled_packets for track in used):
            return f"zero-filled packets: {zero_filled}"
        damaged = video.damaged_packets if video else 0
        return f"damaged packets: {damaged}" if damaged else completeness.missing_tail(self.path, self.format)

    def _header_duration(self) -> float:
        """Duration of the file according to the header, 0 if unknown."""
        duration = completeness.header_duration(self.container)
        # The duration of Matroska counts from 0 on the clock of the file, not from the first frame.
        return duration - max(0.0, self._start_time()) if self.format == "matroska" and duration else duration
