from pathlib import Path

import pytest

from tests.support.text_videos import add_video
from vidlocal.records import FileStamp, MediaKind, Passage, PassageKind, Probe, Word
from vidlocal.store.content import deleted_passages, passages, videos, word_times
from vidlocal.store.content.word_times import pack, unpack
from vidlocal.store.database import Library

TEXT = "So, the bride — walks: the aisle"
WORDS = (Word("So,", 60.0, 60.4), Word("the", 60.4, 60.5), Word("bride", 60.5, 61.0), Word("the", 70.0, 70.25))


def test_words_are_packed_in_8_bytes_each_and_come_back() -> None:
    packed = pack(TEXT, 60.0, WORDS)
    assert len(packed) == 1 + 8 * len(WORDS)
    words = unpack(TEXT, 60.0, packed)
    assert [word.text for word in words] == [word.text for word in WORDS]
    assert [word.start for word in words] == pytest.approx([word.start for word in WORDS], abs=0.01)
    assert [word.end for word in words] == pytest.approx([word.end for word in WORDS], abs=0.01)


def test_words_that_are_not_in_the_text_or_have_impossible_times_are_left_out() -> None:
    words = [
        Word("groom", 60.0, 60.1),
        Word("bride", 59.0, 61.0),
        Word("walks", 61.0, 60.0),
        Word("aisle", 62.0, 900.0),
    ]
    assert pack(TEXT, 60.0, words) == b""
    assert unpack(TEXT, 60.0, b"") == ()


@pytest.mark.parametrize("times", [b"\x02\0\0\0\0\0\0\0\0", b"\x01\0\0", b"\x01\0"])
def test_other_formats_have_no_words(times: bytes) -> None:
    assert unpack(TEXT, 0.0, times) == ()


def test_corrected_text_has_no_old_words(library: Library) -> None:
    video_id = videos.add(
        library,
        content_hash="a" * 64,
        path=Path("/v/talk.wav"),
        stamp=FileStamp(1, 1, 1),
        probe=Probe(MediaKind.AUDIO, 100.0),
        frame_drafts=[],
        text_passages=[],
        plan=[],
    )
    passage = Passage(60.0, 71.0, PassageKind.SPEECH, TEXT, engine="whisper.cpp", confidence=0.5)
    passages.add(library, video_id, [passage], words=[WORDS])
    (stored,) = passages.of_video(library, video_id, [PassageKind.SPEECH])
    assert stored.confidence == 0.5
    assert [word.text for word in word_times.of_passage(library, stored)] == ["So,", "the", "bride", "the"]
    passages.rewrite(library, stored, "So, the groom walks")
    assert word_times.of_passage(library, stored) == ()


@pytest.mark.parametrize("is_deleted", [False, True])
def test_an_undone_edit_or_deletion_brings_the_times_back(library: Library, is_deleted: bool) -> None:
    _, ids = add_video(library, "wedding", [Passage(60.0, 90.0, PassageKind.SPEECH, TEXT)])
    word_times.put(library, ids[0], TEXT, 60.0, WORDS)
    spoken = passages.get(library, ids[0])
    assert spoken is not None
    before = deleted_passages.copy_rows(library, ids[0])
    if is_deleted:
        passages.delete(library, spoken)
    else:
        passages.rewrite(library, spoken, "something else")
    deleted_passages.restore(library, before)
    assert passages.get(library, ids[0]) == spoken
    assert len(word_times.of_passage(library, spoken)) == len(WORDS)
