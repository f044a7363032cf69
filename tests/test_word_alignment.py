"""Times of words from the timestamps that Whisper considers, and from pauses."""

import pytest

from vidlocal.records import Word
from vidlocal.word_alignment import HintedToken, Segment, align


def token(text: str, timestamp: float = 0.0, probability: float = 0.0) -> HintedToken:
    return HintedToken(text.encode(), timestamp, probability)


def times(words: tuple[Word, ...]) -> list[tuple[str, float, float]]:
    return [(word.text, round(word.start, 2), round(word.end, 2)) for word in words]


def test_a_word_begins_at_a_sure_timestamp() -> None:
    tokens = [token(" We"), token(" look", 0.9, 0.5), token(" up", 1.6, 0.5)]
    (words,) = align([Segment(0.0, 2.0, tokens)], [(0.0, 2.0)], 2.0)
    assert times(words) == [("We", 0.0, 0.9), ("look", 0.9, 1.6), ("up", 1.6, 2.0)]


@pytest.mark.parametrize("hint", [(1.9, 0.01), (9.0, 0.9)])
def test_unsure_and_impossible_timestamps_do_not_count(hint: tuple[float, float]) -> None:
    tokens = [token(" same"), token(" word", *hint), token(" size")]
    (words,) = align([Segment(0.0, 3.0, tokens)], [(0.0, 3.0)], 3.0)
    assert [word.start for word in words] == pytest.approx([0.0, 1.0, 2.0], abs=0.15)


def test_no_word_is_in_a_pause() -> None:
    tokens = [token(" before"), token(" after")]
    (words,) = align([Segment(0.0, 4.0, tokens)], [(0.0, 0.6), (3.4, 4.0)], 4.0)
    assert times(words) == [("before", 0.0, 0.6), ("after", 3.4, 4.0)]


def test_a_pause_follows_punctuation() -> None:
    tokens = [token(" one"), token(" two"), token("."), token(" three"), token(" four")]
    bursts = [(0.0, 0.5), (0.6, 1.1), (1.4, 1.9), (2.0, 2.4)]
    (words,) = align([Segment(0.0, 2.4, tokens)], bursts, 2.4)
    assert (round(words[1].end, 2), round(words[2].start, 2)) == (1.1, 1.4)


def test_longer_words_take_longer() -> None:
    tokens = [token(" a"), token(" considerable"), token(" effort")]
    (words,) = align([Segment(0.0, 1.5, tokens)], [(0.0, 1.5)], 1.5)
    lengths = [word.end - word.start for word in words]
    assert lengths[0] < lengths[2] < lengths[1]


def test_parts_of_words_and_letters_are_whole_words() -> None:
    tokens = [token(" ble"), token("ep"), token("."), HintedToken(b" \xc3", 0.0, 0.0), HintedToken(b"\xa9t", 0.0, 0.0)]
    (words,) = align([Segment(0.0, 1.0, tokens)], [(0.0, 1.0)], 1.0)
    assert [word.text for word in words] == ["bleep.", "\u00e9t"]


def test_every_segment_has_its_words_in_order() -> None:
    segments = [
        Segment(0.0, 1.0, [token(" one"), token(" two")]),
        Segment(1.0, 1.0, []),
        Segment(3.0, 4.0, [token(" three")]),
    ]
    first, none, last = align(segments, [(0.0, 1.0), (3.0, 4.0)], 4.0)
    assert (times(first)[0][1], times(first)[1][2], none) == (0.0, 1.0, ())
    assert times(last) == [("three", 3.0, 4.0)]


@pytest.mark.parametrize("bursts", [[], [(0.0, 0.1)], [(5.0, 9.0)]])
@pytest.mark.parametrize(("start", "end"), [(0.0, 0.0), (0.0, 0.5), (0.4, 0.2), (7.0, 9.0)])
def test_more_words_than_time_are_in_order_within_the_audio(
    start: float, end: float, bursts: list[tuple[float, float]]
) -> None:
    tokens = [token(f" word{number}", 0.3, 0.9) for number in range(200)]
    (words,) = align([Segment(start, end, tokens)], bursts, 0.5)
    assert len(words) == 200
    edges = [edge for word in words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert edges[0] >= 0.0
    assert edges[-1] <= 0.52


def test_without_segments_there_are_no_words() -> None:
    assert align([], [(0.0, 1.0)], 1.0) == []
