"""Background commands of vidlocal: `ingest` and `enrich`."""

import json
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Lock, Thread
from time import monotonic

from vidlocal.errors import UsageError

MAX_RUNNING = 4
_MAX_KEPT = 20
_MAX_LINES = 200
_MAX_LINE_CHARACTERS = 2000
_STOP_S = 15.0


@dataclass(slots=True)
class BackgroundCommand:
    """A command with its last lines. `exit_code` is None while running; `started_at`: UTC, ISO 8601."""

    id: int
    words: Sequence[str]
    started_at: str
    process: subprocess.Popen[str]
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_MAX_LINES))
    results: int = 0

    def as_data(self) -> dict[str, object]:
        """Return the command as plain data for JSON."""
        return {
            "id": self.id,
            "command": ["vidlocal", *self.words],
            "started_at": self.started_at,
            "exit_code": self.process.poll(),
            "results": self.results,
            "lines": list(self.lines),
        }


class BackgroundCommands:
    """Starts vidlocal commands on a library, and keeps their output. All end with the server."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._numbers = count(1)
        self._lock = Lock()
        self._commands: dict[int, BackgroundCommand] = {}

    def start(self, *words: str) -> BackgroundCommand:
        """Start a command. Raises UsageError for a running command, or too many commands."""
        with self._lock:
            running = [command for command in self._commands.values() if command.process.poll() is None]
            if any(command.words == words for command in running):
                raise UsageError("This command is already running.")
            if len(running) >= MAX_RUNNING:
                raise UsageError(f"{MAX_RUNNING} commands are running. Wait for one, or stop it.")
            command = BackgroundCommand(next(self._numbers), words, datetime.now(UTC).isoformat(), self._launch(words))
            self._commands[command.id] = command
            for number in list(self._commands)[:-_MAX_KEPT]:
                if self._commands[number].process.poll() is not None:
                    del self._commands[number]
        Thread(target=_collect, args=(command,), daemon=True).start()
        return command

    def every(self) -> list[BackgroundCommand]:
        """List the commands of this server, newest first."""
        with self._lock:
            return list(reversed(self._commands.values()))

    def stop(self, number: int) -> BackgroundCommand:
        """Interrupt a command, like Ctrl-C: finished work is kept. Raises UsageError for an unknown number."""
        command = self._commands.get(number)
        if command is None:
            raise UsageError(f"No command {number}.")
        command.process.terminate()
        return command

    def close(self, *, timeout_s: float = _STOP_S) -> None:
        """Interrupt all commands, and kill them after `timeout_s` seconds."""
        deadline = monotonic() + timeout_s
        for command in self.every():
            command.process.terminate()
        for command in self.every():
            try:
                command.process.wait(max(0.0, deadline - monotonic()))
            except subprocess.TimeoutExpired:
                command.process.kill()
                command.process.wait()

    def _launch(self, words: Sequence[str]) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "vidlocal", "--home", str(self._home), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )


def _collect(command: BackgroundCommand) -> None:
    """Read the output to the end: JSON lines are results, others messages."""
    assert command.process.stdout is not None
    with command.process.stdout as output:
        for line in output:
            command.results += _is_json(line)
            command.lines.append(line.rstrip("\n")[:_MAX_LINE_CHARACTERS])
    command.process.wait()


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
