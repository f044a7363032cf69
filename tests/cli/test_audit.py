"""No byte that came from content may steer the terminal, in any form of output of any command."""

import json
import os
import pty
import select
import subprocess
import sys

import pytest

from .conftest import Run

COMMANDS = [
    ["list"],
    ["show", "1"],
    ["rm", "1", "--dry-run"],
    ["rm", "1"],
    ["status"],
    ["search", "evil"],
    ["show", "nothing \x1b[31m \x9b \u202e"],
    ["search", "\x1b[31m evil \x9b \u202e"],
    ["search", "--video", "evil", "bidi"],
    ["config"],
    ["doctor"],
]
# What rich itself sends: colours, cursor on and off, line erased, cursor up.
OURS = rb"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[2K|\x1b\[1A"


def harmful(text: str) -> list[str]:
    return [
        character
        for character in text
        if (ord(character) < 32 and character not in "\n\t")
        or 127 <= ord(character) < 160
        or character in "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
    ]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_piped_output_holds_no_control_character_of_the_content(run: Run, evil: int, words: list[str]) -> None:
    for extra in ([], ["--json"]):
        result = run(*words, *extra)
        assert harmful(result.stdout + result.stderr) == []
        assert result.exit_code in {0, 2}
        if extra and result.exit_code == 0:
            json.loads(result.stdout)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("colour", ["", "1"])
def test_a_terminal_gets_no_control_character_of_the_content(evil: int, words: list[str], colour: str) -> None:
    import re

    environment = {**os.environ, "NO_COLOR": colour, "TERM": "xterm-256color", "COLUMNS": "80"}
    shown = on_a_terminal(words, environment)
    if colour:
        assert re.search(rb"\x1b\[[0-9;]*3[0-7]", shown) is None
    text = re.sub(OURS, b"", shown).decode().replace("\r\n", "\n")
    assert harmful(text) == []
    assert "[/red]" in text or words[0] not in {"show", "search"} or "nothing" in words[-1]


def on_a_terminal(words: list[str], environment: dict[str, str]) -> bytes:
    """What `vidlocal` writes when stdout and stderr are a terminal of 80 columns and nobody answers."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "vidlocal", *words],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    ) as program:
        os.close(theirs)
        shown = b""
        while select.select([ours], [], [], 30.0)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # Linux says so when the last writer is gone
                break
        program.wait(timeout=30)
    os.close(ours)
    return shown
