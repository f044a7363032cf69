"""Ways to play a file in a browser, cheapest first: unchanged file, copied pieces, encoded pieces. Pure.

The types are those of RFC 6381. The page asks its browser which type it plays, and takes the next source if one fails.
"""

from dataclasses import dataclass
from enum import StrEnum

from vidlocal.media.probe.prober import PictureFormat, StreamFormats
from vidlocal.records import AudioTrack


class SourceKind(StrEnum):
    """FILE: byte ranges of the file. COPY, ENCODE: pieces of fragmented MP4. The values are part of the API."""

    FILE = "file"
    COPY = "copy"
    ENCODE = "encode"


@dataclass(frozen=True, slots=True)
class PlaySource:
    """A way to play, with its MIME type and codecs."""

    kind: SourceKind
    type: str


# H.264 is played by every browser as 8 bits, 4:2:0, in these profiles; level 4.0 stands for all.
_H264_PROFILES = {
    "Baseline": "42E028",
    "Constrained Baseline": "42E028",
    "Main": "4D0028",
    "High": "640028",
}
_PLAIN_PIXELS = frozenset({"yuv420p", "yuvj420p"})
_HEVC_PROFILES = {"Main": "hvc1.1.6.L120.B0", "Main 10": "hvc1.2.4.L120.B0"}
_VP9_PIXELS = {"yuv420p": "vp09.00.40.08", "yuv420p10le": "vp09.02.40.10"}
_AV1_PIXELS = {"yuv420p": "av01.0.08M.08", "yuv420p10le": "av01.0.08M.10"}

_MP4_AUDIO = {"aac": "mp4a.40.2", "mp3": "mp3", "opus": "opus", "flac": "flac", "ac3": "ac-3", "eac3": "ec-3"}
_WEBM_VIDEO = {"vp8": "vp8", **dict.fromkeys(("vp9", "av1"), "")}
_WEBM_AUDIO = {"opus": "opus", "vorbis": "vorbis"}
# Container and codec of a recording -> type.
_RECORDINGS = {
    ("mp3", "mp3"): "audio/mpeg",
    ("flac", "flac"): "audio/flac",
    ("ogg", "vorbis"): 'audio/ogg; codecs="vorbis"',
    ("ogg", "opus"): 'audio/ogg; codecs="opus"',
    ("ogg", "flac"): 'audio/ogg; codecs="flac"',
    ("wav", "pcm_s16le"): 'audio/wav; codecs="1"',
    ("wav", "pcm_u8"): 'audio/wav; codecs="1"',
    ("aac", "aac"): "audio/aac",
    ("mov", "aac"): 'audio/mp4; codecs="mp4a.40.2"',
    ("matroska", "opus"): 'audio/webm; codecs="opus"',
    ("matroska", "vorbis"): 'audio/webm; codecs="vorbis"',
}
# Containers with presentation times of all frames and exact seeks, so that packets can be copied from a time on.
_COPYABLE = frozenset({"mov", "matroska"})

ENCODED_VIDEO, ENCODED_AUDIO = "avc1.640028", "mp4a.40.2"


def play_sources(formats: StreamFormats) -> list[PlaySource]:
    """Return the ways to play a film or recording, cheapest first. The last plays everything that ffmpeg decodes."""
    sources = [
        PlaySource(SourceKind.FILE, _file_type(formats)),
        PlaySource(SourceKind.COPY, _copied_type(formats)),
        PlaySource(SourceKind.ENCODE, encoded_type(formats)),
    ]
    return [source for source in sources if source.type]


def encoded_type(formats: StreamFormats) -> str:
    """Return the type of encoded pieces."""
    return _mp4_type(ENCODED_VIDEO if formats.video else "", ENCODED_AUDIO if formats.audio else "")


def _file_type(formats: StreamFormats) -> str:
    """Return the type of the file; empty if unplayable in browsers."""
    video, audio = formats.video, formats.audio
    if video is None:
        return "" if audio is None else _RECORDINGS.get((formats.container, audio.codec), "")
    if formats.container == "mov":
        codec = _video_codec(video)
        return _mp4_type(codec, _MP4_AUDIO.get(audio.codec, "") if audio else "") if _is_known(codec, audio) else ""
    if formats.container == "matroska" and video.codec in _WEBM_VIDEO and _is_webm_audio(audio):
        codecs = [_WEBM_VIDEO[video.codec] or _video_codec(video), _WEBM_AUDIO[audio.codec] if audio else ""]
        return f'video/webm; codecs="{", ".join(filter(None, codecs))}"' if codecs[0] else ""
    return ""


def _copied_type(formats: StreamFormats) -> str:
    """Return the type of copied pieces, with audio as AAC; empty for a video unfit for copying."""
    if formats.container not in _COPYABLE or formats.video is None:
        return ""
    codec = _video_codec(formats.video)
    return _mp4_type(codec, ENCODED_AUDIO if formats.audio else "") if codec else ""


def _is_known(video_codec: str, audio: AudioTrack | None) -> bool:
    return bool(video_codec) and (audio is None or audio.codec in _MP4_AUDIO)


def _is_webm_audio(audio: AudioTrack | None) -> bool:
    return audio is None or audio.codec in _WEBM_AUDIO


def _video_codec(video: PictureFormat) -> str:
    """Return the codec of a video in MP4; empty if unplayable in browsers."""
    if video.codec == "h264" and video.pixel_format in _PLAIN_PIXELS and video.profile in _H264_PROFILES:
        return f"avc1.{_H264_PROFILES[video.profile]}"
    if video.codec == "hevc":
        return _HEVC_PROFILES.get(video.profile, "")
    if video.codec == "vp9":
        return _VP9_PIXELS.get(video.pixel_format, "")
    return _AV1_PIXELS.get(video.pixel_format, "") if video.codec == "av1" else ""


def _mp4_type(video_codec: str, audio_codec: str) -> str:
    codecs = ", ".join(filter(None, (video_codec, audio_codec)))
    return f'{"video" if video_codec else "audio"}/mp4; codecs="{codecs}"' if codecs else ""
