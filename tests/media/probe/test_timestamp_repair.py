"""Corrections of damaged timestamps."""

import math
from collections.abc import Iterable

import numpy as np
import pytest

from vidlocal.media.probe.timestamp_repair import ClockCorrections, PacketHistogram, estimate_corrections


def track(*times: float) -> PacketHistogram:
    histogram = PacketHistogram()
    for time in times:
        histogram.add(time, time + 0.1)
    return histogram


def every(seconds: float, start: float, count: int) -> Iterable[float]:
    return (start + number * seconds for number in range(count))


def corrected(corrections: ClockCorrections, *times: float) -> list[float]:
    at = np.array(times)
    return [float(time) for time in at - corrections.shifts_at(at)]


def test_an_undamaged_film_needs_no_corrections() -> None:
    film = track(*every(0.1, 0.0, 600))
    assert estimate_corrections([film], [track(*every(0.1, 0.0, 600))], header_duration=60.0).is_empty


def test_long_slides_are_accepted_up_to_the_duration_in_the_header() -> None:
    slides = track(0.0, 1800.0, 5400.0)
    assert estimate_corrections([slides], [], header_duration=5400.1).is_empty
    assert corrected(estimate_corrections([slides], [], header_duration=1801.0), 0.0, 1800.0, 5400.0) == pytest.approx(
        [0.0, 1800.0, 1800.1]
    )


def test_without_a_duration_in_the_header_slides_of_an_hour_are_accepted() -> None:
    assert estimate_corrections([track(0.0, 3600.0)], [], header_duration=None).is_empty
    assert not estimate_corrections([track(0.0, 3700.0)], [], header_duration=None).is_empty


def test_slides_with_audio_need_no_duration_in_the_header() -> None:
    assert estimate_corrections([track(0.0, 1800.0)], [track(*every(0.1, 0.0, 18_000))], header_duration=None).is_empty


@pytest.mark.parametrize("lost", [1e9, 600.0])
def test_an_outlier_is_left_out(lost: float) -> None:
    film = track(*every(0.1, 0.0, 300), lost, *every(0.1, 30.0, 300))
    corrections = estimate_corrections([film], [track(*every(0.1, 0.0, 600))], header_duration=60.0)
    assert not corrections.is_empty
    assert math.isnan(corrected(corrections, lost)[0])
    assert corrected(corrections, 5.0, 59.9) == [5.0, 59.9]
    assert corrections.corrected_span(film) == (0.0, pytest.approx(60.0))


def test_the_smaller_of_two_clusters_is_left_out_even_if_it_is_first() -> None:
    film = track(*every(0.1, 5000.0, 50), *every(0.1, 0.0, 600))
    corrections = estimate_corrections([film], [], header_duration=None)
    assert math.isnan(corrected(corrections, 5000.0)[0])
    assert corrected(corrections, 59.9) == [59.9]


def test_an_implausible_jump_is_closed() -> None:
    film = track(*every(0.1, 0.0, 300), *every(0.1, 1e8, 300))
    corrections = estimate_corrections([film], [], header_duration=1e8 + 30)  # no header vouches for three years
    assert corrected(corrections, 29.9, 1e8, 1e8 + 1) == pytest.approx([29.9, 30.0, 31.0])
    assert corrections.corrected_span(film) == (0.0, pytest.approx(60.0))


def test_audio_long_after_the_end_of_the_video_has_a_damaged_clock() -> None:
    sound = track(*every(0.1, 0.0, 280), *every(0.1, 6000.0, 20))
    corrections = estimate_corrections([track(*every(0.1, 0.0, 300))], [sound], header_duration=6002.0)
    assert corrections.corrected_span(sound)[1] == pytest.approx(32.0)


def test_reordered_frames_are_not_damage() -> None:
    waiting = track(*(time + step for time in every(0.4, 0.0, 100) for step in (0.3, 0.1, 0.0, 0.2)))
    assert estimate_corrections([waiting], [], header_duration=None).is_empty


def test_a_track_stored_after_another_is_not_damage() -> None:
    """Packets are counted per track, so tracks need not be interleaved."""
    pictures, sound = track(*every(30.0, 0.0, 20)), track(*every(0.1, 0.0, 6000))
    assert estimate_corrections([pictures], [sound], header_duration=600.0).is_empty


def test_a_file_without_packets_needs_no_corrections() -> None:
    assert estimate_corrections([], [], header_duration=None).is_empty
    assert estimate_corrections([PacketHistogram()], [PacketHistogram()], header_duration=5.0).is_empty
