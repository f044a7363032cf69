"""Selection of representative frames."""

import numpy as np

from vidlocal.signals.features import DESCRIPTOR_SIZE, Descriptors
from vidlocal.signals.novelty import NoveltyTracker
from vidlocal.signals.representatives import MAX_FRAMES, choose_frames, rate_quality


def descriptors_of(levels: list[int]) -> Descriptors:
    """Descriptors of plain frames with a grey level each."""
    return np.array([[level] * DESCRIPTOR_SIZE for level in levels], np.uint8)


def evenly(count: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.ones(count, np.float32)


def test_no_frames_have_no_representatives() -> None:
    assert choose_frames(np.zeros((0, DESCRIPTOR_SIZE), np.uint8), shots=[], quality=evenly(0)) == []


def test_few_frames_are_all_selected() -> None:
    assert sorted(choose_frames(descriptors_of([10, 20, 30]), shots=[0, 0, 1], quality=evenly(3))) == [0, 1, 2]


def test_at_most_fifty_are_selected_and_none_twice() -> None:
    levels = [number % 250 for number in range(400)]
    selected = choose_frames(descriptors_of(levels), shots=[number // 40 for number in range(400)], quality=evenly(400))
    assert len(selected) == len(set(selected)) == MAX_FRAMES == 50


def test_the_first_selections_cover_the_most_different_shots() -> None:
    levels = [10] * 20 + [12] * 5 + [120] * 5 + [240] * 5
    shots = [0] * 20 + [1] * 5 + [2] * 5 + [3] * 5
    first = choose_frames(descriptors_of(levels), shots=shots, quality=evenly(35), limit=3)
    assert [shots[position] for position in first] == [0, 3, 2]


def test_the_first_frame_is_the_best_of_the_longest_shot() -> None:
    quality = evenly(6) * 0.5
    quality[3] = 0.9
    quality[5] = 1.0
    assert choose_frames(descriptors_of([9] * 6), shots=[0, 1, 1, 1, 1, 2], quality=quality)[0] == 3


def test_black_and_blurred_frames_come_last() -> None:
    quality = rate_quality(
        brightness=np.array([120, 2, 120, 120], np.float32),
        contrast=np.array([40, 0.5, 40, 40], np.float32),
        sharpness=np.array([0.01, 0.0, 0.001, 0.012], np.float32),
        shots=[0, 0, 0, 0],
    )
    assert quality[1] < quality[2] < quality[0]
    assert choose_frames(descriptors_of([100, 0, 140, 110]), shots=[0, 0, 0, 0], quality=quality)[-1] == 1


def test_the_selection_is_deterministic() -> None:
    gists = np.random.default_rng(3).integers(0, 255, (300, DESCRIPTOR_SIZE), dtype=np.uint8)
    shots = [number // 7 for number in range(300)]
    assert choose_frames(gists, shots=shots, quality=evenly(300)) == choose_frames(
        gists, shots=shots, quality=evenly(300)
    )


def test_novelty_is_the_distance_to_the_most_similar_frame_before() -> None:
    novelty = NoveltyTracker()
    seen = [novelty.score(descriptor) for descriptor in descriptors_of([10, 10, 200, 12])]
    assert seen[0] == 1.0
    assert seen[1] == 0.0
    assert seen[2] > 0.5
    assert 0.0 < seen[3] < 0.1
