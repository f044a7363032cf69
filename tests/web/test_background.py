"""Commands in the background."""

import signal
import time
from pathlib import Path

import pytest

from vidlocal.web.background import BackgroundCommands


def test_no_command_outlives_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", "127.0.0.1:9")
    commands = BackgroundCommands(tmp_path)
    command = commands.start("worker", "--json")
    deadline = time.monotonic() + 30
    while not command.lines and command.process.poll() is None:
        assert time.monotonic() < deadline, "the command says nothing"
        time.sleep(0.05)
    command.process.send_signal(signal.SIGSTOP)  # it does not react to an interruption
    commands.close(timeout_s=0.1)
    assert command.process.returncode == -signal.SIGKILL
