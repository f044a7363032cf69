"""Schedule of the deep pass: holding, resuming, ending, and messages."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest

from tests.support.clocks import Wall
from vidlocal.enrich.runner.schedule import (
    BUSY_AFTER_S,
    CALM_AFTER_S,
    Condition,
    Decision,
    EndAfter,
    EndAtTime,
    MachineIdle,
    NightWindow,
    NotPaused,
    OnMains,
    Schedule,
)
from vidlocal.enrich.runner.time_window import parse_window
from vidlocal.store.database import Library
from vidlocal.store.history import facts


class Switch:
    """A condition switched by hand."""

    name: ClassVar[str] = "switch"

    def __init__(self, why: str | None = None) -> None:
        self.why = why
        self.asked = 0

    def hold_reason(self) -> str | None:
        self.asked += 1
        return self.why


@pytest.fixture
def wall() -> Wall:
    return Wall()


def schedule(wall: Wall, *conditions: Condition, messages: list[str] | None = None) -> Schedule:
    return Schedule(conditions, now=wall.now, notify=(messages if messages is not None else []).append)


def test_a_night_is_waited_for_worked_through_and_waited_for_again_with_one_sentence_each(wall: Wall) -> None:
    messages: list[str] = []
    gate = schedule(wall, NightWindow(parse_window("22:00-07:00"), wall.local), messages=messages)
    went: list[str] = []
    for _ in range(2 * 24 * 60):
        if gate.decide().go:
            went.append(f"{wall.shows:%d %H}")
        wall.pass_time(60)
    assert [hour for hour, next_hour in zip(went, [*went[1:], ""], strict=True) if hour != next_hour] == [
        *("21 22", "21 23", "22 00", "22 01", "22 02", "22 03", "22 04", "22 05", "22 06"),
        *("22 22", "22 23", "23 00", "23 01", "23 02", "23 03", "23 04", "23 05", "23 06"),
    ]
    waiting = "Waiting until 22:00; the night window is 22:00 to 07:00. Stop with Ctrl-C."
    assert messages == [waiting, "Going on.", waiting, "Going on.", waiting]


def test_unrestricted_schedule_is_silent(wall: Wall) -> None:
    messages: list[str] = []
    assert schedule(wall, Switch(), messages=messages).decide() == Decision(go=True)
    assert messages == []


def test_conditions_are_asked_at_most_once_a_second(wall: Wall) -> None:
    switch = Switch()
    gate = schedule(wall, switch)
    for _ in range(100):
        gate.decide()
        wall.pass_time(0.1)
    assert switch.asked == 10


def test_the_first_unmet_condition_speaks_for_all_and_the_next_one_when_it_is_met(wall: Wall) -> None:
    messages: list[str] = []
    first, second = Switch("First."), Switch("Second.")
    gate = schedule(wall, first, second, messages=messages)
    for why, expected in ((("First.", "Second."), False), ((None, "Second."), False), ((None, None), True)):
        first.why, second.why = why
        assert gate.decide().go is expected
        wall.pass_time(1)
    assert messages == ["First.", "Second.", "Going on."]


def test_every_change_of_state_is_reported_before_its_sentence(wall: Wall) -> None:
    decisions: list[object] = []
    switch = Switch("Held.")
    gate = Schedule(
        [switch], now=wall.now, notify=decisions.append, on_change=lambda held_by, why: decisions.append(held_by)
    )
    gate.decide()
    switch.why = None
    wall.pass_time(1)
    gate.decide()
    assert decisions == [switch, "Held.", None, "Going on."]


@pytest.mark.parametrize(
    ("starts", "until", "ends"),
    [
        ("2026-11-21 21:00", time(7), "2026-11-22 07:00"),
        ("2026-11-21 06:00", time(7), "2026-11-21 07:00"),
        ("2026-11-21 07:00", time(7), "2026-11-22 07:00"),
    ],
)
def test_until_ends_the_run_at_the_given_time(wall: Wall, starts: str, until: time, ends: str) -> None:
    wall.shows = datetime.fromisoformat(starts).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    end = EndAtTime(until, wall.local)
    gate = Schedule([], [end], now=wall.now, notify=lambda sentence: None)
    while gate.decide().over is None:
        assert gate.decide().go
        wall.pass_time(60)
    assert f"{wall.shows:%Y-%m-%d %H:%M}" == ends
    assert gate.decide() == Decision(go=False, over="It is 07:00.")


def test_until_in_a_skipped_hour_ends_after_it() -> None:
    new_york = ZoneInfo("America/New_York")
    at = datetime(2026, 3, 8, 1, 59, tzinfo=new_york).timestamp()

    def shows() -> datetime:
        return datetime.fromtimestamp(at, new_york)

    end = EndAtTime(time(2, 30), shows)
    assert end.end_reason() is None
    at += 60
    assert f"{shows():%H:%M}" == "03:00"
    assert end.end_reason() is not None


def test_until_ends_after_a_suspended_night(wall: Wall) -> None:
    end = EndAtTime(time(7), wall.local)
    wall.shows += timedelta(hours=14)  # the monotonic clock stood still
    assert end.end_reason() is not None


def test_for_uses_a_monotonic_clock(wall: Wall) -> None:
    end = EndAfter(3 * 3600, wall.now)
    wall.shows += timedelta(days=2)
    wall.at += 3 * 3600 - 1
    assert end.end_reason() is None
    wall.shows -= timedelta(days=9)
    wall.at += 1
    assert end.end_reason() == "3 h have passed."


def test_clock_change_takes_effect_within_a_second(wall: Wall) -> None:
    gate = schedule(wall, NightWindow(parse_window("22:00-07:00"), wall.local))
    assert not gate.decide().go
    wall.shows += timedelta(hours=2)
    wall.at += 1
    assert gate.decide().go
    wall.shows -= timedelta(hours=5)
    wall.at += 1
    assert not gate.decide().go


def test_a_pause_by_another_process_reaches_the_gate_and_so_does_its_end(wall: Wall, library: Library) -> None:
    messages: list[str] = []
    gate = schedule(wall, NotPaused(library), messages=messages)
    assert gate.decide().go
    with Library.open(library.folder) as other:
        facts.put(other, facts.PAUSED, "2026-11-21T20:00:00+00:00")
    wall.pass_time(1)
    assert not gate.decide().go
    with Library.open(library.folder) as other:
        facts.delete(other, facts.PAUSED)
    wall.pass_time(1)
    assert gate.decide().go
    assert messages == ["Paused by vidlocal pause. Continue with: vidlocal resume", "Going on."]


def test_battery_holds_work_and_is_polled_at_intervals(wall: Wall) -> None:
    asked: list[bool] = []

    def on_battery() -> bool:
        asked.append(wall.at >= 1060)
        return asked[-1]

    gate = schedule(wall, OnMains(on_battery, wall.now))
    went = []
    for _ in range(120):
        went.append(gate.decide().go)
        wall.pass_time(1)
    assert went == [True] * 60 + [False] * 60
    assert len(asked) == 12


def idle_hours(wall: Wall, load: Callable[[float], float | None], *, seconds: int) -> tuple[list[bool], list[str]]:
    """Decisions of the schedule in each second with `load` by other programs, and its messages."""
    messages: list[str] = []
    began = wall.at
    gate = schedule(wall, MachineIdle(lambda: load(wall.at - began), wall.now), messages=messages)
    went = []
    for _ in range(seconds):
        went.append(gate.decide().go)
        wall.pass_time(1)
    return went, messages


def test_it_holds_soon_after_others_begin_to_work_and_goes_on_some_time_after_they_end(wall: Wall) -> None:
    went, messages = idle_hours(wall, lambda at: 0.8 if 300 <= at < 900 else 0.02, seconds=1800)
    held = [second for second, goes in enumerate(went) if not goes]
    assert 300 <= held[0] <= 300 + BUSY_AFTER_S + 10
    assert 900 + CALM_AFTER_S / 2 <= held[-1] <= 900 + CALM_AFTER_S + 20
    assert len(messages) == 2


def test_a_short_burst_does_not_stop_the_work(wall: Wall) -> None:
    went, _ = idle_hours(wall, lambda at: 0.9 if at % 120 < 10 else 0.05, seconds=3600)
    assert all(went)


@pytest.mark.parametrize("period", [20, 60, 120, 200])
def test_brief_load_does_not_toggle_the_schedule(wall: Wall, period: int) -> None:
    went, messages = idle_hours(wall, lambda at: 0.9 if at % period < period / 2 else 0.0, seconds=3600)
    assert not all(went)
    assert len(messages) <= 1 + 3600 / (BUSY_AFTER_S + CALM_AFTER_S)
    if period <= CALM_AFTER_S:
        assert len(messages) == 1


def test_load_between_the_thresholds_leaves_everything_as_it_is(wall: Wall) -> None:
    went, _ = idle_hours(wall, lambda at: 0.25, seconds=3600)
    assert all(went)
    went, _ = idle_hours(wall, lambda at: 0.9 if at < 120 else 0.25, seconds=3600)
    assert not any(went[60:])


def test_an_unmeasurable_load_delays_no_work(wall: Wall) -> None:
    went, messages = idle_hours(wall, lambda at: None, seconds=600)
    assert all(went)
    assert messages == []
    went, _ = idle_hours(wall, lambda at: 0.9 if at < 300 else None, seconds=600)
    assert went[-1]


def test_the_load_of_the_day_says_nothing_of_the_night(wall: Wall) -> None:
    began = wall.at
    night = NightWindow(parse_window("22:00-07:00"), wall.local)
    gate = schedule(wall, night, MachineIdle(lambda: 0.9 if wall.at - began < 3600 else 0.0, wall.now))
    while not gate.decide().go:
        wall.pass_time(60)
    assert f"{wall.shows:%H:%M}" == "22:00"
    for _ in range(600):
        wall.pass_time(1)
        assert gate.decide().go
