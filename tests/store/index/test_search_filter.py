import random

import numpy as np
import pytest

from tests.support.text_videos import KEY, add_vectors, add_video
from vidlocal.engines.served.query_vector import QueryVector
from vidlocal.records import Passage, PassageKind
from vidlocal.search.run import search
from vidlocal.store.database import Library
from vidlocal.store.index import hits

CUT = "They cut the cake."
SPEECH = "The cake the knife cut was white."
SPANISH = "La tarta y la novia."


@pytest.fixture
def party(library: Library) -> Library:
    """Two videos, recorded in 2019 and 2024, with equal directions of all vectors."""
    first, one = add_video(
        library,
        "wedding",
        [
            Passage(0.0, 5.0, PassageKind.SCENE, CUT),
            Passage(600.0, 605.0, PassageKind.SPEECH, SPEECH),
            Passage(7200.0, 7205.0, PassageKind.SPEECH, SPANISH, language="es"),
        ],
    )
    second, two = add_video(library, "birthday", [Passage(0.0, 5.0, PassageKind.SCENE, "A cake with candles.")])
    for video, recorded in ((first, "2019-06-01T17:00:00+02:00"), (second, "2024-02-03")):
        with library.writing() as connection:
            connection.execute("UPDATE videos SET recorded_at = ?, language = 'en' WHERE id = ?", (recorded, video))
    add_vectors(library, [*one, *two], np.tile(np.array([[1, 0]], dtype=np.float32), (4, 1)))
    return library


def found(library: Library, query: str) -> set[str]:
    """Texts of a search by words and vectors, a superset of those by words alone."""
    by_words = search(library, query, limit=50).moments
    vector = QueryVector(KEY, (1.0, 0.0))
    by_both = search(library, query, limit=50, query_vector=lambda _: vector).moments
    texts = {hit.text for moment in by_words for hit in moment.hits}
    near = {hit.text for moment in by_both for hit in moment.hits}
    assert texts <= near
    return near


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ('"cut the cake"', {CUT}),
        ('"the cake the knife" cake', {SPEECH}),
        ("cake -candles -white", {CUT, SPANISH}),
        ("cake video:birth", {"A cake with candles."}),
        ("cake kind:speech", {SPEECH, SPANISH}),
        ("novia lang:es", {SPANISH}),
        ("cake lang:en video:wedding", {CUT, SPEECH}),
        ("cake before:2024", {CUT, SPEECH, SPANISH}),
        ("cake after:2019-07", {"A cake with candles."}),
        ("cake after:2019-06 before:2019-06-02", {CUT, SPEECH, SPANISH}),
        ("cake at:9:00-11:00", {SPEECH}),
        ("cake time:17:00-18:00", {CUT, SPEECH}),
        ("cake time:19:00-03:00", {SPANISH}),
        ("kind:speech", {SPEECH, SPANISH}),
        ("cake video:nothing", set()),
        ("cake tag:dance", set()),
    ],
)
def test_filters_narrow_words_and_vectors_alike(party: Library, query: str, texts: set[str]) -> None:
    assert found(party, query) == texts


def test_a_tag_matches_all_passages_at_its_time(party: Library) -> None:
    with party.writing() as connection:
        connection.execute(
            "INSERT INTO video_tags (video_id, kind, tag, passage_id) VALUES (1, 'tag', 'first dance', 2)"
        )
        connection.execute("INSERT INTO vocabulary (form, tag) VALUES ('opening dance', 'first dance')")
    assert found(party, 'cake tag:"first dance"') == found(party, 'tag:"Opening Dance"') == {SPEECH}


def test_a_missing_video_is_reported(party: Library) -> None:
    assert "No video matches 'nothing'" in str(search(party, "cake video:nothing").notice)


def test_words_of_unspaced_scripts_are_excluded_too(library: Library) -> None:
    add_video(library, "a", ["花嫁と花婿", "花嫁だけ"])
    assert {moment.text for moment in search(library, "花嫁 -花婿 kind:scene").moments} == {"花嫁だけ"}
    assert hits.videos_named(library, "A.MP4") == hits.videos_named(library, "1") == {1}


def test_videos_are_named_by_any_part_in_any_case(library: Library) -> None:
    titles = [
        "Straße nach Süden",
        "STRASSE 50%",
        "100_days",
        "Hochzeit",
        "\u212aelvin",
        "folder",
    ]  # the sign for kelvin
    for title in titles:
        add_video(library, title, [])
    parts = (
        "strasse",
        "Straße",
        "süd",
        "0%",
        "_",
        "%",
        "kelvin",
        "K",
        "3",
        "videos",
        ".mp4",
        "a" * 100_000,
        "HOCH",
        "/",
    )
    for part in parts:
        fitting = {
            number
            for number, title in enumerate(titles, 1)
            if str(number) == part or part.casefold() in f"{title}\n{title}.mp4".casefold()
        }
        assert hits.videos_named(library, part) == fitting, part


def test_no_query_breaks_a_search(party: Library) -> None:
    chance = random.Random(7)
    parts = [
        '"',
        "-",
        ":",
        " ",
        "cake",
        "tag:",
        "video:",
        "lang:en",
        "at:0-",
        "time:1-2",
        "before:2024",
        "花嫁",
        "\0",
        "\ud800",
        "'",
        "%",
        ")",
    ]
    vector = QueryVector(KEY, (1.0, 0.0))
    moments = 0
    for _ in range(300):
        query = "".join(chance.choices(parts, k=chance.randint(1, 12)))
        result = search(party, query, limit=2, query_vector=lambda _: vector)
        assert len(result.moments) <= 2
        moments += len(result.moments)
    assert moments > 100  # most of them find something


@pytest.mark.parametrize("query", ["tag:café", "tag:CAFÉ", "tag:cafe", "tag:ｃａｆｅ"])
def test_a_tag_is_found_in_any_spelling(party: Library, query: str) -> None:
    passage_id = party.number("SELECT id FROM passages WHERE text = ?", SPEECH)
    with party.writing() as connection:
        connection.execute(
            "INSERT INTO video_tags (video_id, kind, tag, passage_id) VALUES (1, 'place', 'café', ?)", (passage_id,)
        )
    assert found(party, query) == {SPEECH}
    assert found(party, "tag:other") == set()
