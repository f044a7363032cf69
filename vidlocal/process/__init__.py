"""Starting, limiting and ending child processes: the only code that does.

`run` for a short program, `Stream` for one that says much, `Worker` and `serve` for Python code that may crash,
`start_detached` for a player that outlives us, `refuse_network` for a child that has nothing to do there.

Every other child has its own process group, runs niced, gets no terminal, dies with the parent, is never started
through a shell and is ended by SIGKILL to its group: an ffmpeg that hangs in open() ignores SIGTERM.
"""

from vidlocal.process.detached import start_detached
from vidlocal.process.offline import refuse_network
from vidlocal.process.stream import CompletedProcess, Stream, TimedOut, TooMuchOutput, run
from vidlocal.process.worker import Reply, Worker, WorkerCrashed, WorkerTimedOut, serve

__all__ = [
    "CompletedProcess",
    "Reply",
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
