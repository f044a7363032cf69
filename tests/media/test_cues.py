from vidlocal.media.cues import RawCue, merge_cues, normalize_cues
from vidlocal.records import Cue


def said(*shown: RawCue) -> list[tuple[float, float, str]]:
    return [(cue.start, cue.end, cue.text) for cue in normalize_cues(shown)]


def test_rolling_captions_say_each_line_once() -> None:
    # As YouTube writes them: the old line above, the new one below, and a step of 10 ms between.
    assert said(
        RawCue(0.0, 2.0, ("hello everyone",)),
        RawCue(2.0, 2.01, ("hello everyone",)),
        RawCue(2.01, 4.0, ("hello everyone", "welcome to the")),
        RawCue(4.0, 4.01, ("welcome to the",)),
        RawCue(4.01, 6.0, ("welcome to the", "wedding")),
    ) == [(0.0, 2.01, "hello everyone"), (2.01, 4.01, "welcome to the"), (4.01, 6.0, "wedding")]


def test_captions_that_appear_word_by_word_become_one_cue() -> None:
    assert said(
        RawCue(0.0, 0.5, ("the",)), RawCue(0.5, 1.0, ("the bride",)), RawCue(1.0, 2.0, ("the bride walks",))
    ) == [(0.0, 2.0, "the bride walks")]


def test_a_second_line_that_grows_under_the_first_is_not_said_twice() -> None:
    assert [
        text
        for _, _, text in said(
            RawCue(0.0, 1.0, ("one line",)),
            RawCue(1.0, 1.2, ("one line", "then")),
            RawCue(1.2, 1.6, ("one line", "then another")),
        )
    ] == ["one line", "then another"]


def test_layers_of_the_same_text_are_one_cue() -> None:
    assert said(
        RawCue(1.0, 3.0, ("Hello",)),
        RawCue(1.0, 3.0, ("SHOP",)),
        RawCue(1.0, 3.0, ("Hello",)),
        RawCue(3.0, 3.5, ("Hello",)),
    ) == [(1.0, 3.5, "Hello"), (1.0, 3.0, "SHOP")]


def test_a_line_said_again_after_a_pause_is_kept() -> None:
    assert len(said(RawCue(1.0, 2.0, ("No.",)), RawCue(5.0, 6.0, ("No.",)))) == 2


def test_a_word_that_only_begins_alike_is_a_new_line() -> None:
    assert [text for *_, text in said(RawCue(0, 1, ("No",)), RawCue(1, 2, ("Now go",)))] == ["No", "Now go"]


def test_times_are_put_in_order() -> None:
    assert said(
        RawCue(10.0, 12.0, ("later",)),
        RawCue(-1.0, 2.0, ("begins before",)),
        RawCue(-9.0, -4.0, ("long gone",)),
        RawCue(5.0, 3.0, ("backwards",)),
        RawCue(20.0, 359999.0, ("never ends",)),
    ) == [(0.0, 2.0, "begins before"), (5.0, 9.0, "backwards"), (10.0, 12.0, "later"), (20.0, 80.0, "never ends")]


def test_times_count_from_the_start_of_the_container() -> None:
    assert normalize_cues([RawCue(11.5, 12.0, ("hi",))], zero=10.0) == (Cue(1.5, 2.0, "hi"),)


def test_merged_says_what_two_files_share_once_and_stops_at_the_end_of_the_video() -> None:
    first = (Cue(1.0, 2.0, "one"), Cue(5.0, 9.0, "two"))
    second = (Cue(1.2, 2.2, "one"), Cue(3.0, 4.0, "uno"), Cue(30.0, 31.0, "of another film"))
    assert merge_cues(first, second, duration=8.0) == (Cue(1.0, 2.0, "one"), Cue(3.0, 4.0, "uno"), Cue(5.0, 8.0, "two"))
