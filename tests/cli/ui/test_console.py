"""Output for terminals of any width."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.terminal import on_terminal
from vidlocal import settings
from vidlocal.cli.ui import console


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_messages_wrap_between_words(tmp_path: Path, columns: int) -> None:
    lines = on_terminal(columns, "config", "nope", home=tmp_path)
    assert all(len(line) <= columns for line in lines)
    assert " ".join(lines).split() == " ".join(on_terminal(1000, "config", "nope", home=tmp_path)).split()


@pytest.mark.parametrize("columns", [40, 80, 140])
@pytest.mark.parametrize(
    "words", [("ingest", "--every", "seven", "a"), ("clip",), ("search", "--no-such", "x"), ("serch",)]
)
def test_wrong_usage_wraps_between_words(tmp_path: Path, words: tuple[str, ...], columns: int) -> None:
    lines = on_terminal(columns, *words, home=tmp_path)
    assert all(len(line) <= columns for line in lines)
    error = [" ".join(lines).partition("Error:")[2] for lines in (lines, on_terminal(1000, *words, home=tmp_path))]
    assert error[0].split() == error[1].split()


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_settings_are_complete_at_every_width(tmp_path: Path, columns: int) -> None:
    lines = on_terminal(columns, "config", home=tmp_path)
    assert max(map(len, lines)) <= columns
    text = " ".join(" ".join(lines).split())
    for row in settings.explain():
        assert row.setting.name in text
        assert row.setting.description in text


@pytest.mark.parametrize("columns", [40, 80, 140])
@pytest.mark.parametrize("topic", ["query", "exit-codes", "settings", "scripting"])
def test_topics_wrap_between_words_and_keep_commands_whole(tmp_path: Path, topic: str, columns: int) -> None:
    lines = on_terminal(columns, "help", topic, home=tmp_path)
    assert all(len(line) <= columns or line.startswith(("  vidlocal ", "  find ")) for line in lines)
    assert " ".join(lines).split() == " ".join(on_terminal(1000, "help", topic, home=tmp_path)).split()


def test_a_word_longer_than_the_line_stays_whole(tmp_path: Path) -> None:
    name = "a" * 60
    assert any(name in line for line in on_terminal(40, "config", name, home=tmp_path))


def test_an_interrupted_question_ends_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", SimpleNamespace(readline=interrupt))
    with pytest.raises(KeyboardInterrupt):
        console.confirm("Delete it?")
    assert capsys.readouterr().err == "Delete it? [y/N] \n"
