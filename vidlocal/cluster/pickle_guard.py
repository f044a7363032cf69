"""Restrict pickles: Dask unpickles the messages of every peer, and a pickle can call any function.

While the guard is active, unpickling in this process finds only the names below: the frames of Dask's own messages,
vidlocal's one task, and plain data. Everything else raises an error.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vidlocal.cluster.messages import Name

TASK = ("vidlocal.cluster.task", "perform")

# Dask 2026.8: a submitted task, its graph, and the types of plain results.
_DASK_NAMES = frozenset(
    {
        ("dask._task_spec", "Task"),
        ("dask._expr", "LLGExpr"),
        ("dask._expr", "Expr._reconstruct"),
        ("builtins", "bytes"),
        ("builtins", "set"),
        ("builtins", "frozenset"),
        TASK,
    }
)

_lock = threading.Lock()
_active = 0
_names: "frozenset[Name]" = frozenset()
_installed = False


@contextmanager
def guarded_pickles() -> Iterator[None]:
    """Restrict pickles of all threads of this process inside the block."""
    global _active, _installed, _names
    from vidlocal.cluster.messages import ALLOWED

    with _lock:
        _active += 1
        _names = _DASK_NAMES | ALLOWED
        if not _installed:
            sys.addaudithook(_audit)
            _installed = True
    try:
        yield
    finally:
        with _lock:
            _active -= 1


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event == "pickle.find_class" and _active and arguments not in _names:
        raise ValueError(f"refused to unpickle {arguments[0]}.{arguments[1]}: no part of a vidlocal task")
