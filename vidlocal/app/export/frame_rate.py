"""Frame rate of an edit list: chosen by the user, or taken from the first video."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

from vidlocal.errors import MediaError, ToolError, UsageError
from vidlocal.media.probe.prober import Prober
from vidlocal.render.clips import Clip, parse_frame_rate
from vidlocal.render.sanitize import one_line

DEFAULT_RATE = Fraction(25)

# Rates of film and television are whole numbers of frames in 1001 s.
_MAX_DENOMINATOR = 1001


def parse_rate(text: str) -> Fraction:
    """Parse `25`, `29.97` or `24000/1001`. Raises UsageError."""
    try:
        return parse_frame_rate(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a frame rate. Examples: 25, 29.97, 24000/1001") from error


def rate_of_first(clips: Sequence[Clip], *, notify: Callable[[str], None]) -> Fraction:
    """Return the rate of the first readable video, else DEFAULT_RATE; `notify` gets a sentence about the choice."""
    with Prober() as prober:
        for path in dict.fromkeys(Path(clip.path) for clip in clips if clip.path):
            try:
                rate_hz = prober.probe(path).frame_rate_hz
            except (MediaError, ToolError):
                continue
            if rate_hz >= 1:
                notify(f"Using {rate_hz:.5g} frames per second, as in {one_line(path.name)}. Change it with --fps.")
                return Fraction(rate_hz).limit_denominator(_MAX_DENOMINATOR)
    if clips:
        notify(f"No video can be opened; using {DEFAULT_RATE} frames per second. Change it with --fps.")
    return DEFAULT_RATE
