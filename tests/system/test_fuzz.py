"""No words on a command line bring a command down, or reach SQL as anything but words."""

import random
from pathlib import Path

import pytest

from tests.support.commands import Run
from vidlocal.cli import COMMANDS
from vidlocal.store.database import Library

# What means something to SQL, to FTS5, to the query language, to a path, to a time or to an option parser.
PIECES = [
    *"\"'`*()-;:^{}+,%_\\/|?~ \t\n\r\0\u202e\u200b\ufeffß",
    *("''", "--", "\x1b[31m", "\ud800", "\udcff", "💒", "花嫁", "é"),
    *(
        "AND",
        "OR",
        "NOT",
        "NEAR",
        "NEAR(",
        "SELECT",
        "UNION",
        "DROP TABLE videos",
        "OR 1=1--",
        "rowid",
        "rank",
        "text:",
    ),
    *("video:", "kind:", "kind:speech", "tag:", "lang:", "before:", "after:", "at:", "time:", "bride", "passages"),
    *("@", "@1", "1@0:05", "@1e999", "@nan", "@-1", "0", "1", "-1", "9" * 40, "1e400", "nan", "inf", "wedding"),
    *("../", "/etc/passwd", "%s%n", "${HOME}", "$(id)", "{0}", "[red]", "[/red]", ":smile:", "a" * 300),
]
# A line of each command with places for hostile words, but for those that fetch, serve or show their own clip.
LINES = {
    "search": ["search", "--private", "?"],
    "search --video": ["search", "--private", "bride", "--video", "?"],
    "search --kind": ["search", "--private", "bride", "--kind", "?"],
    "search --limit": ["search", "--private", "bride", "--limit", "?"],
    "ask": ["ask", "?"],
    "ask @": ["ask", "?@1", "what?"],
    "ask time": ["ask", "1@?", "what?"],
    "ask --video": ["ask", "bride", "--video", "?"],
    "similar": ["similar", "?"],
    "similar --image": ["similar", "--image", "?"],
    "clusters": ["clusters", "--video", "?"],
    "clusters --threshold": ["clusters", "--threshold", "?"],
    "clip": ["clip", "?", "--dry-run"],
    "clip --pad": ["clip", "bride", "--dry-run", "--pad", "?"],
    "play": ["play", "?"],
    "play time": ["play", "1@?"],
    "help": ["help", "?"],
    "note": ["note", "?"],
    "note text": ["note", "1@1", "?"],
    "note --edit": ["note", "--edit", "?", "x"],
    "note --delete": ["note", "--delete", "?", "--yes"],
    "import": ["import", "?"],
    "export": ["export", "?"],
    "export --format": ["export", "1", "--format", "?"],
    "export --fps": ["export", "1", "--format", "edl", "--fps", "?"],
    "eval": ["eval", "?"],
    "eval --compare": ["eval", "queries.jsonl", "--compare", "?", "?"],
    "show": ["show", "?"],
    "sidecars": ["sidecars", "?"],
    "sidecars --format": ["sidecars", "--format", "?"],
    "speakers": ["speakers", "?"],
    "speakers name": ["speakers", "name", "1", "?"],
    "speakers merge": ["speakers", "merge", "?", "?"],
    "speakers split": ["speakers", "split", "?", "?"],
    "speakers forget": ["speakers", "forget", "?", "--yes"],
    "plugins": ["plugins", "?"],
    "people": ["people", "?"],
    "people name": ["people", "name", "1", "?"],
    "people merge": ["people", "merge", "?", "?"],
    "people not": ["people", "not", "?", "?"],
    "people forget": ["people", "forget", "?", "--yes"],
    "rm": ["rm", "?"],
    "plan": ["plan", "?"],
    "failed": ["failed", "?"],
    "report": ["report", "--last", "?"],
    "organize": ["organize", "?", "--by-date"],
    "ingest": ["ingest", "?", "--every", "?"],
    "enrich": ["enrich", "?"],
    "config": ["config", "?"],
    "status": ["status", "?"],
    "check": ["check", "?"],
    "list": ["list", "--sort", "?"],
}
EACH = 15
LEFT_OUT = {"setup", "doctor", "demo", "start", "worker", "pause", "resume", "serve", "mcp", "bench", "cluster"}


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "queries.jsonl").write_text('{"query": "bride", "video": "1", "windows": [[1, 2]]}\n')


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", LINES)
def test_no_words_bring_a_command_down(run: Run, library: Library, wedding: int, name: str) -> None:
    chance = random.Random(name)
    before = library.rows("SELECT name, sql FROM sqlite_master")
    for _ in range(EACH):
        words = [word.replace("?", hostile(chance)) if "?" in word else word for word in LINES[name]]
        result = run(*words)
        assert result.exit_code != 1, (words, result.stderr)
        assert result.exception is None or isinstance(result.exception, SystemExit), (words, result.exception)
        for word in ("Traceback", "sqlite", "syntax error", "no such column", "fts5", "OperationalError"):
            assert word not in result.stderr, (words, result.stderr)
    assert [tuple(row) for row in library.rows("SELECT name, sql FROM sqlite_master")] == [tuple(row) for row in before]
    assert library.number("SELECT count(*) FROM videos") == 1


def hostile(chance: random.Random) -> str:
    return "".join(chance.choices(PIECES, k=chance.randint(1, 8)))


def test_five_hundred_lines_are_tried_of_each_text_command() -> None:
    assert len(LINES) * EACH > 500
    assert {words[0] for words in LINES.values()} == set(COMMANDS) - LEFT_OUT


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a" * 300, "a/" * 3000, "\0", "\ud800", ""])
@pytest.mark.parametrize("line", [["organize"], ["ingest"], ["similar", "--image"], ["import"], ["eval"], ["show"]])
def test_invalid_file_name_is_refused(run: Run, wedding: int, line: list[str], name: str) -> None:
    result = run(*line, name, *(["--by-date"] if line == ["organize"] else []))
    assert result.exit_code != 1, result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("text", ["bride " * 170_000, '"花' * 200_000])
@pytest.mark.parametrize("command", ["search", "ask", "clip"])
def test_a_query_of_a_megabyte_is_answered_or_refused(run: Run, wedding: int, command: str, text: str) -> None:
    result = run(command, "-", *(["--dry-run"] if command == "clip" else []), input=text)
    assert result.exit_code in {0, 2, 5}, result.stderr[:300]
    assert len(result.stderr) < 2_000
    assert run(command, "-", input=text * 2).exit_code == 2
