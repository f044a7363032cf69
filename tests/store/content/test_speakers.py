"""Speakers over all videos, by names in transcripts and by turns."""

import pytest

from tests.support.text_videos import add_video
from vidlocal.errors import UsageError
from vidlocal.records import Passage, PassageKind
from vidlocal.store.content import deleted_passages, passages, speakers, videos
from vidlocal.store.database import Library
from vidlocal.store.index import speaker_names


def line(at: float, text: str, speaker: str | None = None, *, seconds: float = 4.0) -> Passage:
    return Passage(at, at + seconds, PassageKind.SPEECH, text, speaker=speaker)


def said(library: Library, video_id: int) -> dict[str, str | None]:
    return {passage.text: passage.speaker for passage in passages.of_video(library, video_id)}


def add_turns(library: Library, video_id: int, *turns: tuple[float, float]) -> int:
    """Add a voice of a new speaker with these turns. Returns the number of the speaker."""
    speaker_id = speakers.add(library, None)
    voice_id = speakers.add_voice(library, video_id, speaker_id)
    with library.writing() as connection:
        connection.executemany(
            'INSERT INTO turns (voice_id, start, "end") VALUES (?, ?, ?)', [(voice_id, *turn) for turn in turns]
        )
    return speaker_id


def test_a_name_is_the_same_speaker_in_all_videos(library: Library) -> None:
    first, _ = add_video(library, "one", [line(0, "Come in!", "Anna"), line(5, "Hello.", "Tom")])
    second, _ = add_video(library, "two", [line(0, "Cut the cake!", " ANNA ")])
    assert said(library, first) == {"Come in!": "Anna", "Hello.": "Tom"}
    assert said(library, second) == {"Cut the cake!": "Anna"}
    listed = [(speaker.name, speaker.videos, speaker.passages, speaker.seconds) for speaker in speakers.every(library)]
    assert listed == [("Anna", 2, 2, 8.0), ("Tom", 1, 1, 4.0)]


def test_a_name_is_one_printable_line(library: Library) -> None:
    video_id, _ = add_video(library, "one", [line(0, "a", "\x1b[31mAnna\n\u202e Bell\0")])
    assert said(library, video_id) == {"a": "[31mAnna Bell\ufffd"}
    video_id, _ = add_video(library, "two", [line(0, "b", "\x1b")])
    assert said(library, video_id) == {"b": None}


@pytest.mark.parametrize("label", ["SPEAKER_00", "Speaker A", "speaker 1", "unknown", "3"])
def test_a_label_without_a_name_means_a_speaker_of_this_video_only(library: Library, label: str) -> None:
    for title in ("one", "two"):
        add_video(library, title, [line(0, "Come in!", label), line(5, "Hello.", label)])
    assert [(speaker.is_named, speaker.passages) for speaker in speakers.every(library)] == [(False, 2)] * 2


def test_a_renamed_speaker_keeps_the_name_in_later_transcripts(library: Library) -> None:
    add_video(library, "one", [line(0, "Come in!", "Anna")])
    speakers.rename(library, speakers.resolve(library, "anna"), "Aunt Anna")
    later, _ = add_video(library, "two", [line(0, "Hello.", "Anna")])
    assert said(library, later) == {"Hello.": "Aunt Anna"}


@pytest.mark.parametrize("name", ["", " ", "!!", "12", "x" * 81, "\x1b\n"])
def test_invalid_names_are_refused(library: Library, name: str) -> None:
    add_video(library, "one", [line(0, "Come in!", "SPEAKER_00")])
    with pytest.raises(UsageError):
        speakers.rename(library, 1, name)


def test_a_name_of_another_speaker_asks_for_a_merge(library: Library) -> None:
    add_video(library, "one", [line(0, "Come in!", "Anna"), line(5, "Hello.", "SPEAKER_00")])
    with pytest.raises(UsageError, match="merge 1 2"):
        speakers.rename(library, 2, "anna")


def test_speakers_are_known_by_number_and_part_of_the_name(library: Library) -> None:
    add_video(library, "one", [line(0, "a", "Aunt Mary"), line(5, "b", "Mary"), line(9, "c", "SPEAKER_00")])
    assert speakers.resolve(library, "aunt") == 1
    assert speakers.resolve(library, "mary") == 2
    assert speakers.resolve(library, "3") == speakers.resolve(library, "speaker 3") == 3
    assert speaker_names.matching(library, "mary") == {1, 2}
    with pytest.raises(UsageError, match="No speaker 'tom'"):
        speakers.resolve(library, "tom")
    speakers.rename(library, 2, "Mary Ann")
    with pytest.raises(UsageError, match="Several speakers match 'mary': 1 Aunt Mary, 2 Mary Ann"):
        speakers.resolve(library, "mary")


def test_a_merge_is_undone_with_names(library: Library) -> None:
    video_id, _ = add_video(library, "one", [line(0, "a", "SPEAKER_00"), line(5, "b", "Anna"), line(9, "c", "Tom")])
    speakers.merge(library, 1, [2, 3, 1])
    assert said(library, video_id) == dict.fromkeys("abc", "Anna")
    assert [speaker.id for speaker in speakers.every(library)] == [1]
    speakers.rename(library, 1, "Everybody")
    assert speakers.undo(library)
    assert speakers.undo(library)
    assert said(library, video_id) == {"a": "Speaker 1", "b": "Anna", "c": "Tom"}
    assert not speakers.undo(library)


def test_a_split_makes_the_voice_of_one_video_another_speaker(library: Library) -> None:
    first, _ = add_video(library, "one", [line(0, "a", "Anna")])
    second, _ = add_video(library, "two", [line(0, "b", "Anna")])
    new = speakers.split(library, 1, second)
    assert (said(library, first), said(library, second)) == ({"a": "Anna"}, {"b": f"Speaker {new}"})
    assert speakers.undo(library)
    assert said(library, second) == {"b": "Anna"}
    with pytest.raises(UsageError, match="not in this video"):
        speakers.split(library, 1, 99)
    videos.remove(library, second)
    with pytest.raises(UsageError, match="in no other video"):
        speakers.split(library, 1, first)


def test_a_change_whose_voices_are_gone_is_undone_as_far_as_possible(library: Library) -> None:
    add_video(library, "one", [line(0, "a", "Anna")])
    second, _ = add_video(library, "two", [line(0, "b", "Tom")])
    speakers.merge(library, 1, [2])
    videos.remove(library, second)
    assert speakers.undo(library)
    assert [speaker.name for speaker in speakers.every(library)] == ["Anna"]
    assert library.rows("PRAGMA foreign_key_check") == []


def test_a_speaker_ends_with_the_last_voice(library: Library) -> None:
    first, _ = add_video(library, "one", [line(0, "a", "Anna")])
    _, ids = add_video(library, "two", [line(0, "b", "Tom")])
    videos.remove(library, first)
    assert [speaker.name for speaker in speakers.every(library)] == ["Tom"]
    only = passages.get(library, ids[0])
    assert only is not None
    passages.delete(library, only)
    assert library.number("SELECT (SELECT count(*) FROM speakers) + (SELECT count(*) FROM voices)") == 0


def test_forgetting_leaves_no_byte_of_a_speaker(library: Library) -> None:
    video_id, _ = add_video(library, "one", [line(0, "a", "Xanthippe"), line(5, "b", "Tom")])
    speakers.rename(library, 1, "Xanthippe the Elder")
    assert speakers.forget(library, [1]) == 1
    videos.purge_deleted(library)
    assert b"Xanthippe" not in library.path.read_bytes()
    assert said(library, video_id) == {"a": None, "b": "Tom"}
    assert not speakers.undo(library)
    assert speakers.forget(library, None) == 1
    assert speakers.every(library) == []


def test_an_interrupted_forgetting_is_finished_later(library: Library) -> None:
    add_video(library, "one", [line(0, "a", "Xanthippe"), line(5, "b", "Tom")])
    speakers.forget(library, [1])
    assert videos.finish_purge(library)
    assert b"Xanthippe" not in library.path.read_bytes()
    assert not videos.finish_purge(library)


def test_a_purged_video_takes_the_names_along(library: Library) -> None:
    video_id, _ = add_video(library, "one", [line(0, "a", "Xanthippe")])
    speakers.rename(library, 1, "Xanthippe the Elder")
    videos.remove(library, video_id, purge=True)
    assert b"Xanthippe" not in library.path.read_bytes()


def test_a_passage_has_the_voice_with_most_of_its_time(library: Library) -> None:
    texts = [line(0, "a"), line(4, "b"), line(30, "c"), Passage(0, 9, PassageKind.SCENE, "A room.")]
    video_id, _ = add_video(library, "one", [*texts, line(4, "named", "Anna")])
    first = add_turns(library, video_id, (0, 1), (2, 4.5))
    second = add_turns(library, video_id, (1, 2), (4.5, 9))
    speakers.assign(library, video_id)
    one, two = f"Speaker {first}", f"Speaker {second}"
    assert said(library, video_id) == {"a": one, "b": two, "c": None, "A room.": None, "named": "Anna"}


def test_a_new_transcript_has_the_speakers_of_the_turns(library: Library) -> None:
    video_id, _ = add_video(library, "one", [line(0, "a")])
    speaker_id = add_turns(library, video_id, (0, 9))
    speakers.assign(library, video_id)
    passages.delete_transcript(library, video_id)
    passages.add(library, video_id, [line(1, "again"), line(20, "somebody else")])
    assert said(library, video_id) == {"again": f"Speaker {speaker_id}", "somebody else": None}


def test_a_deleted_and_restored_passage_has_its_speaker_again(library: Library) -> None:
    video_id, ids = add_video(library, "one", [line(0, "a", "Anna"), line(5, "b", "Anna")])
    before = deleted_passages.copy_rows(library, ids[0])
    passage = passages.get(library, ids[0])
    assert passage is not None
    passages.delete(library, passage)
    deleted_passages.restore(library, before)
    assert said(library, video_id)["a"] == "Anna"
    passages.rewrite(library, passage, "A!")
    assert said(library, video_id)["A!"] == "Anna"
