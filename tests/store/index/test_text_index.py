import random

import pytest

from tests.support.text_videos import add_video
from vidlocal.records import Passage, PassageKind
from vidlocal.store.content import passages, videos
from vidlocal.store.database import Library
from vidlocal.store.index import text_index
from vidlocal.store.index.search_filter import SearchFilter


def found(library: Library, query: str, **narrowed: object) -> list[str]:
    """Texts of the matching passages, best first."""
    ids = text_index.search(library, query, limit=50, **narrowed)  # type: ignore[arg-type]
    return [library.rows("SELECT text FROM passages WHERE id = ?", passage_id)[0]["text"] for passage_id in ids]


BRIDE = "The bride walks down the aisle of the church."


def test_words_are_found_in_any_inflection(library: Library) -> None:
    add_video(library, "wedding", [BRIDE, "A dog runs along the beach."])
    assert found(library, "brides walking") == [BRIDE]
    assert found(library, "running dogs") == ["A dog runs along the beach."]


@pytest.mark.parametrize(("count", "with_word"), [(400, 250), (1500, 900), (1500, 1500)])
def test_a_word_of_most_passages_is_found(library: Library, count: int, with_word: int) -> None:
    texts = [f"bayes rule {n}" if n < with_word else f"other line {n}" for n in range(count)]
    add_video(library, "lecture", texts)
    assert len(found(library, "bayes")) == 50
    assert all("bayes" in text for text in found(library, "bayes"))


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


def test_a_word_that_only_other_videos_have_is_found_within_words_of_the_filter(library: Library) -> None:
    add_video(library, "english", ["A web of silk."])
    german, _ = add_video(library, "deutsch", ["Die Website ist neu.", "Ein Hund."])
    assert found(library, "web") == ["A web of silk."]
    only = SearchFilter(frozenset({german}), None)
    assert found(library, "web", search_filter=only) == ["Die Website ist neu."]
    assert found(library, "silk", search_filter=only) == []


def test_word_part_finds_the_word(library: Library) -> None:
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


@pytest.mark.parametrize("query", ["婚礼上的头发", "婚禮上的頭髮", "头发", "髮"])
def test_chinese_is_found_in_either_script(library: Library, query: str) -> None:
    add_video(library, "a", ["新娘在婚禮上的頭髮", "新娘在婚礼上的头发", "新郎"])
    assert set(found(library, query)) == {"新娘在婚禮上的頭髮", "新娘在婚礼上的头发"}


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


def test_common_words_count_in_small_libraries(library: Library) -> None:
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
def test_apparent_operators_do_not_hide_words(library: Library, query: str) -> None:
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
    times = 0
    for _ in range(500):
        hits = found(library, "".join(chance.choices(pieces, k=chance.randint(1, 30))))
        assert set(hits) <= {BRIDE, "犬が走る", "a'b\"c"}
        times += bool(hits)
    assert times > 100  # most of them hold a word that is there


def test_a_megabyte_is_a_query(library: Library) -> None:
    add_video(library, "wedding", [BRIDE])
    assert found(library, "bride " + "word " * 200_000) == [BRIDE]
    assert found(library, "x" * 1_000_000) == []
    assert len(text_index.split("".join(f"w{n} " for n in range(100_000)))) == text_index.MAX_TERMS


def test_only_the_chosen_videos_and_kinds_are_searched(library: Library) -> None:
    first_id, _ = add_video(library, "one", [BRIDE, Passage(9.0, 9.5, PassageKind.SPEECH, "here comes the bride")])
    two, _ = add_video(library, "two", ["a bride and groom"])
    assert found(library, "bride", search_filter=SearchFilter(videos=frozenset({two}))) == ["a bride and groom"]
    assert found(library, "bride", search_filter=SearchFilter(kinds=frozenset({PassageKind.SPEECH}))) == [
        "here comes the bride"
    ]
    both = SearchFilter(videos=frozenset({first_id}), kinds=frozenset({PassageKind.SCENE}))
    assert found(library, "bride", search_filter=both) == [BRIDE]
    assert found(library, "bride", search_filter=SearchFilter(videos=frozenset())) == []


def test_unverified_and_deleted_passages_are_not_found(library: Library) -> None:
    gone, _ = add_video(library, "gone", ["a bride here"])
    _, ids = add_video(library, "hidden", [BRIDE, "犬", "Photoshop"])
    videos.remove(library, gone)
    with library.writing() as connection:
        connection.execute("UPDATE passages SET visible = 0")
    assert [found(library, query) for query in ("bride", "犬", "hotosho")] == [[], [], []]
    assert passages.count(library) == 0
    assert len(ids) == 3


def random_texts(count: int, *, seed: int) -> list[str]:
    """Texts of 3 to 12 words, first common, then rare words."""
    chance = random.Random(seed)
    return [
        " ".join(f"word{int(60 * chance.random() ** 3)}x" for _ in range(chance.randint(3, 12))) for _ in range(count)
    ]


def scores(library: Library, query: str) -> list[tuple[int, float]]:
    """All scores by passage id."""
    return sorted(text_index.search(library, query, limit=10_000).items())


def test_coverage_is_bm25_over_the_weight_of_the_words(library: Library) -> None:
    add_video(library, "long", random_texts(2_500, seed=1))
    for query in ("word55x", "word59x word48x", "word20x word58x word31x"):
        match = " OR ".join(query.split())
        plain = library.rows("SELECT rowid, -rank FROM passage_words WHERE passage_words MATCH ? ORDER BY rowid", match)
        found = scores(library, f"{query} and six that nowhere stand: qqa qqb qqc qqd qqe qqf")  # so that none is at 1
        assert [passage_id for passage_id, _ in found] == [passage_id for passage_id, _ in plain]
        shares = [score / bm25 for (_, score), (_, bm25) in zip(found, plain, strict=True)]
        assert shares == pytest.approx([shares[0]] * len(shares))


def test_an_unverified_passage_changes_no_other_score(library: Library) -> None:
    _, ids = add_video(library, "long", random_texts(2_500, seed=2))
    queries = ("word55x", "word3x", "word59x word48x word1x", "word0x word1x word2x word3x word4x word5x")
    before = [scores(library, query) for query in queries]
    with library.writing() as connection:
        connection.execute("UPDATE passages SET visible = 0 WHERE id = ?", (ids[70],))
    assert [scores(library, query) for query in queries] == [
        [pair for pair in found if pair[0] != ids[70]] for found in before
    ]


def test_common_words_raise_the_score_of_the_passages_with_rarer_ones(library: Library) -> None:
    texts = [f"{'apple' if n % 5 else 'bread'} number{n}" for n in range(40)]
    _, ids = add_video(library, "kitchen", [*texts, "apple knife", "bread knife", "fork knife"])
    knife, apple = (text_index._Term("words", word, df, 1.0) for word, df in (("knife", 3), ("apple", 9_000)))
    rarer, commoner = text_index._score_index(
        library, "passage_words", [knife], [apple], text_index._Bounds(6_000, 10, SearchFilter())
    )
    assert set(rarer) == set(ids[-3:])
    assert commoner == {ids[-3]: 1.0}


def test_very_common_words_are_combined(library: Library) -> None:
    both = [f"apple bread number{n}" for n in range(20)]
    first_id = [f"apple number{n}" for n in range(20)]
    _, ids = add_video(library, "kitchen", ["apple bread cheese", *both, *first_id])
    apple, bread, cheese = (text_index._Term("words", word, 9_000, 1.0) for word in ("apple", "bread", "cheese"))
    bounds = text_index._Bounds(6_000, 15, SearchFilter())
    found, of_cheese = text_index._score_index(library, "passage_words", [apple], [bread, cheese], bounds)
    assert found == dict.fromkeys(ids[:21], 2.0)
    assert of_cheese == {ids[0]: 1.0}
    newest, of_cheese = text_index._score_index(library, "passage_words", [apple], [cheese], bounds)
    assert set(newest) == set(ids)
    assert of_cheese == {ids[0]: 1.0}


def test_document_frequencies_are_estimated_from_samples(library: Library) -> None:
    add_video(library, "long", random_texts(3 * text_index.SAMPLE_RANGES * text_index.SAMPLE_RANGE_IDS // 2, seed=3))
    total = library.number("SELECT max(id) FROM passages")
    for word in ("word0x", "word1x", "word9x", "word40x"):
        counted = library.number("SELECT count(*) FROM passage_words WHERE passage_words MATCH ?", word)
        assert text_index._df_by_sample(library, "passage_words", word, total) == pytest.approx(counted, rel=0.15)
    assert text_index._df_by_sample(library, "passage_words", "nowhere", total) == 0


def test_words_spread_over_neighbouring_lines_count_for_each(library: Library) -> None:
    lines = [
        "the cake",
        "with a long knife",
        "nothing here",
        "nothing there",
        "nor there",
        "a cake",
        "a song",
    ]
    _, ids = add_video(
        library, "spoken", [Passage(5.0 * n, 5.0 * n + 5, PassageKind.SPEECH, t) for n, t in enumerate(lines)]
    )
    coverages = text_index.search(library, "cake knife", limit=10)
    assert coverages[ids[0]] > coverages[ids[5]]


@pytest.mark.parametrize(
    ("query", "spread", "repeated"),
    [
        ("cake knife", ("the cake stands there", "she takes the knife"), ("the cake is big", "this cake is round")),
        ("全家福照片", ("我们去拍全家福", "她喜欢家福照和福照片"), ("这张全家福很大", "那张全家福很小")),
    ],
)
def test_different_words_of_neighbours_count_more_than_the_same_word_twice(
    library: Library, query: str, spread: tuple[str, str], repeated: tuple[str, str]
) -> None:
    for title, lines in (("repeated", repeated), ("spread", spread)):
        add_video(library, title, [Passage(5.0 * n, 5.0 * n + 5, PassageKind.SPEECH, t) for n, t in enumerate(lines)])
    assert set(found(library, query)[:2]) == set(spread)
