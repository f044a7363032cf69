"""Run a program to the end, or read the output while running."""

import os
import selectors
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from vidlocal.errors import ToolError
from vidlocal.process import launch, pipes

_EXIT_TIMEOUT_S = 30.0


class TimedOut(ToolError):
    """The program ran for too long, or had no output for too long, and was killed."""


class TooMuchOutput(ToolError):
    """The program's output exceeded the limit, and the program was killed."""


@dataclass(frozen=True, slots=True)
class CompletedProcess:
    """Result of a program. `returncode` is negative for a signal; `stderr` has the last 8 KB."""

    returncode: int
    stdout: bytes
    stderr: str


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    stdin: bytes | None = None,
    max_output_bytes: int = 64 << 20,
    memory_bytes: int | None = None,
) -> CompletedProcess:
    """Run a program to the end. Raises TimedOut, TooMuchOutput, ToolError."""
    with Stream(argv, timeout=timeout, stall_timeout=timeout, stdin=stdin, memory_bytes=memory_bytes) as stream:
        output = bytearray()
        while piece := stream.read_some():
            output += piece
            if len(output) > max_output_bytes:
                raise TooMuchOutput(f"{stream.name}: stopped after more than {max_output_bytes} bytes of output.")
        returncode = stream.finish()
    return CompletedProcess(returncode, bytes(output), stream.stderr)


class Stream:
    """A running program with streamed output. A context manager: the program ends on exit.

    With `line_pipe` the program has a second pipe as file descriptor 3, for lines of text. This pipe and stderr are
    drained during every wait for stdout. Both limits count only seconds spent waiting for the program: `timeout` in
    total, `stall_timeout` without any data.
    The thread that enters must live as long as the stream: on Linux the program dies with it.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        stall_timeout: float,
        timeout: float,
        line_pipe: bool = False,
        stdin: bytes | None = None,
        memory_bytes: int | None = None,
    ) -> None:
        self.name = Path(argv[0]).name
        self._argv = argv
        self._has_line_pipe = line_pipe
        self._memory_bytes = memory_bytes
        self._stdin = memoryview(b"" if stdin is None else stdin)
        self._budget = pipes.WaitBudget(total=timeout, stall=stall_timeout)
        self._child: launch.Child | None = None
        self._line_fd: int | None = None
        self._lines = pipes.LineBuffer()
        self._stderr = pipes.Tail()

    def __enter__(self) -> Self:
        line_end: int | None = None
        if self._has_line_pipe:
            self._line_fd, line_end = pipes.make_pipe()
        try:
            stdin = subprocess.PIPE if self._stdin else None
            self._child = launch.launch_program(
                self._argv, stdin=stdin, memory_bytes=self._memory_bytes, line_fd=line_end
            )
        except BaseException:
            self.close()
            raise
        finally:
            if line_end is not None:
                os.close(line_end)
        self._register_pipes(self._child)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill the program."""
        if self._child is not None:
            launch.kill(self._child)
            self._selector.close()
        if self._line_fd is not None:
            os.close(self._line_fd)
            self._line_fd = None

    def interrupt(self) -> None:
        """Kill the program from another thread: the reading thread gets the end of the output."""
        if self._child is not None:
            launch.terminate(self._child)

    @property
    def stderr(self) -> str:
        """The last 8 KB of stderr so far."""
        return self._stderr.text()

    def read_line(self) -> str | None:
        """Wait for the next line of the line pipe; None if the program closed the pipe."""
        while (line := self._lines.pop()) is None:
            if not self._is_open(self._line_fd):
                return None
            self._serve_pipes()
        return line

    def read_some(self) -> bytes:
        """Wait for the next bytes of stdout; b"" at the end."""
        while self._is_open(self._stdout):
            if self._serve_pipes():
                piece = pipes.read_some(self._stdout)
                if piece:
                    return piece
                self._selector.unregister(self._stdout)
        return b""

    def read_into(self, buffer: memoryview) -> int:
        """Fill `buffer` from stdout. Returns the number of bytes, smaller only at the end of the output."""
        filled = 0
        while filled < len(buffer) and self._is_open(self._stdout):
            if self._serve_pipes():
                count = os.readv(self._stdout, [buffer[filled:]])
                if count == 0:
                    self._selector.unregister(self._stdout)
                filled += count
        return filled

    def finish(self) -> int:
        """Read the output to the end and wait for the exit status; negative for a signal."""
        while self.read_some():
            pass
        while self._selector.get_map():
            self._serve_pipes()
        assert self._child is not None
        try:
            return self._child.wait(timeout=_EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise TimedOut(f"{self.name}: did not exit and was stopped.") from error

    def _register_pipes(self, child: launch.Child) -> None:
        assert child.stdout is not None
        assert child.stderr is not None
        self._stdout, self._stderr_fd = child.stdout.fileno(), child.stderr.fileno()
        pipes.widen(self._stdout)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._stdout, selectors.EVENT_READ)
        self._selector.register(self._stderr_fd, selectors.EVENT_READ)
        if self._line_fd is not None:
            self._selector.register(self._line_fd, selectors.EVENT_READ)
        if child.stdin is not None:
            os.set_blocking(child.stdin.fileno(), False)
            self._selector.register(child.stdin, selectors.EVENT_WRITE)

    def _is_open(self, fd: int | None) -> bool:
        return fd is not None and fd in self._selector.get_map()

    def _serve_pipes(self) -> bool:
        """Wait for the pipes and serve all except stdout. Returns True if stdout can be read."""
        try:
            ready = self._budget.wait(self._selector)
        except pipes.WaitTimedOut as error:
            self.close()
            raise TimedOut(f"{self.name}: timed out and was stopped.") from error
        for key in ready:
            if key.fd == self._stderr_fd:
                self._receive(key.fd, self._stderr)
            elif key.fd == self._line_fd:
                self._receive(key.fd, self._lines)
            elif key.fd != self._stdout:
                self._send_stdin()
        return any(key.fd == self._stdout for key in ready)

    def _receive(self, fd: int, into: pipes.Tail | pipes.LineBuffer) -> None:
        piece = pipes.read_some(fd)
        into.add(piece)
        if not piece:
            self._selector.unregister(fd)

    def _send_stdin(self) -> None:
        assert self._child is not None
        assert self._child.stdin is not None
        try:
            written = os.write(self._child.stdin.fileno(), self._stdin[: 1 << 16])
        except BrokenPipeError:  # the program stopped reading
            written = len(self._stdin)
        self._stdin = self._stdin[written:]
        if not self._stdin:
            self._selector.unregister(self._child.stdin)
            self._child.stdin.close()
