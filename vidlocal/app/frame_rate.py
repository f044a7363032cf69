"""How many frames a second an editor is to count: what a person says, or what the first of the videos has."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from vidlocal.cli.ui import console
from vidlocal.errors import MediaError, ToolError, UsageError
from vidlocal.render.clips import Clip, parse_frame_rate
from vidlocal.render.sanitize import one_line

USUAL = Fraction(25)

# The rates of television and film are so many whole numbers of frames in 1001 s.
_LARGEST_DENOMINATOR = 1001


def named(text: str) -> Fraction:
    """The rate a person wrote, like `25`, `29.97` or `24000/1001`. UsageError when it is none."""
    try:
        return parse_frame_rate(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no number of frames a second. Write it like 25, 29.97 or 24000/1001.") from error


def of_first(clips: Sequence[Clip], *, quiet: bool) -> Fraction:
    """The rate of the first video that can be opened, else USUAL; a sentence says which it is."""
    from vidlocal.media.probe import Prober

    with Prober() as prober:
        for path in dict.fromkeys(Path(clip.path) for clip in clips if clip.path):
            try:
                rate_hz = prober.probe(path).frame_rate_hz
            except (MediaError, ToolError):
                continue
            if rate_hz >= 1:
                console.notice(
                    f"Times are counted at {rate_hz:.5g} frames a second, as in {one_line(path.name)}. --fps names another "
                    "rate.",
                    quiet=quiet,
                )
                return Fraction(rate_hz).limit_denominator(_LARGEST_DENOMINATOR)
    if clips:
        console.notice(
            f"None of the videos can be opened, so times are counted at {USUAL} frames a second. --fps names the rate.",
            quiet=quiet,
        )
    return USUAL
