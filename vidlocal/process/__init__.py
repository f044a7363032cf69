"""Start, limit and end child processes. No other package starts processes.

`run` is for short programs, `Stream` for programs with much output, `Worker` and `serve` for Python code that may
crash, `start_detached` for players, `refuse_network` for children without network access. `SerialThread` runs calls
one after the other.

Except for detached programs, children have their own process group and no terminal, run niced, die with the parent, are
started without a shell and ended by SIGKILL to the group: an ffmpeg that hangs in open() ignores SIGTERM.
"""

from vidlocal.process.detached import start_detached
from vidlocal.process.offline import refuse_network
from vidlocal.process.serial_thread import SerialThread
from vidlocal.process.stream import CompletedProcess, Stream, TimedOut, TooMuchOutput, run
from vidlocal.process.worker import Reply, Worker, WorkerCrashed, WorkerTimedOut, serve

__all__ = [
    "CompletedProcess",
    "Reply",
    "SerialThread",
    "Stream",
    "TimedOut",
    "TooMuchOutput",
    "Worker",
    "WorkerCrashed",
    "WorkerTimedOut",
    "refuse_network",
    "run",
    "serve",
    "start_detached",
]
