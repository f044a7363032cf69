"""Which times of a file are believed."""

import math
from collections.abc import Iterable

import numpy as np
import pytest

from vidlocal.media.timestamp_repair import ClockCorrections, PacketHistogram, estimate_corrections


def track(*times: float) -> PacketHistogram:
    tally = PacketHistogram()
    for time in times:
        tally.add(time, time + 0.1)
    return tally


def every(seconds: float, start: float, count: int) -> Iterable[float]:
    return (start + number * seconds for number in range(count))


def shown(beliefs: ClockCorrections, *times: float) -> list[float]:
    at = np.array(times)
    return (at - beliefs.shifts_at(at)).tolist()


def test_an_ordinary_film_is_believed_as_it_is() -> None:
    film = track(*every(0.1, 0.0, 600))
    assert estimate_corrections([film], [track(*every(0.1, 0.0, 600))], header_duration=60.0).is_empty


def test_slides_that_stay_for_long_are_believed_as_far_as_the_header_promises() -> None:
    slides = track(0.0, 1800.0, 5400.0)
    assert estimate_corrections([slides], [], header_duration=5400.1).is_empty
    assert shown(estimate_corrections([slides], [], header_duration=1801.0), 0.0, 1800.0, 5400.0) == pytest.approx(
        [0.0, 1800.0, 1800.1]
    )


def test_a_header_that_tells_nothing_lets_a_slide_stay_for_an_hour() -> None:
    assert estimate_corrections([track(0.0, 3600.0)], [], header_duration=None).is_empty
    assert not estimate_corrections([track(0.0, 3700.0)], [], header_duration=None).is_empty


def test_slides_with_sound_need_no_promise() -> None:
    assert estimate_corrections([track(0.0, 1800.0)], [track(*every(0.1, 0.0, 18_000))], header_duration=None).is_empty


@pytest.mark.parametrize("lost", [1e9, 600.0])
def test_a_time_between_quite_other_times_is_left_out(lost: float) -> None:
    film = track(*every(0.1, 0.0, 300), lost, *every(0.1, 30.0, 300))
    beliefs = estimate_corrections([film], [track(*every(0.1, 0.0, 600))], header_duration=60.0)
    assert not beliefs.is_empty
    assert math.isnan(shown(beliefs, lost)[0])
    assert shown(beliefs, 5.0, 59.9) == [5.0, 59.9]
    assert beliefs.corrected_span(film) == (0.0, pytest.approx(60.0))


def test_the_lighter_of_two_is_left_out_even_if_it_comes_first() -> None:
    film = track(*every(0.1, 5000.0, 50), *every(0.1, 0.0, 600))
    beliefs = estimate_corrections([film], [], header_duration=None)
    assert math.isnan(shown(beliefs, 5000.0)[0])
    assert shown(beliefs, 59.9) == [59.9]


def test_after_a_leap_that_nothing_vouches_for_the_clock_goes_on() -> None:
    film = track(*every(0.1, 0.0, 300), *every(0.1, 1e8, 300))
    beliefs = estimate_corrections([film], [], header_duration=1e8 + 30)  # no header vouches for three years
    assert shown(beliefs, 29.9, 1e8, 1e8 + 1) == pytest.approx([29.9, 30.0, 31.0])
    assert beliefs.corrected_span(film) == (0.0, pytest.approx(60.0))


def test_sound_that_goes_on_long_after_the_pictures_is_a_damaged_clock() -> None:
    sound = track(*every(0.1, 0.0, 280), *every(0.1, 6000.0, 20))
    beliefs = estimate_corrections([track(*every(0.1, 0.0, 300))], [sound], header_duration=6002.0)
    assert beliefs.corrected_span(sound)[1] == pytest.approx(32.0)


def test_pictures_that_wait_for_others_are_no_damage() -> None:
    waiting = track(*(time + step for time in every(0.4, 0.0, 100) for step in (0.3, 0.1, 0.0, 0.2)))
    assert estimate_corrections([waiting], [], header_duration=None).is_empty


def test_a_track_that_is_stored_behind_another_is_no_damage() -> None:
    """Packets are counted within their track: nobody has to interleave them."""
    pictures, sound = track(*every(30.0, 0.0, 20)), track(*every(0.1, 0.0, 6000))
    assert estimate_corrections([pictures], [sound], header_duration=600.0).is_empty


def test_nothing_at_all_is_believed() -> None:
    assert estimate_corrections([], [], header_duration=None).is_empty
    assert estimate_corrections([PacketHistogram()], [PacketHistogram()], header_duration=5.0).is_empty
