"""Starting one child and ending it for certain."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vidlocal.errors import ToolError

_BOOTSTRAP = str(Path(__file__).with_name("bootstrap.py"))
_REAP_TIMEOUT_S = 10.0
# From 1.29 on onnxruntime sends what it runs to its maker, by itself, some seconds after its import. Only this
# variable, set before, keeps it from that; its own disable_telemetry_events() comes too late.
# The others are for the library that models are usually fetched with: setup alone fetches, and without it.
_OFFLINE = {"ORT_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}

Child = subprocess.Popen[bytes]


def launch_program(
    argv: Sequence[str], *, stdin: int | None, memory_bytes: int | None, side_fd: int | None = None
) -> Child:
    """A running program with stdout and stderr as pipes. `side_fd` becomes its file descriptor 3."""
    program = shutil.which(argv[0])
    if program is None:
        raise ToolError(f"The program {argv[0]} is not there or may not be run.")
    spec = {"argv": [program, *argv[1:]], "memory_bytes": memory_bytes, "side": side_fd}
    return _start(spec, stdin=stdin, keep=() if side_fd is None else (side_fd,), stdout=subprocess.PIPE)


def launch_module(module: str, *, requests: int, replies: int, memory_bytes: int | None) -> Child:
    """A running `python -m module`, given two pipe ends by number; its stdin closes when the parent dies."""
    spec = {
        "module": module,
        "path": [entry for entry in sys.path if os.path.isabs(entry)],
        "requests": requests,
        "replies": replies,
        "memory_bytes": memory_bytes,
        "side": None,
    }
    # What C libraries print goes to stderr, where only its tail is kept.
    return _start(spec, stdin=subprocess.PIPE, keep=(requests, replies), stdout=None)


def kill(child: Child) -> None:
    """End the child's whole group at once and collect it. Harmless when it has ended already."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    # A process that is stuck in the kernel (a dead network drive) cannot be collected; we do not wait with it.
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=_REAP_TIMEOUT_S)
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _start(spec: Mapping[str, Any], *, stdin: int | None, keep: tuple[int, ...], stdout: int | None) -> Child:
    command = [sys.executable, "-I", *([] if "module" in spec else ["-S"]), _BOOTSTRAP]
    command.append(json.dumps({**spec, "parent": os.getpid()}))
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE if stdout is not None else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=keep,
            env={**os.environ, **_OFFLINE},
            process_group=0,
        )
    except OSError as error:
        raise ToolError(f"No process can be started: {error.strerror}.") from error
