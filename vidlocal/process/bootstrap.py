"""First code of every child process, run as a script: set limits, then become the program.

Takes 20 ms. The alternative, a `preexec_fn`, runs Python between fork and exec, which is unsafe if the parent has
threads. Imports nothing from vidlocal, because sys.path is not set yet.
"""

import json
import os
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_SIGKILL = 9
_NICENESS = 5
_LINE_FD = 3


def main() -> None:
    spec = json.loads(sys.argv[1])
    _die_with(spec["parent"])
    os.nice(_NICENESS)
    if spec["memory_bytes"]:
        _limit_memory(spec["memory_bytes"])
    if spec["line_fd"] is not None:
        os.dup2(spec["line_fd"], _LINE_FD)
    if "module" in spec:
        _become_module(spec)
    else:
        _become_program(spec["argv"])


def _die_with(parent: int) -> None:
    """Ask the kernel for SIGKILL when the starting thread ends (Linux; other systems rely on a closed pipe)."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != parent:  # the parent died before the call
        os._exit(1)


def _limit_memory(limit_bytes: int) -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = limit_bytes if hard == resource.RLIM_INFINITY else min(limit_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _become_program(argv: list[str]) -> None:
    try:
        os.execv(argv[0], argv)
    except OSError as error:
        sys.stderr.write(f"{error.strerror}\n")
        sys.stderr.flush()
        os._exit(127)


def _become_module(spec: dict[str, object]) -> None:
    import runpy

    sys.path[:] = spec["path"]  # type: ignore[call-overload]
    sys.argv[:] = [str(spec["module"]), str(spec["requests"]), str(spec["replies"])]
    runpy.run_module(str(spec["module"]), run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
