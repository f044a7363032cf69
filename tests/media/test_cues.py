from vidlocal.media.cues import Shown, merged, tidy
from vidlocal.records import Cue


def said(*shown: Shown) -> list[tuple[float, float, str]]:
    return [(cue.start, cue.end, cue.text) for cue in tidy(shown)]


def test_rolling_captions_say_each_line_once() -> None:
    # As YouTube writes them: the old line above, the new one below, and a step of 10 ms between.
    assert said(
        Shown(0.0, 2.0, ("hello everyone",)),
        Shown(2.0, 2.01, ("hello everyone",)),
        Shown(2.01, 4.0, ("hello everyone", "welcome to the")),
        Shown(4.0, 4.01, ("welcome to the",)),
        Shown(4.01, 6.0, ("welcome to the", "wedding")),
    ) == [(0.0, 2.01, "hello everyone"), (2.01, 4.01, "welcome to the"), (4.01, 6.0, "wedding")]


def test_captions_that_appear_word_by_word_become_one_cue() -> None:
    assert said(Shown(0.0, 0.5, ("the",)), Shown(0.5, 1.0, ("the bride",)), Shown(1.0, 2.0, ("the bride walks",))) == [
        (0.0, 2.0, "the bride walks")
    ]


def test_a_second_line_that_grows_under_the_first_is_not_said_twice() -> None:
    assert [
        text
        for _, _, text in said(
            Shown(0.0, 1.0, ("one line",)),
            Shown(1.0, 1.2, ("one line", "then")),
            Shown(1.2, 1.6, ("one line", "then another")),
        )
    ] == ["one line", "then another"]


def test_layers_of_the_same_text_are_one_cue() -> None:
    assert said(
        Shown(1.0, 3.0, ("Hello",)),
        Shown(1.0, 3.0, ("SHOP",)),
        Shown(1.0, 3.0, ("Hello",)),
        Shown(3.0, 3.5, ("Hello",)),
    ) == [(1.0, 3.5, "Hello"), (1.0, 3.0, "SHOP")]


def test_a_line_said_again_after_a_pause_is_kept() -> None:
    assert len(said(Shown(1.0, 2.0, ("No.",)), Shown(5.0, 6.0, ("No.",)))) == 2


def test_a_word_that_only_begins_alike_is_a_new_line() -> None:
    assert [text for *_, text in said(Shown(0, 1, ("No",)), Shown(1, 2, ("Now go",)))] == ["No", "Now go"]


def test_times_are_put_in_order() -> None:
    assert said(
        Shown(10.0, 12.0, ("later",)),
        Shown(-1.0, 2.0, ("begins before",)),
        Shown(-9.0, -4.0, ("long gone",)),
        Shown(5.0, 3.0, ("backwards",)),
        Shown(20.0, 359999.0, ("never ends",)),
    ) == [(0.0, 2.0, "begins before"), (5.0, 9.0, "backwards"), (10.0, 12.0, "later"), (20.0, 80.0, "never ends")]


def test_times_count_from_the_start_of_the_container() -> None:
    assert tidy([Shown(11.5, 12.0, ("hi",))], zero=10.0) == (Cue(1.5, 2.0, "hi"),)


def test_merged_says_what_two_files_share_once_and_stops_at_the_end_of_the_video() -> None:
    first = (Cue(1.0, 2.0, "one"), Cue(5.0, 9.0, "two"))
    second = (Cue(1.2, 2.2, "one"), Cue(3.0, 4.0, "uno"), Cue(30.0, 31.0, "of another film"))
    assert merged(first, second, duration=8.0) == (Cue(1.0, 2.0, "one"), Cue(3.0, 4.0, "uno"), Cue(5.0, 8.0, "two"))
