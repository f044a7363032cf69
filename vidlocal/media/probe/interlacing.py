"""Recognise unmarked interlaced video, as from converted tapes. Runs in the child process."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

# Lines of analogue television, with and without those of the vertical interval. In larger frames scaling down to 896 px
# removes the comb.
_HEIGHTS_PX = frozenset({480, 486, 512, 576, 608})
_SAMPLES = 6
# A line of a comb differs this much from both neighbours, which are alike.
_MIN_STEP = 15
_MAX_NEIGHBOUR_STEP = 10
# Noise and texture differ as much from column to column.
_MIN_COMBED_RATIO = 0.004
_MIN_LINES_TO_COLUMNS = 4.0
# Fine lines of a graphic stay where they are.
_MAX_CORRELATION = 0.9
_LIBAV_TIME_BASE = 1_000_000
_EIGHT_BIT_FORMATS = frozenset({"yuv420p", "yuv422p", "yuv444p", "yuv411p", "yuvj420p", "yuvj422p", "yuvj444p"})

Luma = npt.NDArray[np.int16]


def is_interlaced(container: Any, stream: Any, *, duration: float) -> bool:
    """True for combed frames throughout the video. Seeks in the container, already read to the end."""
    if stream.codec_context.height not in _HEIGHTS_PX:
        return False
    details = [_line_detail(luma) for luma in _samples(container, stream, duration) if _is_combed(luma)]
    return any(
        float(np.corrcoef(before.ravel(), after.ravel())[0, 1]) < _MAX_CORRELATION
        for before, after in itertools.pairwise(details)
    )


def _samples(container: Any, stream: Any, duration: float) -> Iterator[Luma]:
    """Key frames throughout the video."""
    import av.error

    for sample in range(_SAMPLES):
        start = (container.start_time or 0) + int((sample + 0.5) / _SAMPLES * duration * _LIBAV_TIME_BASE)
        try:
            container.seek(start)
            frame = next(container.decode(stream), None)
        except (av.error.FFmpegError, OSError, ValueError):
            continue
        if frame is not None and frame.format.name in _EIGHT_BIT_FORMATS:
            plane = frame.planes[0]
            pixels = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
            yield pixels[: frame.height, : frame.width].astype(np.int16)


def _is_combed(luma: Luma) -> bool:
    """True if something moved between the two fields of a frame, or the frame has fine lines."""
    lines, columns = _combed_ratio(luma), _combed_ratio(luma.T)
    return lines >= _MIN_COMBED_RATIO and lines >= _MIN_LINES_TO_COLUMNS * columns


def _combed_ratio(luma: Luma) -> float:
    before, line, after = luma[:-2], luma[1:-1], luma[2:]
    step_before, step_after = line - before, line - after
    is_step = np.minimum(np.abs(step_before), np.abs(step_after)) > _MIN_STEP
    is_comb = is_step & ((step_before > 0) == (step_after > 0)) & (np.abs(before - after) < _MAX_NEIGHBOUR_STEP)
    return float(is_comb.mean())


def _line_detail(luma: Luma) -> Luma:
    detail: Luma = 2 * luma[1:-1] - luma[:-2] - luma[2:]
    return detail
