"""State of the machine: battery, and CPU load of other programs."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

# Names of processes that work for vidlocal. Their load never holds the work. On macOS the process is called Ollama.
_OWN_NAMES = ("ollama", "vidlocal")

POWER_SUPPLIES = Path("/sys/class/power_supply")

# Lower priority than ordinary programs, but no starvation behind other batch jobs.
NICENESS = 10


def on_battery(supplies: Path = POWER_SUPPLIES) -> bool:
    """True if the machine runs on battery; False if unknown."""
    import psutil

    if not hasattr(psutil, "sensors_battery") or not has_battery(supplies):
        return False
    battery = psutil.sensors_battery()
    return battery is not None and battery.power_plugged is False


def has_battery(supplies: Path) -> bool:
    """False if the machine surely has no battery.

    On Linux psutil also reports those of a mouse or keyboard.
    """
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
    """Lower the scheduling priority of this process, for good."""
    with suppress(OSError):
        os.nice(max(0, NICENESS - os.nice(0)))


@dataclass(frozen=True, slots=True)
class CpuSample:
    """CPU seconds of all processors since boot: total, busy, and used by vidlocal and Ollama."""

    total: float
    busy: float
    ours: float


def other_processes_share(before: CpuSample, after: CpuSample) -> float | None:
    """CPU share of other programs between two samples, 0 to 1; None if no time passed."""
    elapsed = after.total - before.total
    if elapsed <= 0:
        return None
    # Seconds of an ended process leave the sum unless its parent inherits them.
    ours = max(0.0, after.ours - before.ours)
    return min(1.0, max(0.0, after.busy - before.busy - ours) / elapsed)


class OtherProcessesLoad:
    """CPU share of other programs since the last call, 0 to 1.

    Excludes this process and all Ollama and vidlocal processes, with their children. None on the first call, and if
    the system hides the usage of an Ollama process.
    """

    def __init__(self) -> None:
        self._before: CpuSample | None = None

    def __call__(self) -> float | None:
        before, self._before = self._before, sample_cpu()
        return None if before is None or self._before is None else other_processes_share(before, self._before)


def sample_cpu() -> CpuSample | None:
    """Read the CPU times. None if an own process is unreadable."""
    import psutil

    ours = _own_seconds()
    if ours is None:
        return None
    times = psutil.cpu_times()._asdict()
    # On Linux `user` includes guest time; `steal` is time of other virtual machines.
    counted = {name: seconds for name, seconds in times.items() if name not in ("guest", "guest_nice", "steal")}
    total = sum(counted.values())
    return CpuSample(total, total - counted["idle"] - counted.get("iowait", 0.0), ours)


def _own_seconds() -> float | None:
    """CPU seconds of own processes and their ended children; None if a process is unreadable."""
    import psutil

    processes = {process.pid: process for process in psutil.process_iter(["ppid", "name", "cpu_times"])}
    seconds = 0.0
    for pid in _own_pids(processes):
        times = processes[pid].info["cpu_times"]
        if times is None:
            return None
        seconds += times.user + times.system
        # A parent inherits the seconds of children it waited for.
        seconds += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return seconds


def _own_pids(processes: "dict[int, psutil.Process]") -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for pid, process in processes.items():
        children.setdefault(process.info["ppid"], []).append(pid)
    pending = [pid for pid, process in processes.items() if pid == os.getpid() or _is_own(process.info["name"])]
    seen: set[int] = set()
    while pending:
        pid = pending.pop()
        if pid not in seen:
            seen.add(pid)
            pending += children.get(pid, [])
            yield pid


def _is_own(name: str | None) -> bool:
    return (name or "").lower().startswith(_OWN_NAMES)
