"""Whether the deep pass may work at this moment."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vidlocal.steps.window import Window


@dataclass(frozen=True, slots=True)
class Ruling:
    """`go`: start more work. Otherwise hold: finish what is in flight and look again. `over`: why the run ends now."""

    go: bool
    over: str | None = None


class Gate(Protocol):
    def look(self) -> Ruling:
        """The ruling for this moment, at once. A change is said once, in a calm sentence."""
        ...


class Open:
    """Always."""

    def look(self) -> Ruling:
        return Ruling(go=True)


class Night:
    """Inside the night window only: it waits for it to open, works, and waits for the next one."""

    def __init__(self, window: Window, local: Callable[[], datetime], say: Callable[[str], None]) -> None:
        self._window = window
        self._local = local
        self._say = say
        self._was_open: bool | None = None

    def look(self) -> Ruling:
        is_open = self._window.is_open(self._local())
        if not is_open and self._was_open is not False:
            opening = self._window.next_opening(self._local())
            self._say(f"Waiting until {opening:%H:%M}; the night window is {self._window}. Ctrl-C ends the waiting.")
        self._was_open = is_open
        return Ruling(go=is_open)
