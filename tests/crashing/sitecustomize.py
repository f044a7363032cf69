"""Ends the program at a chosen point: imported by Python from a folder in PYTHONPATH.

    CRASH_AT="commit 3"        SIGKILL at the third commit, before it is made
    CRASH_COUNTS=/tmp/counts   write how often each point was passed

Points: commit, committed; rename, renamed; remove, removed; mkdir; create (a file); flush; spawn, spawned. The program
itself knows nothing of this; its children start isolated (-I) and are left alone.
"""

import atexit
import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

_kind, _, _number = os.environ.get("CRASH_AT", "").partition(" ")
_passed: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
_last: dict[str, int] = {}


def point(kind: str) -> None:
    number = _last[kind] = next(_passed[kind])
    if kind == _kind and number == int(_number):
        os.kill(os.getpid(), signal.SIGKILL)


def between(before: str, call: Callable[..., Any], after: str | None = None) -> Callable[..., Any]:
    def passed(*words: Any, **options: Any) -> Any:
        point(before)
        result = call(*words, **options)
        if after:
            point(after)
        return result

    return passed


class Connection(sqlite3.Connection):
    def commit(self) -> None:
        point("commit")
        super().commit()
        point("committed")


def watch(event: str, values: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(values[2], int) and values[2] & os.O_CREAT:
        point("create")


def count() -> None:
    with open(os.environ["CRASH_COUNTS"], "w", encoding="utf-8") as file:
        json.dump(_last, file)


if "CRASH_AT" in os.environ or "CRASH_COUNTS" in os.environ:
    connect = sqlite3.connect
    sqlite3.connect = lambda *words, **options: connect(*words, **{"factory": Connection} | options)
    os.rename = between("rename", os.rename, "renamed")
    os.replace = between("rename", os.replace, "renamed")
    os.unlink = between("remove", os.unlink, "removed")
    os.rmdir = between("remove", os.rmdir, "removed")
    os.mkdir = between("mkdir", os.mkdir)
    os.fsync = between("flush", os.fsync)
    os.sync = between("flush", os.sync)
    subprocess.Popen.__init__ = between("spawn", subprocess.Popen.__init__, "spawned")  # type: ignore[method-assign]
    sys.addaudithook(watch)
    if "CRASH_COUNTS" in os.environ:
        atexit.register(count)
