from vidlocal.media.cue_times import clip_to_speech, shifted
from vidlocal.records import Cue, Word


def test_a_cue_takes_the_ends_of_the_speech_below_it() -> None:
    cue = clip_to_speech(Cue(0.8, 4.9, "hello there"), [(1.0, 2.5), (2.9, 4.0), (7.0, 8.0)])
    assert cue == Cue(1.0, 4.0, "hello there")


def test_a_cue_begun_in_the_sentence_before_is_not_cut() -> None:
    cue = clip_to_speech(Cue(2.0, 3.0, "there"), [(1.0, 3.0)])
    assert cue == Cue(2.0, 3.0, "there")


def test_a_cue_far_from_any_speech_is_dropped() -> None:
    assert clip_to_speech(Cue(10.0, 12.0, "Thank you."), [(1.0, 3.0)]) is None
    assert clip_to_speech(Cue(10.0, 12.0, "Thank you."), []) is None


def test_words_after_a_pause_begin_with_the_speech() -> None:
    words = (Word("one", 0.0, 1.4), Word("two", 1.4, 6.5), Word("three", 6.5, 9.0))
    cue = clip_to_speech(Cue(0.0, 9.0, "one two three", words=words), [(1.0, 1.8), (6.0, 7.0)])
    assert cue is not None
    assert (cue.start, cue.end) == (1.0, 7.0)
    assert cue.words == (Word("one", 1.0, 1.4), Word("two", 6.0, 6.5), Word("three", 6.5, 7.0))


def test_a_pause_before_or_after_the_words_does_not_belong_to_the_cue() -> None:
    words = (Word("one", 0.0, 6.4), Word("two", 6.4, 6.8))
    cue = clip_to_speech(Cue(0.0, 12.0, "one two", words=words), [(1.0, 2.0), (6.0, 7.0), (11.0, 12.0)])
    assert cue is not None
    assert (cue.start, cue.end) == (6.0, 7.0)


def test_words_move_with_their_cue() -> None:
    cue = shifted(Cue(1.0, 2.0, "one", words=(Word("one", 1.0, 2.0),)), 10.0)
    assert cue == Cue(11.0, 12.0, "one", words=(Word("one", 11.0, 12.0),))


def test_a_cue_within_a_span_begins_after_the_pause_before_its_first_word() -> None:
    words = (Word("Come", 2.0, 2.6), Word("in", 2.6, 3.0))
    cue = clip_to_speech(
        Cue(2.0, 3.0, "Come in", words=words), [(1.0, 3.0)], [(1.0, 2.1), (2.35, 2.44), (2.5, 2.7), (2.75, 3.0)]
    )
    assert cue == Cue(2.35, 3.0, "Come in", words=(Word("Come", 2.35, 2.6), Word("in", 2.6, 3.0)))
