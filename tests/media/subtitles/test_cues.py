from vidlocal.media.subtitles.cues import RawCue, merge_cues, normalize_cues
from vidlocal.records import Cue


def normalized(*raw_cues: RawCue) -> list[tuple[float, float, str]]:
    return [(cue.start, cue.end, cue.text) for cue in normalize_cues(raw_cues)]


def test_rolling_captions_give_each_line_once() -> None:
    # Format of YouTube: the old line above, the new one below, with a step of 10 ms in between.
    assert normalized(
        RawCue(0.0, 2.0, ("hello everyone",)),
        RawCue(2.0, 2.01, ("hello everyone",)),
        RawCue(2.01, 4.0, ("hello everyone", "welcome to the")),
        RawCue(4.0, 4.01, ("welcome to the",)),
        RawCue(4.01, 6.0, ("welcome to the", "wedding")),
    ) == [(0.0, 2.01, "hello everyone"), (2.01, 4.01, "welcome to the"), (4.01, 6.0, "wedding")]


def test_word_by_word_captions_become_one_cue() -> None:
    assert normalized(
        RawCue(0.0, 0.5, ("the",)), RawCue(0.5, 1.0, ("the bride",)), RawCue(1.0, 2.0, ("the bride walks",))
    ) == [(0.0, 2.0, "the bride walks")]


def test_a_second_line_shown_word_by_word_is_not_repeated() -> None:
    assert [
        text
        for _, _, text in normalized(
            RawCue(0.0, 1.0, ("one line",)),
            RawCue(1.0, 1.2, ("one line", "then")),
            RawCue(1.2, 1.6, ("one line", "then another")),
        )
    ] == ["one line", "then another"]


def test_layers_of_the_same_text_are_one_cue() -> None:
    assert normalized(
        RawCue(1.0, 3.0, ("Hello",)),
        RawCue(1.0, 3.0, ("SHOP",)),
        RawCue(1.0, 3.0, ("Hello",)),
        RawCue(3.0, 3.5, ("Hello",)),
    ) == [(1.0, 3.5, "Hello"), (1.0, 3.0, "SHOP")]


def test_a_line_repeated_after_a_pause_is_kept() -> None:
    assert len(normalized(RawCue(1.0, 2.0, ("No.",)), RawCue(5.0, 6.0, ("No.",)))) == 2


def test_a_longer_word_with_the_same_start_is_a_new_line() -> None:
    assert [text for *_, text in normalized(RawCue(0, 1, ("No",)), RawCue(1, 2, ("Now go",)))] == ["No", "Now go"]


def test_cues_are_sorted_by_time() -> None:
    assert normalized(
        RawCue(10.0, 12.0, ("later",)),
        RawCue(-1.0, 2.0, ("begins before",)),
        RawCue(-9.0, -4.0, ("long gone",)),
        RawCue(5.0, 3.0, ("backwards",)),
        RawCue(20.0, 359999.0, ("never ends",)),
    ) == [(0.0, 2.0, "begins before"), (5.0, 9.0, "backwards"), (10.0, 12.0, "later"), (20.0, 80.0, "never ends")]


def test_times_count_from_the_start_of_the_container() -> None:
    assert normalize_cues([RawCue(11.5, 12.0, ("hi",))], zero=10.0) == (Cue(1.5, 2.0, "hi"),)


def test_merging_removes_duplicates_and_cues_after_the_end_of_the_video() -> None:
    first = (Cue(1.0, 2.0, "one"), Cue(5.0, 9.0, "two"))
    second = (Cue(1.2, 2.2, "one"), Cue(3.0, 4.0, "uno"), Cue(30.0, 31.0, "of another film"))
    assert merge_cues(first, second, duration=8.0) == (Cue(1.0, 2.0, "one"), Cue(3.0, 4.0, "uno"), Cue(5.0, 8.0, "two"))


def test_rolling_captions_of_joined_lines_give_each_word_once() -> None:
    texts = [
        "hello everyone",
        "hello everyone welcome to the",
        "welcome to the wedding of",
        "the wedding of Ann and Tom",
    ]
    rolling = [RawCue(2.0 * number, 2.0 * number + 2.0, (text,)) for number, text in enumerate(texts)]
    assert " ".join(text for *_, text in normalized(*rolling)) == "hello everyone welcome to the wedding of Ann and Tom"


def test_a_few_repeated_words_are_kept() -> None:
    spoken = ["I do not know", "not know what you mean", "Come here", "Over there", "No", "Never"]
    cues = [RawCue(2.0 * number, 2.0 * number + 2.0, (text,)) for number, text in enumerate(spoken)]
    assert [text for *_, text in normalized(*cues)] == spoken
