"""Shot boundaries."""

from vidlocal.signals.shots import FrameChange, number_shots


def film(*steps: float) -> list[FrameChange]:
    """Frames of equal brightness with these distances from the previous frame."""
    return [FrameChange(step=step, two_step=step, brightness=110.0, contrast=40.0) for step in steps]


def test_a_film_without_cuts_is_one_shot() -> None:
    assert number_shots(film(0.0, 0.05, 0.08, 0.04, 0.06)) == [0, 0, 0, 0, 0]


def test_no_frames_have_no_shots() -> None:
    assert number_shots([]) == []


def test_an_outstanding_step_is_a_cut() -> None:
    assert number_shots(film(0.0, 0.04, 0.20, 0.05, 0.04)) == [0, 0, 1, 1, 1]


def test_a_steady_pan_is_not_cut() -> None:
    assert number_shots(film(0.0, 0.20, 0.22, 0.19, 0.21, 0.20)) == [0] * 6


def test_every_cut_of_a_montage_is_found() -> None:
    assert number_shots(film(0.0, 0.5, 0.6, 0.5, 0.4)) == [0, 1, 2, 3, 4]


def test_a_flash_is_not_a_cut() -> None:
    flash = FrameChange(step=0.5, two_step=0.5, brightness=240.0, contrast=40.0)
    after = FrameChange(step=0.5, two_step=0.03, brightness=110.0, contrast=40.0)
    quiet = film(0.0, 0.04, 0.03)
    assert number_shots([*quiet, flash, after, *film(0.04, 0.03)]) == [0] * 7


def test_a_short_insert_has_two_cuts() -> None:
    there = FrameChange(step=0.5, two_step=0.5, brightness=120.0, contrast=40.0)
    back = FrameChange(step=0.5, two_step=0.03, brightness=110.0, contrast=40.0)
    assert number_shots([*film(0.0, 0.04, 0.03), there, back, *film(0.04)]) == [0, 0, 0, 1, 2, 2]


def test_a_slow_fade_through_black_is_one_cut() -> None:
    fade = [
        FrameChange(step=0.12, two_step=0.2, brightness=60.0, contrast=20.0),
        FrameChange(step=0.12, two_step=0.2, brightness=20.0, contrast=6.0),
        FrameChange(step=0.10, two_step=0.2, brightness=2.0, contrast=0.5),
        FrameChange(step=0.00, two_step=0.1, brightness=2.0, contrast=0.5),
        FrameChange(step=0.10, two_step=0.1, brightness=25.0, contrast=8.0),
        FrameChange(step=0.12, two_step=0.2, brightness=70.0, contrast=30.0),
    ]
    assert number_shots([*film(0.0, 0.04), *fade]) == [0, 0, 0, 0, 0, 0, 1, 1]


def test_a_flickering_blank_frame_is_one_shot() -> None:
    flicker = [
        FrameChange(step=0.01, two_step=0.01, brightness=10.0, contrast=contrast) for contrast in (3.9, 4.1, 3.9, 4.2)
    ]
    assert number_shots(flicker) == [0, 0, 0, 0]
