"""From pictures to frames with their images."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vidlocal.ingest.sampling import sample_frames
from vidlocal.media.decoded_frame import DecodedFrame
from vidlocal.records import FrameDraft

WIDTH, HEIGHT = 448, 252


def scene(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    patches = np.random.default_rng(seed).integers(20, 235, (5, 8, 3), dtype=np.uint8)
    image = Image.fromarray(patches).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    return np.asarray(image).astype(np.float32)


def filmed(light: np.ndarray[tuple[int, ...], np.dtype[np.float32]], time: float) -> DecodedFrame:
    grain = np.random.default_rng(int(time * 1000)).normal(0, 6, light.shape)
    return DecodedFrame(time, np.clip(light + grain, 0, 255).astype(np.uint8))


def tripod(seconds: int, *, crossing: bool, start: float = 0.0) -> Iterator[DecodedFrame]:
    """A static shot, with a picture every 2 s; a figure of 3 % of the frame may cross from left to right."""
    light = scene(1)
    for moment in range(0, seconds, 2):
        seen = light.copy()
        if crossing:
            left = int((WIDTH - 34) * moment / seconds)
            seen[80:181, left : left + 34] -= 50
        yield filmed(seen, start + moment)


def sampled(pictures: Iterator[DecodedFrame], folder: Path) -> tuple[FrameDraft, ...]:
    folder.mkdir()
    return sample_frames(pictures, folder=folder, prefix="frames/abc")


def test_a_static_minute_collapses_to_one_frame_each_twenty_seconds(tmp_path: Path) -> None:
    drafts = sampled(tripod(60, crossing=False), tmp_path / "f")
    assert [draft.time for draft in drafts if draft.same_as is None] == [0.0, 22.0, 44.0]
    assert {draft.shot for draft in drafts} == {0}


def test_three_per_cent_figure_crossing_a_tripod_shot_stays_searchable(tmp_path: Path) -> None:
    drafts = sampled(tripod(60, crossing=True), tmp_path / "f")
    assert all(draft.image is not None for draft in drafts)


def test_a_repeat_names_the_frame_it_repeats_and_has_no_image(tmp_path: Path) -> None:
    drafts = sampled(tripod(30, crossing=False), tmp_path / "f")
    for draft in drafts:
        if draft.same_as is None:
            assert draft.image is not None
            continue
        original = drafts[draft.same_as]
        assert original.same_as is None
        assert 0 < draft.time - original.time <= 20.0
        assert (draft.image, draft.rank, draft.novelty) == (None, None, 0.0)


def test_images_of_distinct_frames_are_written_for_their_owner_only(tmp_path: Path) -> None:
    drafts = sampled(tripod(30, crossing=False), tmp_path / "f")
    named = [draft.image for draft in drafts if draft.image is not None]
    written = sorted((tmp_path / "f").iterdir())
    assert named == [f"frames/abc/{path.name}" for path in written]
    for path in written:
        assert path.stat().st_mode & 0o077 == 0
        with Image.open(path) as image:
            assert (image.format, image.size) == ("JPEG", (WIDTH, HEIGHT))


def test_cuts_start_new_shots_and_each_shot_is_represented_early(tmp_path: Path) -> None:
    shots = [[filmed(scene(seed), 8.0 * seed + 2 * number) for number in range(4)] for seed in range(5)]
    drafts = sampled(itertools.chain(*shots), tmp_path / "f")
    assert [draft.shot for draft in drafts] == [shot for shot in range(5) for _ in range(4)]
    first = sorted((draft for draft in drafts if draft.rank is not None), key=lambda draft: draft.rank or 0)[:5]
    assert {draft.shot for draft in first} == set(range(5))


def test_a_black_start_is_not_the_most_valuable_frame(tmp_path: Path) -> None:
    black = DecodedFrame(0.0, np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    drafts = sampled(itertools.chain([black], tripod(12, crossing=False, start=2.0)), tmp_path / "f")
    assert drafts[0].rank == 1
    assert drafts[1].rank == 0


def test_novelty_is_measured_for_distinct_frames(tmp_path: Path) -> None:
    drafts = sampled(tripod(6, crossing=True), tmp_path / "f")
    assert 0.0 < drafts[1].novelty < 1.0 == drafts[0].novelty


def test_one_picture_makes_one_frame(tmp_path: Path) -> None:
    drafts = sampled(iter([DecodedFrame(0.0, np.full((1, 1, 3), 200, np.uint8))]), tmp_path / "f")
    assert [(draft.rank, draft.shot, draft.same_as) for draft in drafts] == [(0, 0, None)]


def test_no_pictures_make_no_frames(tmp_path: Path) -> None:
    assert sampled(iter(()), tmp_path / "f") == ()


def test_equal_films_are_sampled_equally(tmp_path: Path) -> None:
    assert sampled(tripod(40, crossing=True), tmp_path / "a") == sampled(tripod(40, crossing=True), tmp_path / "b")


def test_a_picture_whose_memory_is_used_again_is_stored_as_it_was(tmp_path: Path) -> None:
    def reused() -> Iterator[DecodedFrame]:
        memory = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for time, level in enumerate(range(0, 240, 30)):
            memory[:] = level
            yield DecodedFrame(2.0 * time, memory)

    sampled(reused(), tmp_path / "f")
    levels = [np.asarray(Image.open(path)).mean() for path in sorted((tmp_path / "f").iterdir())]
    assert levels == pytest.approx(list(range(0, 240, 30)), abs=1.5)


def test_unwritable_folder_is_an_immediate_error(tmp_path: Path) -> None:
    taken = 0

    def endless() -> Iterator[DecodedFrame]:
        nonlocal taken
        for taken, seed in enumerate(itertools.count()):
            yield filmed(scene(seed), float(taken))

    with pytest.raises(OSError, match="missing"):
        sample_frames(endless(), folder=tmp_path / "missing", prefix="x")
    assert taken < 20


def test_truncated_film_passes_its_error_on(tmp_path: Path) -> None:
    def broken() -> Iterator[DecodedFrame]:
        yield from tripod(6, crossing=True)
        raise ValueError("the decoder gave up")

    with pytest.raises(ValueError, match="gave up"):
        sampled(broken(), tmp_path / "f")
