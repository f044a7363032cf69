"""Call Python code in a child process, a single request at a time. A crash of the child is an error in the parent.

A message is two lengths (header, payload; unsigned 64 bit, big endian), a JSON header and raw payload bytes. Messages
have their own pipes, because C libraries may print to stdout and stderr.
"""

import contextlib
import json
import os
import selectors
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from vidlocal import errors
from vidlocal.errors import ToolError, VidlocalError
from vidlocal.process import launch, pipes

_LENGTHS = struct.Struct(">QQ")
_MAX_HEADER_BYTES = 256 << 20
_MAX_PAYLOAD_BYTES = 1 << 30

Values = dict[str, object]
Handler = Callable[[Values, bytes], tuple[Values, bytes]]


class WorkerCrashed(ToolError):
    """The child died or raised an unexpected exception. The next call starts a new child."""


class WorkerTimedOut(ToolError):
    """The child timed out and was killed. The next call starts a new child."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Reply of the child."""

    values: Values
    payload: bytes


class Worker:
    """A child process `python -m module` for a single request at a time. A context manager: the child ends on exit.

    The child starts with the first call. `name` is for messages, e.g. "Speech recognition".
    The thread of the first call must live as long as the worker: on Linux the child dies with it.
    """

    def __init__(self, module: str, *, name: str, memory_bytes: int | None = None) -> None:
        self.name = name
        self._module = module
        self._memory_bytes = memory_bytes
        self._child: launch.Child | None = None
        self._request_fd = self._reply_fd = -1
        self._stderr = pipes.Tail()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def call(self, request: Values, *, payload: bytes = b"", timeout: float) -> Reply:
        """Send a request and wait for the reply.

        Raises the VidlocalError of the child's handler, WorkerCrashed or WorkerTimedOut. After the last two the next
        call starts a new child.
        """
        if self._child is None:
            self._start()
        budget = pipes.WaitBudget(total=timeout)
        try:
            self._send(_pack(request, payload), budget)
            values, answer = self._receive(budget)
        except pipes.WaitTimedOut as error:
            self.close()
            raise WorkerTimedOut(f"{self.name} timed out after {timeout:.0f} s and was stopped.") from error
        except BaseException:  # also Ctrl-C: a late reply must not be taken for that of the next request
            self.close()
            raise
        self._raise_error(values)
        return Reply(values, answer)

    def interrupt(self) -> None:
        """End the call of another thread with WorkerCrashed, by killing the child."""
        child = self._child
        if child is not None:
            launch.terminate(child)

    def close(self) -> None:
        """Kill the child."""
        if self._child is None:
            return
        launch.kill(self._child)
        self._selector.close()
        os.close(self._request_fd)
        os.close(self._reply_fd)
        self._child = None

    def _start(self) -> None:
        child_requests, self._request_fd = os.pipe()
        self._reply_fd, child_replies = pipes.make_pipe()
        try:
            self._child = launch.launch_module(
                self._module, requests=child_requests, replies=child_replies, memory_bytes=self._memory_bytes
            )
        finally:
            os.close(child_requests)
            os.close(child_replies)
            if self._child is None:
                os.close(self._request_fd)
                os.close(self._reply_fd)
        assert self._child.stderr is not None
        os.set_blocking(self._request_fd, False)
        self._stderr = pipes.Tail()
        self._stderr_fd = self._child.stderr.fileno()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._reply_fd, selectors.EVENT_READ)
        self._selector.register(self._stderr_fd, selectors.EVENT_READ)

    def _send(self, message: bytes, budget: pipes.WaitBudget) -> None:
        rest = memoryview(message)
        self._selector.register(self._request_fd, selectors.EVENT_WRITE)
        while rest:
            ready = self._serve_pipes(budget)
            if self._reply_fd in ready:  # readable before the request is complete: the child has died
                raise self._crash()
            if self._request_fd in ready:
                try:
                    rest = rest[os.write(self._request_fd, rest[: 1 << 16]) :]
                except BrokenPipeError:
                    raise self._crash() from None
        self._selector.unregister(self._request_fd)

    def _receive(self, budget: pipes.WaitBudget) -> tuple[Values, bytes]:
        header_length, payload_length = _LENGTHS.unpack(self._read(_LENGTHS.size, budget))
        if header_length > _MAX_HEADER_BYTES or payload_length > _MAX_PAYLOAD_BYTES:
            raise self._crash()
        header = self._read(header_length, budget)
        return json.loads(header), self._read(payload_length, budget)

    def _read(self, count: int, budget: pipes.WaitBudget) -> bytes:
        buffer = bytearray(count)
        view = memoryview(buffer)
        while view:
            if self._reply_fd in self._serve_pipes(budget):
                count_read = os.readv(self._reply_fd, [view])
                if count_read == 0:
                    raise self._crash()
                view = view[count_read:]
        return bytes(buffer)

    def _serve_pipes(self, budget: pipes.WaitBudget) -> set[int]:
        """Wait for pipes to become ready, and read stderr. Returns the ready file descriptors."""
        ready = {key.fd for key in budget.wait(self._selector)}
        if self._stderr_fd in ready:
            data = pipes.read_some(self._stderr_fd)
            self._stderr.add(data)
            if not data:
                self._selector.unregister(self._stderr_fd)
        return ready

    def _crash(self) -> WorkerCrashed:
        stderr = self._stderr.text().strip()
        self.close()
        crash = WorkerCrashed(f"{self.name} crashed.")
        if stderr:
            crash.add_note(stderr)
        return crash

    def _raise_error(self, values: Values) -> None:
        class_name = values.get("failure")
        if class_name is None:
            return
        message = str(values.get("message", ""))
        error_class = getattr(errors, str(class_name), None)
        if isinstance(error_class, type) and issubclass(error_class, VidlocalError):
            raise error_class(message)
        self.close()  # the child may be in an invalid state
        crash = WorkerCrashed(f"{self.name} failed: {message}")
        crash.add_note(str(values.get("trace", "")))
        raise crash


def serve(handler: Handler) -> None:
    """Handle requests until the parent ends. Called in the child, by the module of a Worker.

    `handler` receives values and payload of a request and returns those of the reply. A VidlocalError is raised again
    in the parent; any other exception becomes WorkerCrashed.
    """
    requests, replies = (int(argument) for argument in sys.argv[1:3])
    os.set_inheritable(requests, False)
    os.set_inheritable(replies, False)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with open(requests, "rb") as incoming, open(replies, "wb") as outgoing:
        while header := incoming.read(_LENGTHS.size):
            header_length, payload_length = _LENGTHS.unpack(header)
            request = json.loads(incoming.read(header_length))
            message = _reply(handler, request, incoming.read(payload_length))
            with contextlib.suppress(BrokenPipeError):
                outgoing.write(message)
                outgoing.flush()


def _reply(handler: Handler, request: Values, payload: bytes) -> bytes:
    try:
        values, answer = handler(request, payload)
    except VidlocalError as error:
        values, answer = {"failure": type(error).__name__, "message": str(error)}, b""
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        values, answer = {"failure": "", "message": message, "trace": traceback.format_exc()}, b""
    return _pack(values, answer)


def _pack(values: Values, payload: bytes) -> bytes:
    header = json.dumps(values).encode("ascii")
    return _LENGTHS.pack(len(header), len(payload)) + header + payload


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)
