"""Lines of speech are split at changes of the speaker."""

from dataclasses import replace

import pytest

from tests.support.text_videos import add_video
from vidlocal.records import Passage, PassageKind, TimedPassage, Word
from vidlocal.store.content import passages, speakers, word_times
from vidlocal.store.content.turn_splits import split_at_turns, split_line
from vidlocal.store.content.turns import Turn, Turns
from vidlocal.store.database import Library


def spoken(text: str, *, start: float = 0.0, each: float = 0.5) -> TimedPassage:
    """A line with half a second per word."""
    words = tuple(Word(word, start + each * n, start + each * (n + 1)) for n, word in enumerate(text.split()))
    return TimedPassage(Passage(start, start + each * len(words), PassageKind.SPEECH, text, "en", "whisper.cpp"), words)


@pytest.mark.parametrize(
    ("turns", "parts"),
    [
        ([(0.0, 2.0, 1), (2.0, 4.0, 2)], [(0.0, 2.0, "Where is the cake?"), (2.0, 4.0, "In the kitchen, Mary.")]),
        ([(0.0, 2.4, 1), (2.4, 4.0, 2)], [(0.0, 2.0, "Where is the cake?"), (2.0, 4.0, "In the kitchen, Mary.")]),
        ([(0.0, 1.5, 1), (1.6, 4.0, 2)], [(0.0, 2.0, "Where is the cake?"), (2.0, 4.0, "In the kitchen, Mary.")]),
        ([(0.0, 4.0, 1)], [(0.0, 4.0, "Where is the cake? In the kitchen, Mary.")]),
        ([(0.0, 3.5, 1), (3.5, 4.0, 2)], [(0.0, 4.0, "Where is the cake? In the kitchen, Mary.")]),
        ([(9.0, 12.0, 1)], [(0.0, 4.0, "Where is the cake? In the kitchen, Mary.")]),
        ([], [(0.0, 4.0, "Where is the cake? In the kitchen, Mary.")]),
    ],
)
def test_words_go_with_their_voice_and_sentences_stay_whole(
    turns: list[Turn], parts: list[tuple[float, float, str]]
) -> None:
    split = split_line(spoken("Where is the cake? In the kitchen, Mary."), turns)
    assert [(part.passage.start, part.passage.end, part.passage.text) for part in split] == parts
    assert [word for part in split for word in part.words] == list(
        spoken("Where is the cake? In the kitchen, Mary.").words
    )


def test_three_turns_are_three_parts() -> None:
    split = split_line(spoken("a b c d e f"), [(0.0, 1.0, 1), (1.0, 2.0, 2), (2.0, 3.0, 1)])
    assert [part.passage.text for part in split] == ["a b", "c d", "e f"]


def test_words_that_are_not_in_the_text_split_nothing() -> None:
    line = spoken("a b c d")
    other = replace(line, passage=replace(line.passage, text="something else"))
    turns = [(0.0, 1.0, 1), (1.0, 2.0, 2)]
    assert split_line(other, turns) == [other]
    assert split_line(TimedPassage(line.passage), turns) == [TimedPassage(line.passage)]


def add_voices(library: Library, video_id: int, *turns: tuple[float, float]) -> None:
    for turn in turns:
        voice_id = speakers.add_voice(library, video_id, speakers.add(library, None))
        with library.writing() as connection:
            connection.execute('INSERT INTO turns (voice_id, start, "end") VALUES (?, ?, ?)', (voice_id, *turn))


def stored(library: Library, *lines: TimedPassage, digest: str | None = "d") -> int:
    video_id, _ = add_video(library, "talk", [])
    items, words = [line.passage for line in lines], [line.words for line in lines]
    passages.add(library, video_id, items, digest=digest, words=words)
    return video_id


def test_a_transcript_is_stored_again_in_order_with_words_and_speakers(library: Library) -> None:
    first, second = spoken("Where is it? In the kitchen."), spoken("Thank you very much.", start=5.0)
    video_id = stored(library, first, second)
    add_voices(library, video_id, (0.0, 1.5), (1.5, 8.0))
    assert split_at_turns(library, video_id) == 1
    lines = passages.of_video(library, video_id)
    assert [(line.text, line.speaker) for line in lines] == [
        ("Where is it?", "Speaker 1"),
        ("In the kitchen.", "Speaker 2"),
        ("Thank you very much.", "Speaker 2"),
    ]
    assert [line.id for line in lines] == sorted(line.id or 0 for line in lines)
    assert [word.text for word in word_times.of_passage(library, lines[1])] == ["In", "the", "kitchen."]
    assert library.number("SELECT count(DISTINCT digest) FROM passages WHERE digest = 'd'") == 1
    assert split_at_turns(library, video_id) == 0


def test_corrections_and_named_transcripts_stay_whole(library: Library) -> None:
    line = spoken("Where is it? In the kitchen.")
    video_id = stored(library, line)
    (passage,) = passages.of_video(library, video_id)
    passages.rewrite(library, passage, "Where is it? In the kitchen!")
    add_voices(library, video_id, (0.0, 1.5), (1.5, 8.0))
    assert split_at_turns(library, video_id) == 0
    named = TimedPassage(replace(line.passage, speaker="Anna"), line.words)
    passages.add(library, video_id, [named.passage, replace(line.passage, start=9.0, end=12.0)], words=[line.words] * 2)
    assert split_at_turns(library, video_id) == 0


def test_spans_are_found_by_time() -> None:
    turns = Turns([(5.0, 6.0, 2), (0.0, 10.0, 1), (9.0, 12.0, 2)])
    assert turns.between(5.5, 9.0) == [(0.0, 10.0, 1), (5.0, 6.0, 2)]
    assert turns.between(6.0, 9.0) == [(0.0, 10.0, 1)]
    assert turns.shares(5.5, 11.0) == {1: 4.5, 2: 2.5}
    assert turns.owners == {1, 2}
    assert Turns([]).shares(0.0, 9.0) == {}
