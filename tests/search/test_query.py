import random
from dataclasses import replace

import pytest

from vidlocal.records import PassageKind
from vidlocal.search.query import Query, parse


def test_words_are_left_as_they_are() -> None:
    assert parse("the bride's  white-dress, 50% off: now") == Query("the bride's white-dress, 50% off: now")


def test_phrases_are_words_too() -> None:
    assert parse('she said "I do" twice') == Query("she said I do twice", phrases=["I do"])
    assert parse("“erster Tanz”").phrases == ["erster Tanz"]


def test_a_dash_before_a_word_means_without_it() -> None:
    assert parse('bride -cake -"first dance"') == Query("bride", excluded=["cake", "first dance"])


@pytest.mark.parametrize("text", ["-cake", "-cake -dance", "- cake", "--cake", "a - b", "white-dress"])
def test_nothing_but_unwanted_words_and_lone_dashes_are_plain_words(text: str) -> None:
    assert parse(text) == Query(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind:foo", "one of speech, "),
        ("lang:klingon", "a language code"),
        ("before:2024-13", "a day, month or year"),
        ("after:June", "a day, month or year"),
        ("at:5-2", "a time span"),
        ("time:18", "a span of the day"),
    ],
)
def test_filters_with_invalid_values_are_named(text: str, expected: str) -> None:
    query = parse(f"boat {text} -kind:foo bogus:x")
    assert query.words == f"boat {text} -kind:foo bogus:x"
    (sentence,) = query.invalid
    assert sentence.startswith(f"{text}: searched as words, because ")
    assert expected in sentence


def test_filters_are_read_wherever_they_stand() -> None:
    assert parse('video:wedding dance kind:speech KIND:Screen-Text tag:"First Dance" lang:es-MX slow') == Query(
        "dance slow",
        videos=["wedding"],
        kinds=[PassageKind.SPEECH, PassageKind.SCREEN_TEXT],
        tags=["first dance"],
        languages=["es"],
    )


def test_days_and_times_are_read() -> None:
    query = parse("before:2024-06 before:2023 after:2019-12-24 at:10:00-1:02:03.5 time:22-02:30")
    assert (query.before, query.after) == ("2023", "2019-12-24")
    assert query.span == (600.0, 3723.5)
    assert query.time_of_day == (22 * 60, 2 * 60 + 30)
    assert query.has_filters


def test_one_end_of_a_span_may_be_left_out() -> None:
    assert parse("at:90-").span == (90.0, float("inf"))
    assert parse("at:-1:30").span == (0.0, 90.0)
    assert parse("at:1:30").span == (90.0, 90.0)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "kind:music",
            "before:2024-13",
            "after:June",
            "at:x-y",
            "at:5-2",
            "at:nan-inf",
            "time:25:00-26:00",
            "time:18",
        ),
        *(
            "lang:",
            "tag:",
            'video:""',
            "http://example.org",
            "bogus:x",
            '"unclosed',
            '"',
            '""',
            "time:12:70-13:00",
            "-kind:speech",
        ),
    ],
)
def test_unparsable_syntax_is_plain_words(text: str) -> None:
    assert replace(parse(text), invalid=[]) == Query(text)


def test_any_text_is_a_query() -> None:
    chance = random.Random(4)
    alphabet = [
        '"',
        "-",
        ":",
        " ",
        "at",
        "time",
        "before",
        "kind",
        "speech",
        "9",
        "2024",
        "“",
        "花",
        "\0",
        "\ud800",
        "x",
    ]
    for _ in range(500):
        text = "".join(chance.choices(alphabet, k=chance.randint(0, 30)))
        query = parse(text)
        parsed = "".join([query.words, *query.phrases, *query.excluded, *query.videos, *query.tags, *query.languages])
        assert set(parsed) <= {*text, "\ufffd"}
        assert "\ud800" not in parsed
