"""No byte of any content reaches the terminal as a control sequence, in any output of any command."""

import json
import os
import pty
import re
import select
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support import hostile_content
from tests.support.commands import EVIL, Run
from tests.support.hostile_content import NAME, WORDS, World, harmful
from vidlocal.cli import COMMANDS, app, load_command
from vidlocal.cli.ui.completion import candidates

FORMATS = ("jsonl", "json", "csv", "srt", "vtt", "txt", "markdown", "edl", "fcpxml", "otio")

# Words for every command; {…} are places of `nasty.World`. A command that is not here fails a test below.
CASES: dict[str, list[list[str]]] = {
    "setup": [["--dry-run"], ["--profile", EVIL]],
    "doctor": [[]],
    "demo": [[EVIL]],  # it knows no content but its own
    "bench": [["-n", "1"], ["--model", WORDS]],
    "ingest": [["{inbox}"], ["{broken}"], [f"{{inbox}}/{NAME} gone"], ["{inbox}", "--every", WORDS]],
    "enrich": [[], ["--model", WORDS], ["--only", WORDS], ["--video", WORDS], ["--window", WORDS]],
    "search": [
        ["evil"],
        ["evil", "--explain"],
        [WORDS],
        ["--video", "evil", "bidi"],
        ["evil", "--look", "2"],
        ["evil", "--thumbs"],
        [f"video:{WORDS}", f"tag:{WORDS}"],
        ["--limit", WORDS, "evil"],
        ["evil", "--open", "1"],
        ["zzzz\x1b[31m"],
    ],
    "ask": [["evil", "bidi?"], ["1@1", "what?"], [f"{WORDS}@1", "what?"], [WORDS]],
    "similar": [["1@2"], ["1"], [f"{WORDS}@1"], ["--image", f"{{inbox}}/{NAME}.jpg"]],
    "clip": [
        ["evil", "--dry-run"],
        ["evil", "-d", "{out}"],
        ["evil", "-n", "1", "-o", f"{{out}} {NAME}.mp4"],
        ["evil", "--join", f"{{out}} {NAME}.mp4"],
        ["-d", WORDS, "x"],
        [f"-{WORDS}"],
    ],
    "play": [["1"], ["1@2"], ["2"], [f"{WORDS}@1"], [WORDS]],
    "start": [[f"{{inbox}}/{NAME} gone"]],  # a real folder would leave an enrich in the background
    "help": [[], ["query"], ["clip"], [WORDS]],
    "clusters": [[], ["--video", "1"], ["--video", WORDS]],
    "note": [["1@1"], ["1@1", WORDS], ["--edit", "1", WORDS], ["--delete", "1", "--yes"], ["--delete", "2"], [WORDS]],
    "import": [[f"{{inbox}}/{NAME}.jsonl"], [f"{{inbox}}/{NAME}.srt", "--video", WORDS], ["{broken}"]],
    "export": [*(["1", "--format", form] for form in FORMATS), ["--format", WORDS], ["--fps", WORDS], [WORDS]],
    "eval": [
        ["{inbox}/queries.jsonl"],
        [f"{{inbox}}/{NAME}.srt"],
        ["{inbox}/queries.jsonl", "--compare", WORDS, "a=b"],
    ],
    "worker": [["--watch", "{broken}"], ["--window", WORDS]],
    "report": [[], ["--last", WORDS]],
    "mcp": [["--config", "claude"]],
    "plugins": [[], [WORDS]],
    "cluster": [["status"], ["join", WORDS], ["join", "--token", WORDS]],
    "pause": [[]],
    "serve": [["--lan"]],
    "resume": [[]],
    "status": [[]],
    "plan": [[], ["--limit", "50"]],
    "failed": [[], ["--retry"]],
    "list": [[]],
    "show": [["1"], ["2"], [f"nothing {EVIL}"]],
    "sidecars": [[], ["--apply"], ["--copy-with-chapters", "{out}", "1"], [WORDS]],
    "speakers": [
        [],
        ["name", "1", WORDS],
        ["name", "1", "Anna"],
        ["merge", "1", WORDS],
        ["split", WORDS, WORDS],
        [WORDS],
    ],
    "people": [
        [],
        ["name", "1", WORDS],
        ["show", "1"],
        ["--thumbs"],
        ["merge", "1", WORDS],
        ["not", "1", WORDS],
        ["--json"],
        [WORDS],
    ],
    "organize": [
        ["{films}"],
        ["{films}", "--by-date"],
        ["{films}", "--apply", "--yes"],
        ["--undo"],
        [f"{{films}}/{NAME}"],
    ],
    "rm": [["1", "--dry-run"], ["1"], ["2", "--yes", "--purge"], [WORDS]],
    "check": [[], ["--repair"]],
    "config": [[], ["vision_model", WORDS], [WORDS], ["ollama_host", WORDS], ["vision_model"]],
}
EVERY = [(name, words) for name, cases in CASES.items() for words in cases]
# Those in which a server has something to say.
SPOKEN = [
    (name, words)
    for name, words in EVERY
    if name in {"bench", "doctor", "setup", "enrich", "search", "ask", "organize"}
]


def _id(value: object) -> str:
    """The plain letters of the words."""
    return re.sub(r"[^a-z0-9.-]+", " ", " ".join(value) if isinstance(value, list) else str(value)).strip()[:40]


# What rich itself sends: colours, cursor on and off, line erased, cursor up, back to the beginning of the line, and
# links to files, with every byte of a path that is no plain letter as %XX.
_LINK = rb"\x1b\]8;(?:id=[0-9-]+;file://[A-Za-z0-9/._~%-]+|;)\x1b\\"
OURS = rb"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[2K|\x1b\[1A|\r(?=\x1b)|(?<=\x1b\[\?25h)\r|" + _LINK
CAREFUL = {0, 2, 3, 4, 5, 6, 7}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> World:
    return hostile_content.make(tmp_path_factory.mktemp("nasty"))


@pytest.fixture
def world(original: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A copy of everything, with a speaking server."""
    made = World(tmp_path / "home", tmp_path / "films", tmp_path / "inbox")
    for name in ("home", "films", "inbox"):
        shutil.copytree(getattr(original, name), getattr(made, name))
    (tmp_path / "player").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "player").chmod(0o700)
    monkeypatch.setenv("VIDLOCAL_PLAYER", str(tmp_path / "player"))
    monkeypatch.chdir(tmp_path)
    with hostile_content.talkative() as server:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", server.host)
        yield made


def placed(words: Sequence[str], world: World) -> list[str]:
    places = {
        "{inbox}": world.inbox,
        "{films}": world.films,
        "{broken}": world.broken,
        "{out}": world.home.with_name("out"),
    }
    for name, place in places.items():
        words = [word.replace(name, str(place)) for word in words]
    return list(words)


def has_json(name: str) -> bool:
    return any("--json" in parameter.opts for parameter in load_command(name).params)


def test_every_command_is_audited() -> None:
    assert set(CASES) == set(COMMANDS)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "words"), EVERY, ids=_id)
def test_piped_output_holds_no_control_character_of_the_content(
    run: Run, world: World, name: str, words: list[str]
) -> None:
    for extra in ([], ["--json"]) if has_json(name) else ([],):
        result = run(name, *extra, *placed(words, world))
        crlf = name == "export" and "csv" in words  # RFC 4180
        assert harmful((result.stdout + result.stderr).replace("\r\n", "\n" if crlf else "\r\n")) == []
        assert result.exit_code in CAREFUL, result.stderr
        if extra and result.stdout:
            _is_json(result.stdout)


def _is_json(text: str) -> None:
    """True for a JSON document, or a document per line."""
    try:
        json.loads(text)
    except ValueError:
        for line in text.splitlines():
            json.loads(line)


@pytest.mark.parametrize(("name", "words"), EVERY, ids=_id)
def test_a_terminal_gets_no_control_character_of_the_content(world: World, name: str, words: list[str]) -> None:
    code, shown = on_a_terminal([name, *placed(words, world)])
    assert code in CAREFUL, shown.decode()
    text = re.sub(OURS, b"", shown).decode().replace("\r\r\n", "\n").replace("\r\n", "\n")
    assert harmful(text) == []


@pytest.mark.parametrize("garbage", [False, True])
@pytest.mark.parametrize(("name", "words"), SPOKEN, ids=_id)
def test_server_errors_are_sanitized(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch, name: str, words: list[str], garbage: bool
) -> None:
    with hostile_content.rude(garbage=garbage, status=400 if garbage else 500) as server:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", server.host)
        result = run(name, *placed(words, world))
    assert harmful(result.stdout + result.stderr) == []
    assert result.exit_code in CAREFUL, result.stderr


@pytest.mark.parametrize("words", [["show"], ["note"], ["search", "video:"], ["search", "tag:"], ["search", "lang:"]])
def test_completions_are_sanitized(world: World, words: list[str]) -> None:
    command, *typed = words
    found = candidates([command], "".join(typed), world.home)
    assert found is not None
    assert harmful("".join(item.word + item.description for item in found)) == []
    assert found or command == "search"


def test_without_colours_a_terminal_gets_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    for words in (["search", "evil"], ["list"], ["show", "1"], ["status"]):
        _, shown = on_a_terminal(words)
        assert re.search(rb"\x1b\[[0-9;]*3[0-7]", shown) is None
    assert b"[/red]" in on_a_terminal(["search", "evil"])[1]


def test_a_terminal_would_be_harmed_without_care(world: World) -> None:
    """The input of the audit is full of control sequences, so that the audit can fail."""
    with open(world.home / "library.db", "rb") as file:
        assert b"\x1b]52;c;AAAA" in file.read()
    assert harmful(WORDS)
    assert harmful(NAME)


def on_a_terminal(words: list[str]) -> tuple[int, bytes]:
    """Exit code and output of `vidlocal` on a terminal, without answers to its questions.

    A fork of this process, which has everything imported already: starting anew takes half a second.
    """
    child, ours = pty.fork()
    if child == 0:
        os._exit(_as_a_program(words))
    shown = b""
    while select.select([ours], [], [], 60.0)[0]:
        try:
            shown += os.read(ours, 65536)
        except OSError:  # Linux says so when the last writer is gone
            break
    os.close(ours)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


def _as_a_program(words: list[str]) -> int:
    os.environ.update({"TERM": "xterm-256color", "COLUMNS": "80"})
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 open until we end
        sys.stdout, sys.stderr = (open(file, "w", encoding="utf-8", closefd=False) for file in (1, 2))  # noqa: SIM115
        app(words, prog_name="vidlocal")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except BaseException:
        return 99
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0
