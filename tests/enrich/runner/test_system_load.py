"""Load of the machine by other processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vidlocal.enrich.runner.system_load import (
    NICENESS,
    CpuSample,
    OtherProcessesLoad,
    has_battery,
    on_battery,
    other_processes_share,
    sample_cpu,
)

BEFORE = CpuSample(total=1000.0, busy=400.0, ours=100.0)


@pytest.mark.parametrize(
    ("after", "share"),
    [
        (CpuSample(1100.0, 400.0, 100.0), 0.0),
        (CpuSample(1100.0, 450.0, 100.0), 0.5),
        (CpuSample(1100.0, 450.0, 150.0), 0.0),  # all of it was ours
        (CpuSample(1100.0, 480.0, 130.0), 0.5),
        (CpuSample(1100.0, 450.0, 20.0), 0.5),  # a process of ours ended and took its seconds along
        (CpuSample(1100.0, 450.0, 190.0), 0.0),  # two clocks never agree to the tick
        (CpuSample(1100.0, 600.0, 100.0), 1.0),
        (CpuSample(1000.0, 400.0, 100.0), None),
        (CpuSample(10.0, 4.0, 1.0), None),  # counted anew
    ],
)
def test_the_load_of_others_leaves_out_our_own(after: CpuSample, share: float | None) -> None:
    assert other_processes_share(BEFORE, after) == share


def test_real_cpu_sample_orders_own_busy_and_total() -> None:
    reading = sample_cpu()
    assert reading is not None
    assert 0 < reading.ours < reading.busy < reading.total


def test_first_decision_is_inconclusive() -> None:
    load = OtherProcessesLoad()
    assert load() is None
    again = load()
    assert again is None or 0 <= again <= 1


def supply(folder: Path, name: str, **facts: str) -> None:
    (folder / name).mkdir(parents=True)
    for fact, value in facts.items():
        (folder / name / fact).write_text(f"{value}\n")


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="how Linux tells of batteries")
def test_the_battery_of_a_mouse_is_not_the_machine_s(tmp_path: Path) -> None:
    supply(tmp_path, "hidpp_battery_0", type="Battery", scope="Device", status="Discharging")
    supply(tmp_path, "AC", type="Mains", online="1")
    assert not has_battery(tmp_path)
    assert not on_battery(tmp_path)
    supply(tmp_path, "BAT0", type="Battery", status="Discharging")
    assert has_battery(tmp_path)


def test_priority_is_lowered_once_however_often_one_asks() -> None:
    code = """if True:
        import os
        from vidlocal.enrich.runner.system_load import lower_priority
        lower_priority()
        lower_priority()
        print(os.nice(0))"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    assert int(printed) == max(NICENESS, os.nice(0))
