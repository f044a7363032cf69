"""What the machine is doing besides our work: whether it runs on battery, and how busy other programs keep it."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

# What we do, and what is done for us. Other processes of ours count as we do: each gives way to people, not to the
# other. On macOS the application is called Ollama.
_OURS = ("ollama", "vidlocal")

POWER_SUPPLIES = Path("/sys/class/power_supply")

# Nicer than an ordinary program, but not so nice that we starve behind other batch work.
NICENESS = 10


def on_battery(supplies: Path = POWER_SUPPLIES) -> bool:
    """Whether the machine itself runs on battery now. Not known, or no battery, is a no."""
    import psutil

    if not hasattr(psutil, "sensors_battery") or not has_battery(supplies):
        return False
    battery = psutil.sensors_battery()
    return battery is not None and battery.power_plugged is False


def has_battery(supplies: Path) -> bool:
    """Whether the machine may have a battery of its own. psutil takes that of a mouse or keyboard for one (Linux)."""
    if sys.platform != "linux" or not supplies.is_dir():
        return True
    return any(
        _line(supply / "type") == "Battery" and _line(supply / "scope") != "Device" for supply in supplies.iterdir()
    )


def _line(path: Path) -> str:
    with suppress(OSError):
        return path.read_text("ascii", "replace").strip()
    return ""


def lower_priority() -> None:
    """Let every other program go first, from now until this process ends."""
    with suppress(OSError):
        os.nice(max(0, NICENESS - os.nice(0)))


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of all processors since the machine was started: in all, busy with any program, and with ours."""

    total: float
    busy: float
    ours: float


def share_of_others(before: Spent, after: Spent) -> float | None:
    """The share of all processors that other programs used between two readings, 0 to 1; None without time between."""
    passed = after.total - before.total
    if passed <= 0:
        return None
    # A process that ended takes its seconds out of our sum, where its parent does not inherit them.
    ours = max(0.0, after.ours - before.ours)
    return min(1.0, max(0.0, after.busy - before.busy - ours) / passed)


class OthersLoad:
    """The share of all processors that other programs used since the last call, 0 to 1.

    Ours are this process with its children and every Ollama and vidlocal process with theirs. None on the first
    call, and where the system does not tell how much an Ollama process uses.
    """

    def __init__(self) -> None:
        self._before: Spent | None = None

    def __call__(self) -> float | None:
        before, self._before = self._before, spent()
        return None if before is None or self._before is None else share_of_others(before, self._before)


def spent() -> Spent | None:
    """A reading. None when one of our processes cannot be read."""
    import psutil

    ours = _our_seconds()
    if ours is None:
        return None
    times = psutil.cpu_times()._asdict()
    # Linux counts guests among `user` already, and what the host of a virtual machine steals is not our machine's.
    counted = {name: seconds for name, seconds in times.items() if name not in ("guest", "guest_nice", "steal")}
    total = sum(counted.values())
    return Spent(total, total - counted["idle"] - counted.get("iowait", 0.0), ours)


def _our_seconds() -> float | None:
    """Processor seconds of all our processes and of their ended children; None when one cannot be read."""
    import psutil

    known = {process.pid: process for process in psutil.process_iter(["ppid", "name", "cpu_times"])}
    seconds = 0.0
    for pid in _ours(known):
        times = known[pid].info["cpu_times"]
        if times is None:
            return None
        seconds += times.user + times.system
        # A child that has ended passes its seconds on to the parent that waited for it.
        seconds += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return seconds


def _ours(known: "dict[int, psutil.Process]") -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for pid, process in known.items():
        children.setdefault(process.info["ppid"], []).append(pid)
    waiting = [pid for pid, process in known.items() if pid == os.getpid() or _is_ours(process.info["name"])]
    seen: set[int] = set()
    while waiting:
        pid = waiting.pop()
        if pid not in seen:
            seen.add(pid)
            waiting += children.get(pid, [])
            yield pid


def _is_ours(name: str | None) -> bool:
    return (name or "").lower().startswith(_OURS)
