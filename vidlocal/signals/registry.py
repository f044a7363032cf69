"""All signals. A new one is a file with a `measure`, and a line here."""

from collections.abc import Callable, Mapping

from vidlocal.signals import brightness, colours, motion, sharpness
from vidlocal.signals.view import View

# Facts are stored as JSON: numbers, texts, and lists or objects of them.
Measure = Callable[[View], Mapping[str, object]]

SIGNALS: tuple[Measure, ...] = (
    brightness.measure,
    sharpness.measure,
    motion.measure,
    colours.measure,
)


def measure(view: View) -> dict[str, object]:
    """The facts that all signals together tell of a frame."""
    return {name: value for signal in SIGNALS for name, value in signal(view).items()}
