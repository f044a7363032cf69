"""What a signal gets to see."""

from dataclasses import dataclass

from vidlocal.signals.features import FrameFeatures, Pixels


@dataclass(frozen=True, slots=True)
class View:
    """A frame and its past. `rgb` is H x W x 3 uint8; `previous` the look of the frame sampled before, if any."""

    rgb: Pixels
    look: FrameFeatures
    previous: FrameFeatures | None
