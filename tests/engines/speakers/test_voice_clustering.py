"""Windows of turns are clustered by their vectors, and turns get the voices of their windows."""

import numpy as np

from vidlocal.engines.speakers.voice_clustering import Turn, Window, cluster, relabel, windows


def test_windows_leave_out_overlapping_speech() -> None:
    cut = windows([Turn(0, 5, 0), Turn(4, 9, 1), Turn(20, 20.5, 0)])
    assert {window.turn for window in cut} == {0, 1}  # the last one is too short for a vector
    assert [(window.start, window.end) for window in cut if window.turn == 0] == [(0, 2), (1, 3), (2, 4)]
    assert min(window.start for window in cut if window.turn == 1) == 5


def test_a_turn_inside_another_one_has_no_window_of_its_own() -> None:
    cut = windows([Turn(0, 10, 0), Turn(4, 5, 1)])
    assert {window.turn for window in cut} == {0}
    assert not any(window.start < 5 and window.end > 4 for window in cut)


def test_voices_with_a_large_part_in_common_are_two_clusters() -> None:
    """The cosines are those of CAM++: 0.72 within a voice, 0.38 between two voices."""
    basis = np.linalg.qr(np.random.default_rng(1).normal(size=(40, 40)))[0]
    common, voices, noise = basis[0], basis[1:3], basis[3:]
    vectors = [
        np.sqrt(0.38) * common + np.sqrt(0.34) * voices[number % 2] + np.sqrt(0.28) * noise[number]
        for number in range(12)
    ]
    labels = cluster(np.array(vectors, dtype=np.float32), [2.0] * 12)
    assert len(set(labels[::2])) == len(set(labels[1::2])) == 1
    assert labels[0] != labels[1]
    assert cluster(np.zeros((0, 4), dtype=np.float32), []) == []


def test_a_turn_is_divided_halfway_between_windows_of_two_voices() -> None:
    turns = [Turn(0, 6, 0), Turn(10, 10.4, 0)]
    cut = [Window(0, 2, 0), Window(2, 4, 0), Window(4, 6, 0)]
    assert relabel(turns, cut, [7, 7, 3]) == [Turn(0, 4, 7), Turn(4, 6, 3), Turn(10, 10.4, 7)]


def test_a_voice_without_any_window_stays_apart() -> None:
    turns = [Turn(0, 2, 0), Turn(3, 3.4, 1)]
    assert relabel(turns, [Window(0, 2, 0)], [0]) == [Turn(0, 2, 0), Turn(3, 3.4, 2)]
