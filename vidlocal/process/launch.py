"""Start and kill a child process."""

import contextlib
import json
import logging
import os
import shlex
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
# From 1.29 on, onnxruntime sends telemetry some seconds after its import. Only this variable, set before the import,
# prevents it; disable_telemetry_events() comes too late. The others stop downloads by huggingface_hub: only setup
# downloads, and without that library.
_OFFLINE = {"ORT_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}

# numpy starts a thread per core at its import, which no child needs.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}

Child = subprocess.Popen[bytes]
_log = logging.getLogger(__name__)


def launch_program(
    argv: Sequence[str], *, stdin: int | None, memory_bytes: int | None, line_fd: int | None = None
) -> Child:
    """Start a program with stdout and stderr as pipes. `line_fd` becomes file descriptor 3 of the program."""
    _log.debug("run %s", shlex.join(argv))
    program = shutil.which(argv[0])
    if program is None:
        raise ToolError(f"{argv[0]}: program not found or not executable.")
    spec = {"argv": [program, *argv[1:]], "memory_bytes": memory_bytes, "line_fd": line_fd}
    return _start(spec, stdin=stdin, pass_fds=() if line_fd is None else (line_fd,), stdout=subprocess.PIPE)


def launch_module(module: str, *, requests: int, replies: int, memory_bytes: int | None) -> Child:
    """Start `python -m module` with the numbers of two pipe ends. Stdin of the child closes when the parent dies."""
    _log.debug("start %s", module)
    spec = {
        "module": module,
        "path": [entry for entry in sys.path if os.path.isabs(entry)],
        "requests": requests,
        "replies": replies,
        "memory_bytes": memory_bytes,
        "line_fd": None,
    }
    # Output of C libraries goes to stderr, of which only the tail is kept.
    return _start(spec, stdin=subprocess.PIPE, pass_fds=(requests, replies), stdout=None)


def terminate(child: Child) -> None:
    """Kill the child's process group, unless the child was collected. Callable from any thread."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)


def kill(child: Child) -> None:
    """Kill the child's process group and collect the child. Does nothing if the child has ended."""
    terminate(child)
    # A process stuck in the kernel (a dead network drive) cannot be collected, so waiting has a limit.
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=_REAP_TIMEOUT_S)
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _start(spec: Mapping[str, Any], *, stdin: int | None, pass_fds: tuple[int, ...], stdout: int | None) -> Child:
    command = [sys.executable, "-I", *([] if "module" in spec else ["-S"]), _BOOTSTRAP]
    command.append(json.dumps({**spec, "parent": os.getpid()}))
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE if stdout is not None else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=pass_fds,
            env={**os.environ, **_OFFLINE, **_ONE_THREAD},
            process_group=0,
        )
    except OSError as error:
        raise ToolError(f"Cannot start a process: {error.strerror}.") from error
