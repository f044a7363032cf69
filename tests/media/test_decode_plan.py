from itertools import pairwise

import numpy as np
import pytest

from vidlocal.media.decode_plan import DecodeRange, SkipLevel, plan_decoding
from vidlocal.media.timeline import ClockSegment, PresentationClock, Timeline


def timeline(keys: list[float], *, end: float, rate_hz: float = 25, can_seek: bool = True) -> Timeline:
    times = np.unique(np.concatenate([np.arange(0, end + 1e-9, 1 / rate_hz), keys]).round(6))
    return Timeline(times, np.array(keys, float), (ClockSegment(0.0, end, 0.0),), can_seek=can_seek)


def every(step: float, until: float) -> list[float]:
    return np.arange(0, until, step).round(6).tolist()


def selected_keys(part: DecodeRange, keys: list[float]) -> list[float]:
    """Key frames ffmpeg selects with the spacing of the range."""
    selected: list[float] = []
    for key in keys:
        if part.start <= key <= part.end and (not selected or key - selected[-1] >= part.spacing):
            selected.append(key)
    return selected


@pytest.mark.parametrize("step", [0.04, 0.5, 0.9, 1.0, 1.4, 1.6, 2.0, 2.5, 3.0])
def test_dense_key_frames_are_one_range_of_key_frames_without_a_gap(step: float) -> None:
    keys = every(step, 600)
    (part,) = plan_decoding(timeline(keys, end=600), every=2.0)
    assert part.level is SkipLevel.KEY_FRAMES
    selected = selected_keys(part, keys)
    assert max(later - earlier for earlier, later in pairwise([*selected, 600])) <= 3.0
    assert len(selected) <= 600 / 2.0 * 1.4 + 1


@pytest.mark.parametrize("seed", range(5))
def test_irregular_key_frames_leave_no_avoidable_gap(seed: int) -> None:
    dice = np.random.default_rng(seed)
    keys = [0.0, *np.cumsum(dice.uniform(0.2, 2.9, 300)).round(3).tolist()]
    (part,) = plan_decoding(timeline(keys, end=keys[-1]), every=2.0)
    assert max(later - earlier for earlier, later in pairwise(selected_keys(part, keys))) <= 3.0


def test_sparse_key_frames_are_one_range_of_reference_frames() -> None:
    (part,) = plan_decoding(timeline(every(10, 600), end=600), every=2.0)
    assert (part.level, part.start, part.end) == (SkipLevel.REFERENCE_FRAMES, 0.0, 600.0)


def test_an_interval_of_zero_decodes_all_frames() -> None:
    (part,) = plan_decoding(timeline(every(1, 60), end=60), every=0)
    assert (part.level, part.spacing) == (SkipLevel.ALL_FRAMES, 0.0)


def test_ranges_change_where_the_density_of_key_frames_changes() -> None:
    keys = [*every(2, 300), *(300 + time for time in every(10, 300)), *(600 + time for time in every(2, 300))]
    parts = plan_decoding(timeline(keys, end=900), every=2.0)
    assert [part.level for part in parts] == [SkipLevel.KEY_FRAMES, SkipLevel.REFERENCE_FRAMES, SkipLevel.KEY_FRAMES]
    assert [(part.start, part.end) for part in parts] == [(0, 300), (300, 600), (600, 900)]


def test_the_number_of_ranges_is_limited() -> None:
    keys: list[float] = []
    for minute in range(240):
        keys += [minute * 60 + time for time in (*every(1, 30), 30, 40, 50)]
    parts = plan_decoding(timeline(keys, end=240 * 60, rate_hz=5), every=2.0)
    assert len(parts) <= 24
    assert parts[0].start == 0
    assert all(earlier.end == later.start for earlier, later in pairwise(parts))
    assert parts[-1].end == 240 * 60


def test_inexact_seeks_decode_one_range() -> None:
    keys = [*every(2, 300), *(300 + time for time in every(10, 300))]
    assert len(plan_decoding(timeline(keys, end=600, can_seek=False), every=2.0)) == 1


def test_a_gap_without_any_frame_is_not_sparse() -> None:
    keys = [*every(2, 20), *(620 + time for time in every(2, 20))]
    times = Timeline(np.array(keys), np.array(keys), (ClockSegment(0, 640, 0),))
    assert [part.level for part in plan_decoding(times, every=2.0)] == [SkipLevel.KEY_FRAMES]


def test_a_tail_after_the_last_key_frame_is_decoded_too() -> None:
    parts = plan_decoding(timeline(every(2, 100), end=130), every=2.0)
    assert parts[-1].level is SkipLevel.REFERENCE_FRAMES
    assert parts[-1].end == 130


def test_the_clock_continues_over_concatenated_recordings() -> None:
    clock = PresentationClock((ClockSegment(1.4, 4.3, 1.4), ClockSegment(1.4, 4.3, -1.6)))
    assert [round(clock.to_presentation(stored), 3) for stored in (1.4, 2.4, 4.3, 1.4, 3.4)] == [0, 1, 2.9, 3, 5]
