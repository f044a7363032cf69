"""Convert streams of an open container (av objects) to plain values. Runs in the child process."""

import math
import re
import struct
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from vidlocal.geography import parse_iso_6709
from vidlocal.media.picture_filters import MAX_ASPECT, MIN_ASPECT
from vidlocal.records import CAPTIONS_IN_VIDEO

Values = dict[str, object]

_ATTACHED = 0x400  # AV_DISPOSITION_ATTACHED_PIC
_FORCED = 0x40  # AV_DISPOSITION_FORCED
_DEFAULT = 0x1  # AV_DISPOSITION_DEFAULT
_TRANSFERS = {16: "pq", 18: "hlg"}  # AVCOL_TRC_SMPTE2084, AVCOL_TRC_ARIB_STD_B67
_TEXT_SUBTITLES = frozenset(
    (
        *("subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text", "sami", "microdvd", "subviewer", "mpl2"),
        *("jacosub", "eia_608"),
    )
)
_PARTIAL_TITLE = re.compile(r"\b(?:forced|foreign|signs?|songs?)\b", re.IGNORECASE)
# Progressive and interlaced frames alternate in these, for instance in a film between advertisements.
_OFTEN_INTERLACED = frozenset({"mpeg2video", "dvvideo"})
_DATE = re.compile(
    r"(\d{4})[-:](\d{2})[-:](\d{2})(?:[T ](\d{2}:\d{2}:\d{2})(?:\.\d+)?(Z|[+-]\d{2}:?\d{2})?)?", re.ASCII
)
_DATE_KEYS = ("com.apple.quicktime.creationdate", "creation_time", "date_recorded", "date_digitized", "date")
_LOCATION_KEYS = ("com.apple.quicktime.location.iso6709", "location", "location-eng")
# Maker and model.
_CAMERA_KEYS = (
    ("com.apple.quicktime.make", "com.android.manufacturer", "make"),
    ("com.apple.quicktime.model", "com.android.model", "model"),
)
_DJI = "DJI"
_MAX_CAMERA_CHARACTERS = 60
_AVCHD_DATE = re.compile(rb"MDPM.{1,40}?\x18.(.{3})\x19(.{4})", re.DOTALL)
_DV_BLOCK_BYTES = 80
_DV_VIDEO_AUXILIARY = 2  # section type, the first three bits of a block
_DV_FIRST_YEAR, _DV_LAST_YEAR = 90, 69  # two digits: 1990 to 2069
# A film has tens; a damaged file may promise millions.
_MAX_CHAPTERS = 1000
_FIRST_YEAR = 1971  # clocks that were never set start at 1904 or 1970


def is_cover_art(stream: Any) -> bool:
    """True for an attached picture such as an album cover."""
    return bool(int(stream.disposition) & _ATTACHED)


def is_default(stream: Any) -> bool:
    return bool(int(stream.disposition) & _DEFAULT)


def container_tags(opened: Any) -> Values:
    """Title, recording date, coordinates, camera and XMP packet from the container's tags; None if missing."""
    tags = {str(key).lower(): str(value) for key, value in opened.metadata.items()}
    dates = (parse_date(tags[key]) for key in _DATE_KEYS if key in tags)
    points = (parse_iso_6709(tags[key]) for key in _LOCATION_KEYS if key in tags)
    return {
        "title": tags.get("title", "").strip() or None,
        "recorded_at": next((date for date in dates if date), None),
        "location": next((point for point in points if point), None),
        "camera": _camera(tags),
        "xmp": tags.get("xmp"),
    }


def _camera(tags: Mapping[str, str]) -> str | None:
    """Maker and model by their tags; for DJI by the encoder: `DJI Mini 4 Pro`, `DJIMavic3`."""
    make, model = (next((tags[key] for key in keys if key in tags), "") for keys in _CAMERA_KEYS)
    encoder = tags.get("encoder", "")
    if not model and encoder.startswith(_DJI):
        return camera_name(_DJI, encoder.removeprefix(_DJI).strip())
    return camera_name(make, model)


def camera_name(make: str, model: str) -> str | None:
    """Return maker and model of a camera, without repeating the maker: `Canon EOS R5`. None without a model."""
    make, model = (part.replace("\0", "").strip()[:_MAX_CAMERA_CHARACTERS] for part in (make, model))
    if not model or not model.isprintable() or not make.isprintable():
        return None
    return model if model.lower().startswith(make.lower()) else f"{make} {model}"


def chapters(container: Any, *, start: float, duration: float) -> list[Values]:
    """Titled chapters in order of time: start and end in seconds from `start` of the file, and the title.

    A chapter without an end lasts until the next one.
    """
    titled = []
    for entry in container.chapters()[:_MAX_CHAPTERS]:
        title = str(entry.get("metadata", {}).get("title", "")).strip()
        base = float(entry["time_base"])
        begin, end = entry["start"] * base - start, entry["end"] * base - start
        if title and begin < duration:
            titled.append({"start": max(0.0, begin), "end": min(max(begin, end), duration), "text": title})
    titled.sort(key=lambda chapter: chapter["start"])
    next_starts = [*(chapter["start"] for chapter in titled[1:]), duration]
    for chapter, next_start in zip(titled, next_starts, strict=False):  # without chapters, nothing
        if chapter["end"] <= chapter["start"]:
            chapter["end"] = next_start
    return titled


def parse_date(text: str) -> str | None:
    """Recording date as ISO 8601; None if invalid or from a clock never set."""
    match = _DATE.match(text.strip())
    if match is None or int(match[1]) < _FIRST_YEAR:
        return None
    year, month, day, clock, zone = match.groups()
    date = f"{year}-{month}-{day}"
    moment = f"{date}T{clock}{zone or ''}" if clock else date
    return next(filter(_is_date, (moment, date)), None)


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def avchd_date(packet: bytes) -> str | None:
    """Recording date written by camcorders into the H.264 stream, local time; None without.

    "Modified Digital Video Pack Metadata" as described by ExifTool: binary coded decimals after the tags 0x18 and 0x19.
    """
    match = _AVCHD_DATE.search(packet)
    if match is None:
        return None
    digits = (match[1] + match[2]).hex()
    return parse_date(f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:]}")


def dv_date(packet: bytes) -> str | None:
    """Recording date written by DV camcorders into every frame, local time; None without.

    The packs 0x62 and 0x63 of the video auxiliary blocks (IEC 61834-4): binary coded decimals.
    """
    date = clock = None
    for block in range(0, len(packet) - _DV_BLOCK_BYTES + 1, _DV_BLOCK_BYTES):
        if packet[block] >> 5 != _DV_VIDEO_AUXILIARY:
            continue
        for pack in range(block + 3, block + _DV_BLOCK_BYTES - 4, 5):
            if packet[pack] == 0x62 and date is None:
                date = _bcd(packet[pack + 4]), _bcd(packet[pack + 3] & 0x1F), _bcd(packet[pack + 2] & 0x3F)
            elif packet[pack] == 0x63 and clock is None:
                clock = _bcd(packet[pack + 4] & 0x3F), _bcd(packet[pack + 3] & 0x7F), _bcd(packet[pack + 2] & 0x7F)
    if date is None or date[0] > 99 or _DV_LAST_YEAR < date[0] < _DV_FIRST_YEAR:
        return None
    day = f"{date[0] + (1900 if date[0] >= _DV_FIRST_YEAR else 2000)}-{date[1]:02}-{date[2]:02}"
    is_clock = clock is not None and clock[0] < 24 and clock[1] < 60 and clock[2] < 60
    return parse_date(day + (f"T{clock[0]:02}:{clock[1]:02}:{clock[2]:02}" if clock is not None and is_clock else ""))


def _bcd(value: int) -> int:
    """Binary coded decimal; 165 for 0xFF (no value)."""
    return 10 * (value >> 4) + (value & 0x0F)


def audio_track(stream: Any) -> Values:
    context = stream.codec_context
    return {
        "index": stream.index,
        "codec": context.codec.canonical_name,
        "language": _language(stream),
        "default": is_default(stream),
        "channels": context.channels,
        "rate_hz": context.sample_rate or 0,
    }


def subtitle_track(stream: Any) -> Values:
    codec = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"
    return {
        "index": stream.index,
        "codec": codec,
        "language": _language(stream),
        "title": stream.metadata.get("title"),
        "is_text": codec in _TEXT_SUBTITLES,
        "is_partial": bool(int(stream.disposition) & _FORCED)
        or bool(_PARTIAL_TITLE.search(stream.metadata.get("title", ""))),
    }


def caption_tracks(stream: Any, frame: Any) -> list[Values]:
    """A track for the closed captions within the frames of a broadcast; none if the first frame has none."""
    try:
        has_captions = frame.side_data.get("A53_CC") is not None
    except ValueError:  # a type of side data without a name in PyAV
        has_captions = False
    track = {"index": stream.index, "codec": CAPTIONS_IN_VIDEO, "language": None, "title": None, "is_text": True}
    return [track] if has_captions else []


def main_formats(container: Any) -> Values:
    """Formats of the main video and audio stream of an open container; None without such a stream.

    The main stream is the default one, else the first; cover art is no video.
    """
    usable = [stream for stream in container.streams if stream.codec_context is not None]
    videos = [stream for stream in usable if stream.type == "video" and not is_cover_art(stream)]
    sounds = [stream for stream in usable if stream.type == "audio"]
    video, sound = (next(filter(is_default, streams), next(iter(streams), None)) for streams in (videos, sounds))
    return {
        "video": None if video is None else _picture_format(video),
        "audio": None if sound is None else audio_track(sound),
    }


def _picture_format(stream: Any) -> Values:
    context = stream.codec_context
    return {
        "index": stream.index,
        "codec": context.codec.canonical_name,
        "profile": context.profile or "",
        "pixel_format": context.pix_fmt or "",
        "width_px": context.width,
        "height_px": context.height,
        "hdr": _TRANSFERS.get(int(context.color_trc)),
        "matrix": int(context.colorspace),
        "frame_rate_hz": float(stream.average_rate or 0),
    }


def video_format(stream: Any, frame: Any, *, is_interlaced: bool, aspect_changes: Sequence[Sequence[float]]) -> Values:
    """Codec, size, aspect, rotation and colours from the stream and the first decoded frame.

    `is_interlaced` if frames are interlaced without telling. `aspect_changes`: (stored time, pixel aspect).
    """
    aspect, codec = _aspect(stream), stream.codec_context.codec.canonical_name
    rotation, filters = orientation(frame)
    width, height = round(frame.width * aspect), frame.height
    if rotation in (90, 270):
        width, height = height, width
    return {
        "video_codec": codec,
        "video_index": stream.index,
        "width_px": max(1, width),
        "height_px": max(1, height),
        "sample_aspect": aspect,
        "frame_rate_hz": float(stream.average_rate or 0),
        "rotation": rotation,
        "hdr": _TRANSFERS.get(int(frame.color_trc)),
        "picture": {
            "width_px": frame.width,
            "height_px": frame.height,
            "matrix": int(frame.colorspace),
            "is_rgb": bool(frame.format.is_rgb),
            "has_alpha": any(component.is_alpha for component in frame.format.components),
            "interlaced": _interlaced(frame, codec, is_interlaced=is_interlaced),
            "rotation_filters": filters,
            "aspect_changes": [*aspect_changes],
        },
    }


def _interlaced(frame: Any, codec: str, *, is_interlaced: bool) -> str | None:
    if frame.interlaced_frame or (codec in _OFTEN_INTERLACED and not is_interlaced):
        return "flagged"
    return "all" if is_interlaced else None


def orientation(frame: Any) -> tuple[int, list[str]]:
    """Rotation in degrees clockwise, and the filters to turn a frame upright, chosen as in ffmpeg's autorotation."""
    matrix = _display_matrix(frame)
    if matrix is None:
        return 0, []
    degrees = round(-math.degrees(math.atan2(matrix[1], matrix[0])))
    turned = -degrees % 360
    nearest = round(turned / 90) % 4 * 90
    if nearest == 90:
        return 90, ["transpose=cclock_flip" if matrix[3] > 0 else "transpose=clock"]
    if nearest == 270:
        return 270, ["transpose=clock_flip" if matrix[3] < 0 else "transpose=cclock"]
    flips = [name for name, side in (("hflip", matrix[0]), ("vflip", matrix[4])) if side < 0]
    return (180 if len(flips) == 2 else 0), flips


def _display_matrix(frame: Any) -> tuple[int, ...] | None:
    """The container's 3 x 3 display matrix of 16.16 (last column 2.30) fixed point numbers."""
    try:
        data = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:
        # PyAV has no name for some types of side data, such as EXIF and the views of stereo video.
        return _rotation_matrix(frame.rotation)
    if data is None or data.buffer_size != 36:
        return None
    return struct.unpack("=9i", bytes(data))


def _rotation_matrix(degrees: float) -> tuple[int, ...]:
    """The display matrix of a rotation without mirroring, counter-clockwise."""
    cosine, sine = (round(part(math.radians(degrees)) * 65536) for part in (math.cos, math.sin))
    return (cosine, -sine, 0, sine, cosine, 0, 0, 0, 1 << 30)


def _aspect(stream: Any) -> float:
    aspect = float(stream.sample_aspect_ratio or 1)
    return aspect if MIN_ASPECT <= aspect <= MAX_ASPECT else 1.0


def _language(stream: Any) -> str | None:
    language = stream.metadata.get("language")
    return None if language in (None, "", "und") else str(language)
