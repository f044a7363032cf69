"""Stop words: function words only, of English and of the languages in the library."""

from tests.support.text_videos import add_video
from vidlocal.records import Passage, PassageKind
from vidlocal.search.run import search
from vidlocal.store.database import Library
from vidlocal.store.index.stop_words import of_languages, of_library


def texts(library: Library, query: str) -> list[str]:
    return [moment.text for moment in search(library, query).moments]


def add(library: Library, *lines: str, language: str | None = None) -> None:
    passages = [
        Passage(60.0 * number, 60.0 * number + 3, PassageKind.SUBTITLE, line, language)
        for number, line in enumerate(lines)
    ]
    add_video(library, f"video {language}", passages)


def test_words_people_search_for_are_no_stop_words() -> None:
    everything = of_languages(frozenset({"en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "pl", "ru"}))
    assert not {"home", "work", "new", "see", "house", "casa", "haus", "maison", "will", "may"} & everything


def test_stop_words_alone_make_no_hit(library: Library) -> None:
    add(library, "The sun goes down behind the sea.", "A boat sails home.")
    assert texts(library, "bride walks down the aisle") == []
    assert texts(library, "the boat is down there") == ["A boat sails home."]
    result = search(library, "the")
    assert (result.moments, result.notice) == ((), "'the' is too common to search for. Add a word.")


def test_a_query_of_several_stop_words_is_a_phrase(library: Library) -> None:
    add(library, "To be or not to be, that is the question.", "To be honest, it is not for me.")
    assert texts(library, "to be or not to be") == ["To be or not to be, that is the question."]
    assert texts(library, '"to be or not"') == ["To be or not to be, that is the question."]


def test_stop_words_follow_the_languages_of_the_library(library: Library) -> None:
    add(library, "Der Hund schläft unter dem Tisch.", language="de")
    assert "unter" in of_library(library)
    assert texts(library, "Katze unter dem Dach") == []
    assert texts(library, "Hund unter dem Dach") == ["Der Hund schläft unter dem Tisch."]
