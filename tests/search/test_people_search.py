"""Search by visible people."""

import pytest

from tests.support.seen_people import add_video
from vidlocal.records import Passage, PassageKind
from vidlocal.search.people_search import find_names
from vidlocal.search.run import search
from vidlocal.store.content import people
from vidlocal.store.database import Library

SCENE, SPEECH = PassageKind.SCENE, PassageKind.SPEECH


@pytest.fixture
def party(library: Library) -> int:
    """Anna is seen from 0 and from 60, Tom from 4 and from 100, Eve from 70 s on."""
    return add_video(
        library,
        "party",
        {"Anna Smith": [(0, 10), (60, 70)], "Tom": [(4, 20), (100, 110)], "Eve": [(80, 90)]},
        Passage(2, 4, SCENE, "A woman in a red dress dances."),
        Passage(6, 8, SPEECH, "Where is the cake?"),
        Passage(16, 18, SCENE, "A man dances on a table."),
        Passage(62, 64, SCENE, "A woman cuts a cake."),
        Passage(104, 106, SCENE, "A man eats the cake."),
    )


def spans(library: Library, query: str) -> list[tuple[float, float]]:
    return sorted((moment.start, moment.end) for moment in search(library, query).moments)


def test_texts_while_a_person_is_seen(library: Library, party: int) -> None:
    assert spans(library, "person:anna cake") == [(6, 8), (62, 64)]
    assert spans(library, "person:tom cake") == [(6, 8), (104, 106)]
    assert spans(library, "cake -person:anna") == [(104, 106)]
    assert spans(library, "person:anna person:tom cake") == [(6, 8)]


def test_people_alone_are_found_without_any_text(library: Library) -> None:
    add_video(library, "silent", {"Anna": [(0, 10)], "Tom": [(4, 20), (60, 64)]})
    (moment,) = search(library, "person:anna").moments
    assert (moment.start, moment.end, moment.text, moment.kinds) == (0, 10, "Anna", (PassageKind.PICTURE,))
    assert spans(library, "person:anna person:tom") == [(4, 10)]
    assert search(library, "person:anna person:tom").moments[0].text == "Anna, Tom"
    assert spans(library, "person:tom -person:anna") == [(60, 64)]
    assert spans(library, "person:tom at:0:50-1:10") == [(60, 64)]
    assert spans(library, "person:tom kind:speech") == []


def test_two_people_in_different_frames_of_one_moment(library: Library) -> None:
    add_video(library, "talk", {"Anna": [(0, 20)], "Tom": [(30, 60)], "Eve": [(80, 100)]})
    (moment,) = search(library, "person:anna person:tom").moments
    assert (moment.start, moment.end) == (15, 35)
    assert spans(library, "person:anna person:eve") == []


def test_a_name_among_the_words_brings_the_moments_of_this_person_first(library: Library, party: int) -> None:
    found = search(library, "anna dances").moments
    assert (found[0].start, found[0].end) == (2, 4)
    assert found[0].score > max((moment.score for moment in found[1:]), default=0)
    assert search(library, "Tom dances").moments[0].start == 16
    assert search(library, "Anna's cake").moments[0].start in (6, 62)


def test_a_name_alone_finds_the_person(library: Library, party: int) -> None:
    assert (60, 70) in spans(library, "anna")
    assert (80, 90) in spans(library, "eve")
    add_video(library, "talk", {}, Passage(5, 8, SPEECH, "Eve is late."))
    found = search(library, "where is eve").moments
    assert [moment.video_title for moment in found] == ["party", "talk"]
    assert found[0].score > found[1].score


def test_passages_about_a_person_are_still_hits(library: Library, party: int) -> None:
    add_video(library, "call", {}, Passage(1, 3, SPEECH, "Anna dances beautifully."))
    assert {moment.video_id for moment in search(library, "anna dances").moments} == {1, 2}


def test_unknown_people_match_nothing_with_a_notice(library: Library, party: int) -> None:
    result = search(library, "person:zoe cake")
    assert result.moments == ()
    assert result.notice is not None
    assert "No person matches 'zoe'. Run: vidlocal people" in result.notice
    assert spans(library, "cake -person:zoe") == spans(library, "cake")


def test_a_number_is_a_person_too(library: Library, party: int) -> None:
    tom = people.resolve(library, "tom")
    assert spans(library, f"person:{tom} cake") == spans(library, "person:tom cake")


def test_names_among_words(library: Library, party: int) -> None:
    add_video(library, "other", {"Anna Jones": [(0, 2)], "Mary Ann": [(4, 6)]})
    ids = {person.name: person.id for person in people.every(library)}
    named = find_names(library, "anna Smith and Tom's dog, ann mary")
    assert named is not None
    assert set(named.people) == {
        frozenset({ids["Anna Smith"]}),
        frozenset({ids["Tom"]}),
        frozenset({ids["Mary Ann"]}),
    }
    assert named.words == "and dog,"
    both = find_names(library, "anna")
    assert both is not None
    assert both.people == (frozenset({ids["Anna Smith"], ids["Anna Jones"]}),)
    assert find_names(library, "the cake") is None
    add_video(library, "third", {"Wilhelmina de Vries": [(8, 10)]})
    assert find_names(library, "boda de plata") is None
    assert find_names(library, "vries") is not None


def test_all_appearances_of_a_person_have_the_same_score(library: Library) -> None:
    add_video(library, "a", {"Anna": [(0, 4), (40, 44), (80, 84)]})
    add_video(library, "b", {"Anna": [(0, 4)]})
    assert [moment.score for moment in search(library, "person:anna").moments] == [1.0] * 4
