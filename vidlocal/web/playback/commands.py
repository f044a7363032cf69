"""ffmpeg commands for pieces of films. Pure, except for listing the filters of ffmpeg."""

from pathlib import Path

from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.picture_filters import StoredPicture, filter_argument, tone_mapping_filters
from vidlocal.media.probe.prober import StreamFormats
from vidlocal.web.playback.sources import SourceKind

# Larger films are scaled down: encoding must be faster than playing.
MAX_WIDTH_PX, MAX_HEIGHT_PX = 1280, 720
# Seconds between key frames, and so between points at which playing can start within a piece.
_KEY_FRAME_INTERVAL_S = 2
_FRAGMENT_US = 500_000
# Containers without an index: ffmpeg may land behind the wanted time, so it begins before it.
_INDEXED = frozenset({"mov", "matroska", "avi"})
_EARLY_SEEK_S = 5.0
# With these, the first frame of a piece has the time of `-output_ts_offset`, also with B-frames and priming samples.
_MP4_FLAGS = "empty_moov+default_base_moof+frag_keyframe+frag_discont+negative_cts_offsets"
_MP4 = ("-use_editlist", "1", "-movflags", _MP4_FLAGS, "-frag_duration", str(_FRAGMENT_US), "-f", "mp4", "pipe:1")


def piece_command(
    path: Path, formats: StreamFormats, kind: SourceKind, start: float, end: float, *, ffmpeg: Ffmpeg
) -> tuple[str, ...]:
    """Return the command to write a piece from `start` to `end` (seconds) to stdout, with the times of the film."""
    early = 0.0 if formats.container in _INDEXED else min(start, _EARLY_SEEK_S)
    options = ["-ss", f"{start - early:.3f}"] if start > early else []
    skip = ["-ss", f"{early:.3f}"] if early else []
    command = [*ffmpeg.input_command(path, options=options), *skip, "-t", f"{end - start:.3f}"]
    if formats.video is not None:
        command += ["-map", f"0:{formats.video.index}"]
        if kind is SourceKind.COPY:
            command += ["-c:v", "copy", *(["-tag:v", "hvc1"] if formats.video.codec == "hevc" else [])]
        else:
            command += _video_encoding(formats, ffmpeg)
    if formats.audio is not None:
        command += ["-map", f"0:{formats.audio.index}"]
        is_copy = kind is SourceKind.COPY and formats.audio.codec == "aac"
        command += ["-c:a", "copy"] if is_copy else ["-c:a", "aac", "-b:a", "160k", "-ac", "2", "-ar", "48000"]
    command += ["-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1"]
    return (*command, "-output_ts_offset", f"{start:.3f}", *_MP4)


def _video_encoding(formats: StreamFormats, ffmpeg: Ffmpeg) -> list[str]:
    video = formats.video
    assert video is not None
    picture = StoredPicture(matrix=video.matrix, is_rgb=video.pixel_format.startswith(("rgb", "gbr", "bgr")))
    size = (
        f"scale=w='max(2,2*trunc(min(1,min({MAX_WIDTH_PX}/(iw*sar),{MAX_HEIGHT_PX}/ih))*iw*sar/2))'"
        f":h='max(2,2*trunc(min(1,min({MAX_WIDTH_PX}/(iw*sar),{MAX_HEIGHT_PX}/ih))*ih/2))'"
    )
    tone_mapping = map(filter_argument, tone_mapping_filters(video.hdr, picture, ffmpeg))
    filters = ["bwdif=deint=interlaced", size, "setsar=1", *tone_mapping, "format=yuv420p"]
    return [
        *("-c:v", "libx264", "-preset", "superfast", "-crf", "23", "-profile:v", "high"),
        *("-force_key_frames", f"expr:gte(t,n_forced*{_KEY_FRAME_INTERVAL_S})"),
        *("-vf", ",".join(filters)),
    ]
