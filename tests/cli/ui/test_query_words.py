import pytest

from vidlocal.cli.ui.query_words import options_first
from vidlocal.errors import UsageError

OPTIONS = {"--limit": True, "-n": True, "--video": True, "--json": False, "-h": False}


@pytest.mark.parametrize(
    ("typed", "given", "words"),
    [
        (["bride", "walks"], [], ["bride", "walks"]),
        (["bride -not"], [], ["bride -not"]),
        (["--json", "--", "-not", "bride"], ["--json"], ["-not", "bride"]),
        (["bride", "-5"], [], ["bride", "-5"]),
        (["-n", "3", "bride"], ["-n", "3"], ["bride"]),
        (["bride", "-n3"], ["-n3"], ["bride"]),
        (["--limit=3", "bride"], ["--limit=3"], ["bride"]),
        (["bride", "--video", "-x-", "--json"], ["--video", "-x-", "--json"], ["bride"]),
        (["--", "--json", "-n"], [], ["--json", "-n"]),
        (["--json", "--", "-"], ["--json"], ["-"]),
        (["-"], [], ["-"]),
        (["--two words"], [], ["--two words"]),
        (["--limti", "3", "bride"], ["--limti"], ["3", "bride"]),
    ],
)
def test_only_our_own_options_are_read_as_options(typed: list[str], given: list[str], words: list[str]) -> None:
    assert options_first(typed, OPTIONS) == [*given, "--", *words]


@pytest.mark.parametrize("typed", [["bride", "-not"], ["-not", "bride"], ["bride", "-x"]])
def test_a_dash_word_outside_quotes_is_an_error_with_a_hint(typed: list[str]) -> None:
    with pytest.raises(UsageError, match=r"no such option\. To exclude a word, quote the whole query"):
        options_first(typed, OPTIONS)


def test_nothing_typed_stays_nothing() -> None:
    assert options_first(["--json"], OPTIONS) == ["--json"]
    assert options_first([], OPTIONS) == []
