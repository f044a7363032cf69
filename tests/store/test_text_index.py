import random

import pytest

from tests.texts import add_video
from vidlocal.records import Passage, PassageKind
from vidlocal.store import passages, text_index, videos
from vidlocal.store.database import Library
from vidlocal.store.hits import Only


def found(library: Library, query: str, **narrowed: object) -> list[str]:
    """Texts of the passages found, best first."""
    ids = text_index.search(library, query, limit=50, **narrowed)  # type: ignore[arg-type]
    return [library.rows("SELECT text FROM passages WHERE id = ?", one)[0]["text"] for one in ids]


BRIDE = "The bride walks down the aisle of the church."


def test_words_are_found_in_any_inflection(library: Library) -> None:
    add_video(library, "wedding", [BRIDE, "A dog runs along the beach."])
    assert found(library, "brides walking") == [BRIDE]
    assert found(library, "running dogs") == ["A dog runs along the beach."]


def test_accents_do_not_matter(library: Library) -> None:
    add_video(library, "fiesta", ["José baila en la plaza"])
    assert found(library, "jose") == found(library, "JOSÉ") == ["José baila en la plaza"]


def test_the_passage_with_more_of_the_query_comes_first(library: Library) -> None:
    add_video(library, "wedding", ["A church on a hill.", BRIDE, "The bride laughs.", "Nothing of it."])
    assert found(library, "bride church aisle")[0] == BRIDE
    assert len(found(library, "bride church aisle")) == 3


def test_coverage_says_how_much_of_the_query_was_found(library: Library) -> None:
    _, ids = add_video(library, "wedding", ["bride", *(f"something else {n}" for n in range(20))])
    whole = text_index.search(library, "bride", limit=5)
    part = text_index.search(library, "bride zeppelin", limit=5)
    assert list(whole) == list(part) == ids[:1]
    assert 0.0 < part[ids[0]] < 0.6 < whole[ids[0]] <= 1.0


def test_a_part_of_a_word_finds_it_when_the_part_is_no_word(library: Library) -> None:
    add_video(library, "lesson", ["Open the file in Photoshop first.", "Save it."])
    assert found(library, "hotosho") == ["Open the file in Photoshop first."]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("犬", "公園で犬が走っている"),
        ("走る犬", "公園で走る犬を見た"),
        ("東京タワー", "夜の東京タワーが見える"),
        ("红色汽车", "一辆红色汽车停在路边"),
        ("汽车", "一辆红色汽车停在路边"),
        ("고양이", "고양이가 소파에서 잔다"),
        ("แมว", "แมวนอนบนโซฟา"),
        ("свадьбе", "Гости танцуют на свадьбе"),
        ("🎂", "Happy birthday 🎂 to you"),
    ],
)
def test_scripts_without_spaces_are_found(library: Library, query: str, text: str) -> None:
    add_video(library, "world", [text, "something else entirely", "另外一个句子没有关系"])
    assert found(library, query) == [text]


def test_very_common_words_drop_out_where_rarer_ones_are_left(library: Library) -> None:
    many = [f"the man number {n} is in the picture" for n in range(600)]
    add_video(library, "crowd", [*many, "the man with the accordion is in the picture"])
    assert found(library, "the man with the accordion in the picture") == [
        "the man with the accordion is in the picture"
    ]


def test_a_very_common_word_alone_still_finds(library: Library) -> None:
    add_video(library, "crowd", [f"a man number {n}" for n in range(600)])
    assert len(found(library, "man")) == 50
    assert len(found(library, "a man")) == 50


def test_filler_words_alone_are_no_match_for_an_unknown_word(library: Library) -> None:
    add_video(library, "crowd", [f"the man number {n}" for n in range(300)])
    assert found(library, "the zeppelin") == []


def test_a_word_that_half_of_a_small_library_holds_still_counts(library: Library) -> None:
    add_video(library, "wedding", [BRIDE, "A bride.", "The bride laughs.", "A dog."])
    assert len(found(library, "bride")) == len(found(library, "bride aisle")) == 3


NASTY = [
    '', ' ', '"', "''", '"bride', 'bride"', 'AND', 'OR', 'NOT', 'bride AND', 'NEAR(bride aisle)', 'NEAR(', 'a-b',
    '-x', '--bride', '*', 'bride*', '^bride', '(', ')', 'bogus:x', 'text:bride', '{text}:bride', '\\', ';',
    "'; DROP TABLE x", '\x00', 'bri\x00de', '\ud800', 'bride \udcff', '😀',
    '\U0001f469\u200d\U0001f469\u200d\U0001f467', '\u202e', '\u0301', '²', '\uff05', '%', '_', '?', '+',
    'bride + aisle', 'a' * 5000, '犬', '犬' * 5000, 'ก', '\ufeff', '\u200b', 'bride,aisle;church', '1', 'e\u0301',
    'İ', 'ß',
]  # fmt: skip


@pytest.mark.parametrize("query", NASTY)
def test_any_text_is_a_query(library: Library, query: str) -> None:
    add_video(library, "wedding", [BRIDE])
    assert found(library, query) in ([], [BRIDE])


@pytest.mark.parametrize(
    "query", ['"bride', "bride AND", "bride*", "^bride", "bri\0de bride", "bride \udcff", "-bride"]
)
def test_what_looks_like_an_operator_does_not_hide_the_word(library: Library, query: str) -> None:
    add_video(library, "wedding", [BRIDE])
    assert found(library, query) == [BRIDE]


def test_five_hundred_random_texts_are_queries(library: Library) -> None:
    add_video(library, "wedding", [BRIDE, "犬が走る", "a'b\"c"])
    chance = random.Random(5)
    pieces = [
        '"',
        "'",
        "*",
        "(",
        ")",
        "-",
        "AND",
        "NEAR",
        ":",
        "^",
        "\0",
        "bride",
        "犬",
        "\ud800",
        " ",
        "\n",
        "+",
        "{",
        "é",
        "🎉",
    ]
    for _ in range(500):
        found(library, "".join(chance.choices(pieces, k=chance.randint(1, 30))))


def test_a_megabyte_is_a_query(library: Library) -> None:
    add_video(library, "wedding", [BRIDE])
    assert found(library, "bride " + "word " * 200_000) == [BRIDE]
    assert found(library, "x" * 1_000_000) == []
    assert len(text_index.split("".join(f"w{n} " for n in range(100_000)))) == text_index.MOST_TERMS


def test_only_the_chosen_videos_and_kinds_are_searched(library: Library) -> None:
    one, _ = add_video(library, "one", [BRIDE, Passage(9.0, 9.5, PassageKind.SPEECH, "here comes the bride")])
    two, _ = add_video(library, "two", ["a bride and groom"])
    assert found(library, "bride", only=Only(videos=frozenset({two}))) == ["a bride and groom"]
    assert found(library, "bride", only=Only(kinds=frozenset({PassageKind.SPEECH}))) == ["here comes the bride"]
    both = Only(videos=frozenset({one}), kinds=frozenset({PassageKind.SCENE}))
    assert found(library, "bride", only=both) == [BRIDE]
    assert found(library, "bride", only=Only(videos=frozenset())) == []


def test_hidden_and_removed_passages_are_not_found(library: Library) -> None:
    gone, _ = add_video(library, "gone", ["a bride here"])
    _, ids = add_video(library, "hidden", [BRIDE, "犬", "Photoshop"])
    videos.remove(library, gone)
    with library.writing() as connection:
        connection.execute("UPDATE passages SET visible = 0")
    assert [found(library, query) for query in ("bride", "犬", "hotosho")] == [[], [], []]
    assert passages.count(library) == 0
    assert len(ids) == 3
