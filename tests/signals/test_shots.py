"""Where shots end."""

from vidlocal.signals.shots import Change, number


def film(*steps: float) -> list[Change]:
    """Frames of even brightness, each differing that much from the one before."""
    return [Change(step=step, leap=step, brightness=110.0, contrast=40.0) for step in steps]


def test_a_film_without_cuts_is_one_shot() -> None:
    assert number(film(0.0, 0.05, 0.08, 0.04, 0.06)) == [0, 0, 0, 0, 0]


def test_no_frames_make_no_shots() -> None:
    assert number([]) == []


def test_a_step_that_stands_out_is_a_cut() -> None:
    assert number(film(0.0, 0.04, 0.20, 0.05, 0.04)) == [0, 0, 1, 1, 1]


def test_a_steady_pan_is_not_cut() -> None:
    assert number(film(0.0, 0.20, 0.22, 0.19, 0.21, 0.20)) == [0] * 6


def test_a_montage_of_cuts_is_cut_everywhere() -> None:
    assert number(film(0.0, 0.5, 0.6, 0.5, 0.4)) == [0, 1, 2, 3, 4]


def test_a_flash_is_not_a_cut() -> None:
    flash = Change(step=0.5, leap=0.5, brightness=240.0, contrast=40.0)
    after = Change(step=0.5, leap=0.03, brightness=110.0, contrast=40.0)
    quiet = film(0.0, 0.04, 0.03)
    assert number([*quiet, flash, after, *film(0.04, 0.03)]) == [0] * 7


def test_a_short_view_of_something_else_is_cut_twice() -> None:
    there = Change(step=0.5, leap=0.5, brightness=120.0, contrast=40.0)
    back = Change(step=0.5, leap=0.03, brightness=110.0, contrast=40.0)
    assert number([*film(0.0, 0.04, 0.03), there, back, *film(0.04)]) == [0, 0, 0, 1, 2, 2]


def test_a_slow_fade_through_black_is_one_cut() -> None:
    fade = [
        Change(step=0.12, leap=0.2, brightness=60.0, contrast=20.0),
        Change(step=0.12, leap=0.2, brightness=20.0, contrast=6.0),
        Change(step=0.10, leap=0.2, brightness=2.0, contrast=0.5),
        Change(step=0.00, leap=0.1, brightness=2.0, contrast=0.5),
        Change(step=0.10, leap=0.1, brightness=25.0, contrast=8.0),
        Change(step=0.12, leap=0.2, brightness=70.0, contrast=30.0),
    ]
    assert number([*film(0.0, 0.04), *fade]) == [0, 0, 0, 0, 0, 0, 1, 1]


def test_a_blank_picture_that_flickers_is_one_shot() -> None:
    flicker = [Change(step=0.01, leap=0.01, brightness=10.0, contrast=contrast) for contrast in (3.9, 4.1, 3.9, 4.2)]
    assert number(flicker) == [0, 0, 0, 0]
