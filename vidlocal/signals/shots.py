"""Where one shot ends and the next begins, told from frames that are seconds apart."""

from collections.abc import Sequence
from dataclasses import dataclass

# Distances of `look.distance`. In 17 films without a cut, all but one of 61 neighbouring frames two seconds apart
# are nearer than 0.23; of the 136 pairs of these films all but one are farther apart than that.
_CERTAIN_CUT = 0.30
_POSSIBLE_CUT = 0.15

# Less than this is noise, also when it comes out of a blank picture.
_MIN_CHANGE = 0.03

# A possible cut must stand out this much from what is usual around it: a pan moves every frame alike.
_MIN_CUT_RATIO = 2.5
_WINDOW_FRAMES = 4

# A frame this much brighter than both neighbours, which look alike, is a flash.
_MIN_FLASH_LEVELS = 40.0

# The spread of luma in a black, white or plain frame, in grey levels.
MAX_BLANK_CONTRAST = 4.0


@dataclass(frozen=True, slots=True)
class FrameChange:
    """How a frame differs from what came before.

    `step` is its distance from the previous frame, `leap` from the one before that (0 where there is none).
    `brightness` is the mean luma and `contrast` its spread, 0 to 255.
    """

    step: float
    two_step: float
    brightness: float
    contrast: float


def number_shots(changes: Sequence[FrameChange]) -> list[int]:
    """The shot of each frame, counted from 0, one entry per sampled frame in order of time.

    Only hard cuts and cuts through a blank picture are found, and only to the next sampled frame. Two cuts between
    two frames look like one or none; a dissolve longer than two frames, and a cut between two views that look
    alike, are missed. A sudden close-up can pass for a cut: that costs nothing, shots only spread attention.
    """
    shot = 0
    shots: list[int] = []
    for position in range(len(changes)):
        shot += position > 0 and _is_cut(changes, position)
        shots.append(shot)
    return shots


def _is_cut(changes: Sequence[FrameChange], position: int) -> bool:
    change, before = changes[position], changes[position - 1]
    if change.contrast < MAX_BLANK_CONTRAST or change.step < _MIN_CHANGE:
        return False  # a fade ends here; what appears out of the blank is the next shot
    if before.contrast < MAX_BLANK_CONTRAST:
        return True
    if change.step < _POSSIBLE_CUT or _is_flash(changes, position) or _is_flash(changes, position - 1):
        return False
    return change.step >= _CERTAIN_CUT or change.step >= _MIN_CUT_RATIO * _median_step(changes, position)


def _is_flash(changes: Sequence[FrameChange], position: int) -> bool:
    """Whether only this one frame is lit up, and the next shows again what the one before showed."""
    if not 0 < position < len(changes) - 1:
        return False
    before, flash, after = changes[position - 1 : position + 2]
    return (
        after.two_step < _POSSIBLE_CUT
        and flash.brightness - max(before.brightness, after.brightness) > _MIN_FLASH_LEVELS
    )


def _median_step(changes: Sequence[FrameChange], position: int) -> float:
    """The median step around a frame, its own left out; 0 when it has no neighbours."""
    first = max(1, position - _WINDOW_FRAMES)
    around = sorted(
        change.step
        for place, change in enumerate(changes[first : position + _WINDOW_FRAMES + 1], start=first)
        if place != position
    )
    return around[len(around) // 2] if around else 0.0
