"""Speakers as people: links by hand, and proposals by appearances."""

import pytest

from tests.support import seen_people
from vidlocal.errors import UsageError
from vidlocal.records import Passage, PassageKind
from vidlocal.store.content import passages, people, speakers
from vidlocal.store.content.speaking_people import likely_people
from vidlocal.store.database import Library


def test_a_speaker_who_is_a_person_has_that_name(library: Library) -> None:
    first = seen_people.add_video(library, "wedding", {"Anna": [(0, 20)], "Tom": [(10, 30)]}, *lines())
    anna = people.resolve(library, "anna")
    speakers.link(library, 1, anna)
    assert [(speaker.name, speaker.is_named, speaker.person_id) for speaker in speakers.every(library)] == [
        ("Mary", True, None),
        ("Anna", True, anna),
    ]
    assert speakers.resolve(library, "anna") == 1
    people.rename(library, anna, "Anna Berg")
    assert {passage.speaker for passage in passages.of_video(library, first)} == {"Anna Berg", "Mary"}
    with pytest.raises(UsageError, match=f"run: vidlocal people name {anna} NAME"):
        speakers.rename(library, 1, "Eve")
    people.merge(library, people.resolve(library, "tom"), [anna])
    assert [speaker.name for speaker in speakers.every(library)] == ["Mary", "Tom"]
    people.forget(library, [people.resolve(library, "tom")])
    assert [speaker.name for speaker in speakers.every(library)] == ["Mary", "Speaker 1"]


def test_a_link_is_undone_and_survives_a_merge(library: Library) -> None:
    seen_people.add_video(library, "wedding", {"Anna": [(0, 20)]}, *lines())
    anna = people.resolve(library, "anna")
    speakers.link(library, 1, anna)
    speakers.merge(library, 2, [1])
    assert [(speaker.id, speaker.name) for speaker in speakers.every(library)] == [(2, "Anna")]
    assert speakers.undo(library)
    assert [speaker.name for speaker in speakers.every(library)] == ["Mary", "Anna"]
    assert speakers.undo(library)
    assert [speaker.name for speaker in speakers.every(library)] == ["Mary", "Speaker 1"]


def test_the_undo_of_a_merge_gives_the_speaker_back(library: Library) -> None:
    seen_people.add_video(library, "wedding", {"Anna": [(0, 20)], "Tom": [(10, 30)]}, *lines())
    anna, tom = people.resolve(library, "anna"), people.resolve(library, "tom")
    speakers.link(library, 1, anna)
    people.merge(library, tom, [anna])
    assert people.undo(library)
    assert speakers.every(library)[1].person_id == anna
    people.confirm(library, tom, people.track_ids(library, anna))  # Anna has no face left
    assert people.undo(library)
    assert speakers.every(library)[1].person_id == anna


def test_the_undo_of_a_merge_keeps_a_link_made_since(library: Library) -> None:
    seen_people.add_video(library, "wedding", {"Anna": [(0, 20)], "Tom": [(10, 30)], "Eve": [(20, 40)]}, *lines())
    anna, tom, eve = (people.resolve(library, name) for name in ("anna", "tom", "eve"))
    speakers.link(library, 1, tom)
    people.merge(library, tom, [anna])
    speakers.link(library, 1, eve)
    assert people.undo(library)
    assert speakers.every(library)[1].person_id == eve


def test_the_undo_leaves_out_people_who_are_gone(library: Library) -> None:
    seen_people.add_video(library, "wedding", {"Anna": [(0, 20)], "Tom": [(10, 30)]}, *lines())
    anna, tom = people.resolve(library, "anna"), people.resolve(library, "tom")
    people.reject(library, anna, people.track_ids(library, tom))
    with library.writing() as connection:  # as another grouping may do
        connection.execute("UPDATE face_tracks SET person_id = NULL WHERE person_id = ?", (tom,))
        connection.execute("DELETE FROM people WHERE id = ?", (tom,))
    assert people.undo(library)


def lines() -> list[Passage]:
    """Speech during appearances of Anna, and Mary's voice from off screen."""
    unnamed = [Passage(2.0 * n, 2.0 * n + 2, PassageKind.SPEECH, f"line {n}", speaker="SPEAKER_00") for n in range(8)]
    return [*unnamed, Passage(40, 60, PassageKind.SPEECH, "This was the day", speaker="Mary")]


def test_people_visible_during_speech_are_proposed(library: Library) -> None:
    seen_people.add_video(library, "wedding", {"Anna": [(0, 16)], "Tom": [(0, 60)]}, *lines())
    [likely] = likely_people(library, limit=5)
    assert (likely.speaker_id, likely.person_id) == (1, people.resolve(library, "anna"))  # Tom is always seen
    assert (likely.share, likely.seconds) == (1.0, 16.0)
    speakers.link(library, 1, likely.person_id)
    assert likely_people(library, limit=5) == []


def test_a_few_seconds_together_are_no_reason(library: Library) -> None:
    seen_people.add_video(library, "wedding", {"Anna": [(0, 4)]}, *lines())
    assert likely_people(library, limit=5) == []
