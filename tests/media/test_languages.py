import pytest

from vidlocal.media.languages import language_code


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("eng", "en"),
        ("en", "en"),
        ("pt-BR", "pt"),
        ("zh_Hans", "zh"),
        ("ger", "de"),
        ("deu", "de"),
        ("Spanish", "es"),
        ("Deutsch", "de"),
        ("jp", "ja"),
        ("日本語", "ja"),
        ("chs", "zh"),
    ],
)
def test_language_code_has_two_letters_for_any_tag(tag: str, code: str) -> None:
    assert language_code(tag) == code


@pytest.mark.parametrize("tag", [None, "", "und", "mul", "part2", "2024", "x"])
def test_language_code_is_none_for_an_unknown_tag(tag: str | None) -> None:
    assert language_code(tag) is None
