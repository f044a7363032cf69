import pytest

from vidlocal.render.highlight import best_excerpt, find_matches, query_words


def marked(text: str, query: str) -> list[str]:
    return [text[start:end] for start, end in find_matches(text, query_words(query))]


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("The bride walks in.", "bride walking", ["bride", "walks"]),
        ("José met JOSE", "jose", ["José", "JOSE"]),
        ("dances, dancing, dance", "dance", ["dances", "dancing", "dance"]),
        ("花嫁が通路を歩いています", "花嫁 通路", ["花嫁"]),
        ("新娘在婚禮上", "婚礼", ["婚禮"]),
        ("Die Straße, STRASSE", "strasse", ["Straße", "STRASSE"]),
        ("Невеста идёт", "идет", ["идёт"]),
        ("العَرُوسُ تَمْشِي", "العروس", ["العَرُوسُ"]),
        ("शादी का घर", "घर", ["घर"]),
        ("ﾃﾞｰﾀを確認", "データ", ["ﾃﾞｰﾀ"]),
        ("Hoch\xadzeit am See", "hochzeit", ["Hoch\xadzeit"]),
        ("nothing here", "", []),
        ("a cat sat", "a", ["a"]),
    ],
)
def test_highlighted_words_match_the_query(text: str, query: str, expected: list[str]) -> None:
    assert marked(text, query) == expected


def test_the_excerpt_has_the_most_matches_and_is_cut_between_words() -> None:
    text = "word " * 100 + "the bride walks in " + "word " * 100
    start, end = best_excerpt(text, find_matches(text, query_words("bride walks")), length=60)
    shown = text[start:end]
    assert "bride walks" in shown
    assert len(shown) <= 60
    assert text[start - 1] == " "
    assert text[end] == " "


def test_the_excerpt_of_a_short_text_is_the_whole_text() -> None:
    assert best_excerpt("short", [], length=60) == (0, 5)


def test_a_text_without_spaces_has_an_excerpt() -> None:
    start, end = best_excerpt("花" * 500, [(400, 402)], length=50)
    assert start <= 400
    assert end >= 402
    assert end - start <= 50
