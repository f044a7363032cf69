import sqlite3
from collections.abc import Callable
from typing import Never

import numpy as np
import pytest

from tests.support import frame_vectors
from tests.support.text_videos import KEY, add_vectors, add_video, random_rows
from vidlocal.engines.served.query_vector import QueryVector
from vidlocal.errors import EngineUnreachable
from vidlocal.explanations import FrameExplanation, PassageExplanation
from vidlocal.records import Passage, PassageKind
from vidlocal.search.run import search
from vidlocal.search.verbatim import VERBATIM_SCORE
from vidlocal.store.database import Library

# A space of meaning with four directions.
DANCING, WATER, FOOD, CARS = np.eye(4, dtype=np.float32)


def asking(*values: float) -> Callable[[str], QueryVector]:
    return lambda text: QueryVector(KEY, values)


def never(text: str) -> Never:
    raise AssertionError("nobody should be asked")


def party(library: Library) -> dict[str, int]:
    """A video with passages of different meanings; ids by text."""
    meanings = {
        "The bride twirls with her father.": DANCING,
        "Guests swim in the lake.": WATER,
        "A cake is cut.": FOOD,
        "An old limousine arrives.": CARS,
    }
    _, ids = add_video(
        library,
        "party",
        [Passage(100.0 * n, 100.0 * n + 5, PassageKind.SCENE, text) for n, text in enumerate(meanings)],
    )
    add_vectors(library, ids, np.array(list(meanings.values())))
    return dict(zip(meanings, ids, strict=True))


def texts(library: Library, query: str, **more: object) -> list[str]:
    return [moment.text for moment in search(library, query, **more).moments]  # type: ignore[arg-type]


def test_words_and_their_neighbours_make_a_moment(library: Library) -> None:
    add_video(library, "wedding", ["The bride walks.", "Guests watch the bride.", "A dog sleeps.", "Rain falls."])
    (moment,) = search(library, "bride").moments
    assert (moment.video_title, moment.start, moment.end) == ("wedding", 0.0, 10.0)
    assert moment.kinds == (PassageKind.SCENE,)
    assert 0.0 < moment.score <= 1.0


def test_a_sentence_with_the_stop_words_of_the_query_comes_first(library: Library) -> None:
    lines = [
        "And so my fellow Americans ask not what your country can do for you,",
        "ask what you do for your country.",
    ]
    add_video(library, "speech", lines)
    (moment,) = search(library, "ask not what your country").moments
    assert moment.text == lines[0]
    assert moment.score == VERBATIM_SCORE


def test_meaning_finds_passages_without_shared_words(library: Library) -> None:
    party(library)
    assert texts(library, "dancing") == []
    assert texts(library, "dancing", query_vector=asking(1, 0, 0, 0)) == ["The bride twirls with her father."]


def test_words_and_meaning_agree_on_the_best(library: Library) -> None:
    party(library)
    found = texts(library, "cake", query_vector=asking(0.6, 0, 0.8, 0))
    assert found == ["A cake is cut.", "The bride twirls with her father."]


def test_a_passage_without_a_vector_is_found_by_its_words(library: Library) -> None:
    party(library)
    add_video(library, "later", ["A second cake is brought."])
    assert "A second cake is brought." in texts(library, "cake", query_vector=asking(0, 0, 1, 0))


def test_nothing_near_and_no_word_is_nothing(library: Library) -> None:
    party(library)
    assert texts(library, "zeppelin", query_vector=asking(-0.5, -0.5, -0.5, -0.5)) == []


def test_nobody_is_asked_while_no_vectors_are_stored(library: Library) -> None:
    add_video(library, "wedding", ["The bride walks."])
    assert texts(library, "bride", query_vector=never) == ["The bride walks."]


@pytest.mark.parametrize("query", ["", "  \n"])
def test_an_empty_query_finds_nothing_without_a_request(library: Library, query: str) -> None:
    party(library)
    assert search(library, query, query_vector=never).moments == ()


def test_a_silent_server_leaves_the_words_and_one_sentence(library: Library) -> None:
    party(library)

    def refuse(text: str) -> QueryVector:
        raise EngineUnreachable("No Ollama server at http://127.0.0.1:11434.")

    found = search(library, "cake", query_vector=refuse)
    assert [moment.text for moment in found.moments] == ["A cake is cut."]
    assert found.notice == "Word search only. No Ollama server at http://127.0.0.1:11434."


def test_vectors_of_another_model_are_never_compared(library: Library) -> None:
    party(library)
    found = search(library, "dancing", query_vector=lambda text: QueryVector("other:latest@1", (1.0, 0.0, 0.0, 0.0)))
    assert found.moments == ()
    assert found.notice is not None
    assert "vidlocal enrich" in found.notice
    assert KEY in found.notice


def test_a_search_is_narrowed_to_videos_and_kinds(library: Library) -> None:
    party(library)
    lines = Passage(0.0, 5.0, PassageKind.SPEECH, "Who made this cake?")
    later, ids = add_video(library, "speech", [lines])
    add_vectors(library, ids, np.array([FOOD]))
    ask = asking(0, 0, 1, 0)
    assert texts(library, "cake", query_vector=ask, videos=[later]) == ["Who made this cake?"]
    assert texts(library, "cake", query_vector=ask, kinds=[PassageKind.SPEECH]) == ["Who made this cake?"]
    assert texts(library, "cake", query_vector=ask, kinds=[PassageKind.NOTE]) == []
    assert texts(library, "cake", query_vector=ask, videos=[later], kinds=[PassageKind.SCENE]) == []


def test_the_limit_holds(library: Library) -> None:
    add_video(library, "long", [Passage(100.0 * n, 100.0 * n + 1, PassageKind.SCENE, f"bride {n}") for n in range(40)])
    assert len(search(library, "bride", limit=7).moments) == 7
    assert len(search(library, "bride", limit=100).moments) == 40


def test_a_search_leaves_no_transaction_open(library: Library) -> None:
    party(library)
    search(library, "cake", query_vector=asking(0, 0, 1, 0))
    assert not library.connection.in_transaction
    with sqlite3.connect(library.path) as other:
        other.execute("DELETE FROM passages")
    assert texts(library, "cake") == []


def aisle(library: Library) -> list[int]:
    """Passages with all words, half of them, only `down` and `the`, and many others."""
    lines = ["The bride walks down the aisle.", "The bride laughs in the aisle.", "The sun goes down behind the sea."]
    _, ids = add_video(library, "wedding", [])
    for number, text in enumerate([*lines, *(f"The guests talk about the weather, {n}." for n in range(40))]):
        ids += add_video(library, f"video {number}", [text])[1]
    return ids


def test_common_word_matches_are_dropped_beside_better_ones(library: Library) -> None:
    ids = aisle(library)
    good = {"The bride walks down the aisle.", "The bride laughs in the aisle."}
    assert set(texts(library, "bride walks down the aisle")) == good
    add_vectors(library, ids, np.tile(DANCING, (len(ids), 1)))
    assert set(texts(library, "bride walks down the aisle", query_vector=asking(0, 1, 0, 0))) == good


def test_a_few_common_words_are_enough_without_better_matches(library: Library) -> None:
    aisle(library)
    assert "The sun goes down behind the sea." in texts(library, "the zeppelin goes up and down")


def foreign(library: Library) -> list[int]:
    """Forty videos about eight subjects, each with a direction of its own."""
    ids = []
    for number in range(40):
        ids += add_video(library, f"video {number}", [f"A lively scene, the {number}th of them."])[1]
    rows = random_rows(8)[np.arange(40) % 8] + 0.05 * random_rows(40)
    add_vectors(library, ids, rows / np.linalg.norm(rows, axis=1, keepdims=True))
    return ids


def test_nearest_passage_is_not_shown_below_the_similarity_floor(library: Library) -> None:
    foreign(library)
    subject, stranger = random_rows(8)[0], random_rows(1, seed=99)[0]
    assert len(texts(library, "zeppelin", query_vector=asking(*subject.tolist()))) >= 5
    found = search(library, "zeppelin", query_vector=asking(*stranger.tolist()))
    assert (found.moments, found.notice) == ((), None)


def test_low_cosines_of_a_model_with_a_query_prefix_count(library: Library) -> None:
    subjects = foreign(library)
    rows = random_rows(8)[np.arange(40) % 8]
    padded = np.hstack([rows, np.full((40, 1), 0.8, dtype=np.float32)]) / np.sqrt(1 + 0.8**2)
    add_vectors(library, subjects, padded.astype(np.float32))
    asked = np.append(random_rows(8)[0], -0.8) / np.sqrt(1 + 0.8**2)
    assert len(texts(library, "zeppelin", query_vector=asking(*asked.tolist()))) >= 5


def test_weak_matches_are_marked(library: Library) -> None:
    foreign(library)
    rows = random_rows(8)
    between = 0.55 * rows[0] + np.sqrt(1 - 0.55**2) * random_rows(1, seed=99)[0]
    between /= np.linalg.norm(between)
    found = search(library, "zeppelin", query_vector=asking(*between.tolist()))
    assert found.moments
    assert found.notice == "No good match; these are the nearest."


def test_misspelt_word_is_corrected_with_a_notice(library: Library) -> None:
    party(library)
    found = search(library, "limosine")
    assert [moment.text for moment in found.moments] == ["An old limousine arrives."]
    assert found.notice == "No match for limosine, searched for limousine."
    assert found.words == "limousine"


def test_each_hit_names_its_channels(library: Library) -> None:
    ids = party(library)
    found = search(library, "cake", query_vector=asking(0.6, 0, 0.8, 0))
    cake, dance = found.why[ids["A cake is cut."]], found.why[ids["The bride twirls with her father."]]
    assert isinstance(cake, PassageExplanation)
    assert isinstance(dance, PassageExplanation)
    assert (cake.words_rank, cake.meaning_rank, dance.words_rank, dance.meaning_rank) == (1, 1, None, 2)
    assert cake.cosine == pytest.approx(0.8)
    assert cake.z is not None
    assert 0 < cake.meaning_weight <= cake.z
    assert cake.words_weight > 0 == dance.words_weight
    (moment,) = search(library, "limousine").moments
    reason = search(library, "limousine").why[moment.hits[0].key]
    assert isinstance(reason, PassageExplanation)
    assert (reason.coverage, moment.score) == (1.0, VERBATIM_SCORE)
    assert reason.cosine is None


def showing(*values: float, key: str = frame_vectors.KEY) -> Callable[[str], Callable[[], QueryVector]]:
    return lambda text: lambda: QueryVector(key, values)


def film(library: Library) -> list[int]:
    """A video of a hundred frames with some speech, and dancing in the tenth; its frames."""
    rows = np.repeat([CARS], 100, axis=0)
    rows[10] = DANCING
    lines = [
        Passage(100.0, 104.0, PassageKind.SPEECH, "and now the waltz"),
        Passage(500.0, 504.0, PassageKind.SPEECH, "waltz"),
    ]
    return frame_vectors.add_video(library, "film", rows, said=lines)[1]


def test_uncaptioned_frame_is_found_by_image(library: Library) -> None:
    frames = film(library)
    found = search(library, "people dancing", picture_vector=showing(*DANCING))
    [moment] = found.moments
    assert (moment.start, moment.end, moment.kinds, moment.text) == (100.0, 110.0, (PassageKind.PICTURE,), "")
    assert [hit.frame_id for hit in moment.hits] == [frames[10]]
    assert isinstance(found.why[moment.hits[0].key], FrameExplanation)
    assert found.notice is None


def test_image_and_speech_at_one_time_are_one_moment(library: Library) -> None:
    film(library)
    found = search(library, "waltz", picture_vector=showing(*DANCING)).moments
    together, alone = sorted(found, key=lambda moment: moment.start)
    assert set(together.kinds) == {PassageKind.SPEECH, PassageKind.PICTURE}
    assert (together.start, together.end, together.text) == (100.0, 110.0, "and now the waltz")
    assert alone.start == 500.0


def test_filters_hold_for_pictures(library: Library) -> None:
    film(library)
    looking = showing(*DANCING)
    assert [moment.kinds for moment in search(library, "waltz kind:picture", picture_vector=looking).moments] == [
        (PassageKind.PICTURE,)
    ]
    assert [moment.start for moment in search(library, "waltz at:8:00-9:00", picture_vector=looking).moments] == [500.0]
    assert search(library, "party", kinds=[PassageKind.SPEECH], picture_vector=never).moments == ()
    assert search(library, "party video:other", picture_vector=looking).moments == ()


def test_pictures_without_a_word_to_find_them_by_are_reported(library: Library) -> None:
    film(library)
    found = search(library, "kind:picture", picture_vector=never)
    assert (found.moments, found.notice) == ((), "Image search needs words.")


def test_no_model_is_asked_where_no_pictures_have_vectors(library: Library) -> None:
    party(library)
    assert search(library, "cake", picture_vector=never).moments
    film(library)
    assert search(library, "kind:speech", picture_vector=never).moments


def test_words_are_found_as_before_when_pictures_cannot_be_searched(library: Library) -> None:
    film(library)
    plain = search(library, "waltz")

    def broken(text: str) -> Callable[[], QueryVector]:
        def fail() -> QueryVector:
            raise EngineUnreachable("It broke.")

        return fail

    found = search(library, "waltz", picture_vector=broken)
    assert (found.moments, found.notice) == (plain.moments, "Images not searched. It broke.")
    found = search(library, "waltz", picture_vector=showing(*DANCING, key="other@1"))
    assert found.moments == plain.moments
    assert "come from another model" in (found.notice or "")


def test_the_corrected_query_is_embedded(library: Library) -> None:
    _, ids = add_video(library, "wedding", ["the wedding begins"])
    add_vectors(library, ids, np.array([[1.0, 0.0]]))
    asked: list[str] = []

    def embed(text: str) -> QueryVector:
        asked.append(text)
        raise EngineUnreachable("no server")

    search(library, "weding", query_vector=embed)
    assert asked == ["wedding"]


def test_a_listing_by_filters_is_no_nearest_match(library: Library) -> None:
    party(library)
    listed = search(library, "kind:scene", query_vector=asking(0, 0, 0, 1))
    assert len(listed.moments) == 4
    assert listed.is_confident
    assert listed.notice is None
