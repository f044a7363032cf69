"""ffmpeg filters from a decoded frame to upright RGB of the wanted size: deinterlacing, scaling, rotation, colours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from vidlocal import process
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.records import Probe

Filter = tuple[str, dict[str, Any]]
Rgb = npt.NDArray[np.uint8]

# ffmpeg filters that turn a frame upright. Other names from the child process are rejected.
ROTATION_FILTERS = frozenset(
    {"transpose=clock", "transpose=cclock", "transpose=clock_flip", "transpose=cclock_flip", "hflip", "vflip"}
)
MIN_ASPECT, MAX_ASPECT = 0.05, 20.0
_ASPECT_TOLERANCE = 0.001
_TIME_TOLERANCE_S = 0.0005
# Fills the canvas to the right of and below a frame of another shape.
_FILL_RGB = (1, 254, 3)
_FILL_COLOUR = "0x{:02x}{:02x}{:02x}".format(*_FILL_RGB)

# Converting to RGB is slow during area scaling and fast in a second step.
_TO_RGB: tuple[Filter, ...] = (
    ("format", {"pix_fmts": "yuv420p|yuvj420p"}),
    ("scale", {"flags": "fast_bilinear", "eval": "frame"}),
)
# Transparent pixels are white, as in photos: the negative is blended with black.
_ON_WHITE: tuple[Filter, ...] = (
    ("format", {"pix_fmts": "gbrap"}),
    ("negate", {}),
    ("premultiply", {"inplace": 1}),
    ("format", {"pix_fmts": "gbrp"}),
    ("negate", {}),
)
# Of the numbers in ITU-T H.273, the matrices of swscale. It refuses frames tagged with others, such as reserved ones.
_SWSCALE_MATRICES = frozenset({1, 2, 4, 5, 6, 7, 9})
_RESERVED, _YCGCO = 3, 8
# ffmpeg refuses frames of the reserved matrix before any filter; these remove the tag from the packets (ffmpeg 7.1).
_UNTAG = {"mpeg2video": "mpeg2_metadata", "hevc": "hevc_metadata", "av1": "av1_metadata"}
# Matrices of HDR video by number; the others are bt2020nc, whatever the tag says.
_HDR_MATRICES = {10: "bt2020c", 14: "ictcp"}
_TRANSFERS = {"pq": "smpte2084", "hlg": "arib-std-b67"}


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """Storage format of a video's pictures, from the first decoded frame.

    `matrix` is the number of the colour matrix in ITU-T H.273, `is_rgb` true for pixels without one. `interlaced` is
    None for progressive video, "flagged" if each frame is marked, "all" if frames are interlaced without marks.
    `aspect_changes` are stored times in seconds, and the aspect of the pixels from each on.
    """

    width_px: int = 0
    height_px: int = 0
    matrix: int = 2
    is_rgb: bool = False
    has_alpha: bool = False
    interlaced: str | None = None
    rotation_filters: tuple[str, ...] = ()
    aspect_changes: tuple[tuple[float, float], ...] = ()

    @property
    def is_sideways(self) -> bool:
        """True if rotation swaps width and height."""
        return any(rotation.startswith("transpose") for rotation in self.rotation_filters)


def packet_filter(probe: Probe, picture: StoredPicture) -> dict[str, object]:
    """Input option to remove a colour tag refused by ffmpeg; usually empty."""
    if picture.matrix != _RESERVED or probe.video_codec not in _UNTAG:
        return {}
    return {"bsf:v": f"{_UNTAG[probe.video_codec]}=matrix_coefficients=2"}


def picture_filters(
    probe: Probe, picture: StoredPicture, size: tuple[int, int], canvas: tuple[int, int], ffmpeg: Ffmpeg
) -> Iterator[Filter]:
    """Filters to RGB of `size` in the upper left of `canvas`, width and height upright.

    Frames of another shape, as from a telephone turned during a call, are scaled down to the canvas.
    """
    if picture.interlaced is not None:
        # Frames are seconds apart here. bwdif takes the same picture before and after, as for a single frame, for a
        # still scene and keeps its comb; estdif looks at a frame alone.
        yield "estdif", {"mode": "frame", "deint": "interlaced" if picture.interlaced == "flagged" else "all"}
    yield (
        "setparams",
        {"color_primaries": "unknown", "color_trc": "unknown"}
        | ({} if picture.is_rgb or picture.matrix in _SWSCALE_MATRICES else {"colorspace": "unknown"}),
    )
    if picture.is_sideways:
        yield "scale", _scaling(probe, picture, (size[1], size[0]), (canvas[1], canvas[0]))
    else:
        yield "scale", _scaling(probe, picture, size, canvas)
    for rotation in picture.rotation_filters:
        name, _, direction = rotation.partition("=")
        yield name, {"dir": direction} if direction else {}
    if picture.has_alpha:
        yield from _ON_WHITE
    yield from tone_mapping_filters(probe.hdr, picture, ffmpeg) or _ycgco_filters(picture, ffmpeg) or _TO_RGB
    yield "format", {"pix_fmts": "rgb24"}
    yield "pad", {"w": canvas[0], "h": canvas[1], "eval": "frame", "color": _FILL_COLOUR}


def is_filled(canvas: Rgb) -> bool:
    """True if the frame does not cover the canvas."""
    return bool((canvas[-1, -1] == _FILL_RGB).all())


def crop(canvas: Rgb) -> Rgb:
    """The frame in the upper left of a canvas."""
    is_frame = (canvas != np.array(_FILL_RGB, np.uint8)).any(axis=2)
    height, width = (int(np.flatnonzero(is_frame.any(axis=axis)).max(initial=0)) + 1 for axis in (1, 0))
    return np.ascontiguousarray(canvas[:height, :width])


def _scaling(probe: Probe, picture: StoredPicture, size: tuple[int, int], canvas: tuple[int, int]) -> dict[str, Any]:
    """Scale exactly to `size`; frames of another shape down to `canvas`."""
    width, height = size
    change = _aspect_change(probe.sample_aspect, picture.aspect_changes)
    aspect = f"(if(between(sar,{MIN_ASPECT},{MAX_ASPECT}),sar,1){change})"
    is_usual = f"eq(iw,{picture.width_px})*eq(ih,{picture.height_px})*lt(abs(0{change}),{_ASPECT_TOLERANCE})"
    factor = f"min(1,min({canvas[0]}/(iw*{aspect}),{canvas[1]}/ih))"
    return {
        "w": f"if({is_usual},{width},max(1,round(iw*{aspect}*{factor})))",
        "h": f"if({is_usual},{height},max(1,round(ih*{factor})))",
        "flags": "area",
        "eval": "frame",
    }


def _aspect_change(usual: float, changes: Sequence[tuple[float, float]]) -> str:
    """Term of a formula: the aspect at time `t` minus the usual aspect. `sar` in ffmpeg is that of the first frame."""
    aspects = [usual, *(aspect for _, aspect in changes)]
    return "".join(
        f"+gte(t,{time - _TIME_TOLERANCE_S:.6f})*({now - before:.6f})"
        for (time, now), before in zip(changes, aspects, strict=False)
    )


def tone_mapping_filters(hdr: str | None, picture: StoredPicture, ffmpeg: Ffmpeg) -> tuple[Filter, ...]:
    """Filters to convert HDR (pq or hlg) to SDR; none for SDR video, or if ffmpeg lacks zscale."""
    return _tone_mapping(picture, hdr) if hdr is not None and _has_zscale(ffmpeg) else ()


def filter_argument(picture_filter: Filter) -> str:
    """A filter as an argument of the ffmpeg command."""
    name, options = picture_filter
    return f"{name}={':'.join(f'{option}={value}' for option, value in options.items())}"


def _ycgco_filters(picture: StoredPicture, ffmpeg: Ffmpeg) -> tuple[Filter, ...]:
    if picture.matrix != _YCGCO or picture.is_rgb or not _has_zscale(ffmpeg):
        return ()
    return (("setparams", {"colorspace": "ycgco"}), ("zscale", {"matrix": "bt709"}), *_TO_RGB)


@cache
def _has_zscale(ffmpeg: Ffmpeg) -> bool:
    """True if ffmpeg can convert HDR and rare colour matrices."""
    return b" zscale " in process.run([*ffmpeg.base_command(), "-filters"], timeout=30.0).stdout


def _tone_mapping(picture: StoredPicture, hdr: str) -> tuple[Filter, ...]:
    """HDR to SDR with the hable curve at 100 nits. zscale needs the tags, missing in some files."""
    matrix = "gbr" if picture.is_rgb else _HDR_MATRICES.get(picture.matrix, "bt2020nc")
    return (
        ("setparams", {"color_primaries": "bt2020", "color_trc": _TRANSFERS[hdr], "colorspace": matrix}),
        ("zscale", {"transfer": "linear", "npl": 100}),
        ("format", {"pix_fmts": "gbrpf32le"}),
        ("zscale", {"primaries": "bt709"}),
        ("tonemap", {"tonemap": "hable", "desat": 0}),
        ("zscale", {"transfer": "bt709", "matrix": "bt709", "range": "tv"}),
        ("format", {"pix_fmts": "yuv444p"}),
    )
