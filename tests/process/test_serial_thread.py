"""Calls in sequence on a thread."""

import subprocess
import sys
from threading import Event

import pytest

from vidlocal.process import SerialThread


def test_calls_run_in_order_and_return_results_and_errors() -> None:
    thread = SerialThread("test")
    seen: list[int] = []
    futures = [thread.submit(seen.append, number) for number in range(5)]
    failed = thread.submit(int, "x")
    thread.shutdown()
    assert all(future.done() for future in futures)
    assert seen == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="invalid literal"):
        failed.result()


def test_a_cancelled_call_does_not_run() -> None:
    thread, gate, seen = SerialThread("test"), Event(), list[int]()
    thread.submit(gate.wait)
    waiting = thread.submit(seen.append, 1)
    assert waiting.cancel()
    gate.set()
    thread.shutdown()
    assert seen == []


def test_a_program_ends_without_shutdown() -> None:
    code = "from vidlocal.process import SerialThread; SerialThread('test').submit(print, 'done').result()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "done\n"
