import pytest

from vidlocal.cli.ui.query_words import options_first

OPTIONS = {"--limit": True, "-n": True, "--video": True, "--json": False, "-h": False}


@pytest.mark.parametrize(
    ("typed", "given", "words"),
    [
        (["bride", "walks"], [], ["bride", "walks"]),
        (["bride", "-not"], [], ["bride", "-not"]),
        (["-not", "bride", "--json"], ["--json"], ["-not", "bride"]),
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


def test_nothing_typed_stays_nothing() -> None:
    assert options_first(["--json"], OPTIONS) == ["--json"]
    assert options_first([], OPTIONS) == []
