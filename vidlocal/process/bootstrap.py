"""The first code of every child, run as a script: limit itself, then become the program.

A `preexec_fn` would run Python between fork and exec, which is unsafe as soon as the parent has threads;
these 20 ms are the price. Imports nothing of vidlocal, for it runs before the path is known.
"""

import json
import os
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_SIGKILL = 9
_NICENESS = 5
_SIDE_FD = 3


def main() -> None:
    spec = json.loads(sys.argv[1])
    _die_with(spec["parent"])
    os.nice(_NICENESS)
    if spec["memory_bytes"]:
        _limit_memory(spec["memory_bytes"])
    if spec["side"] is not None:
        os.dup2(spec["side"], _SIDE_FD)
    if "module" in spec:
        _become_module(spec)
    else:
        _become_program(spec["argv"])


def _die_with(parent: int) -> None:
    """Be killed when the thread that started us ends (Linux; elsewhere a closed pipe has to do)."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


def _limit_memory(limit_bytes: int) -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    within = limit_bytes if hard == resource.RLIM_INFINITY else min(limit_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (within, hard))


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
