import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vidlocal.errors import MediaError, ToolError
from vidlocal.process import Stream, TimedOut, TooMuchOutput, Worker, WorkerCrashed, WorkerTimedOut, run

PYTHON = sys.executable


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
    except NotADirectoryError:  # no /proc here
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            return True
        return False


def _ends(pid: int, within: float = 10.0) -> bool:
    deadline = time.monotonic() + within
    while _is_alive(pid):
        if time.monotonic() > deadline:
            return False
        os.sched_yield()
    return True


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker("tests.support.process_child", name="the test child") as opened:
        yield opened


def test_run_returns_output_and_exit_status() -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    finished = run([PYTHON, "-c", code], timeout=20)
    assert (finished.returncode, finished.stdout, finished.stderr) == (3, b"out\n", "err\n")


def test_run_feeds_stdin_larger_than_a_pipe_while_reading_the_output() -> None:
    sent = os.urandom(1 << 20)
    copy = "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"
    assert run([PYTHON, "-c", copy], timeout=20, stdin=sent).stdout == sent


def test_run_gives_no_terminal_and_no_input_to_the_program() -> None:
    assert run([PYTHON, "-c", "import sys; print(sys.stdin.read() == '')"], timeout=20).stdout == b"True\n"


def test_run_passes_any_file_name_unchanged() -> None:
    name = os.fsdecode(b"-y \xff'\"$(id)\n\xf0\x9f\x8e\xac")
    code = "import os, sys; sys.stdout.buffer.write(os.fsencode(sys.argv[1]))"
    assert run([PYTHON, "-c", code, name], timeout=20).stdout == os.fsencode(name)


def test_run_kills_a_program_at_the_timeout_even_if_it_ignores_sigterm(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
    )
    with pytest.raises(TimedOut):
        run([PYTHON, "-c", code, str(tmp_path / "pid")], timeout=1.5)
    assert _ends(int((tmp_path / "pid").read_text()))


def test_run_kills_a_program_with_too_much_output() -> None:
    with pytest.raises(TooMuchOutput):
        run([PYTHON, "-c", "while True: print('x' * 9999)"], timeout=20, max_output_bytes=100_000)


def test_run_of_a_missing_program_is_a_tool_error() -> None:
    with pytest.raises(ToolError, match="no-such-program"):
        run(["/nowhere/no-such-program"], timeout=5)


def test_run_limits_memory() -> None:
    finished = run([PYTHON, "-c", "bytearray(1 << 30)"], timeout=20, memory_bytes=256 << 20)
    assert finished.returncode != 0
    assert "MemoryError" in finished.stderr


def read(stream: Stream, count: int) -> bytes:
    buffer = bytearray(count)
    return bytes(buffer[: stream.read_into(memoryview(buffer))])


def test_stream_reads_both_pipes_without_one_blocking_the_other() -> None:
    code = (
        "import os, sys\n"
        "for i in range(3000):\n"
        "    os.write(3, b'line %d\\n' % i)\n"
        "    os.write(2, b'complaint ' * 50)\n"
        "    sys.stdout.buffer.write(bytes([i % 256]) * 1000)\n"
    )
    with Stream([PYTHON, "-c", code], stall_timeout=20, timeout=60, line_pipe=True) as stream:
        blocks = [read(stream, 1000) for _ in range(3000)]
        lines = [stream.read_line() for _ in range(3000)]
        assert read(stream, 10) == b""
        assert stream.read_line() is None
        assert stream.finish() == 0
    assert blocks == [bytes([i % 256]) * 1000 for i in range(3000)]
    assert lines == [f"line {i}" for i in range(3000)]
    assert len(stream.stderr) <= 8192


def test_stream_is_short_at_the_end_of_the_output() -> None:
    with Stream([PYTHON, "-c", "print('12345', end='')"], stall_timeout=20, timeout=20) as stream:
        assert read(stream, 3) == b"123"
        assert read(stream, 3) == b"45"
        assert stream.finish() == 0


def test_stream_kills_a_program_that_stalls() -> None:
    code = "import os, time; os.write(1, str(os.getpid()).zfill(8).encode()); time.sleep(600)"
    with Stream([PYTHON, "-c", code], stall_timeout=2.0, timeout=60) as stream:
        pid = int(read(stream, 8))
        with pytest.raises(TimedOut):
            read(stream, 1)
    assert _ends(pid)


def test_leaving_a_stream_early_ends_the_process() -> None:
    code = "import os\nos.write(1, str(os.getpid()).zfill(8).encode())\nwhile True: os.write(1, b'x' * 99999)"
    with Stream([PYTHON, "-c", code], stall_timeout=20, timeout=20) as stream:
        pid = int(read(stream, 8))
    assert _ends(pid)


def test_stream_closes_its_files() -> None:
    before = len(os.listdir("/dev/fd"))
    for _ in range(3):
        with Stream([PYTHON, "-c", "pass"], stall_timeout=20, timeout=20, line_pipe=True) as stream:
            stream.finish()
    assert len(os.listdir("/dev/fd")) == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can signal a child when its parent dies")
def test_a_program_dies_with_its_killed_parent(tmp_path: Path) -> None:
    child = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); print(1, flush=True)"
    code = (
        "import sys, time; from vidlocal.process import Stream\n"
        f"with Stream([sys.executable, '-c', {child + '; time.sleep(600)'!r}], stall_timeout=60, timeout=60) as s:\n"
        "    s.read_into(memoryview(bytearray(2))); print('up', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([PYTHON, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        parent.send_signal(signal.SIGKILL)
    assert _ends(int((tmp_path / "pid").read_text()))


def test_worker_replies_with_values_and_bytes(worker: Worker) -> None:
    text = os.fsdecode(b"name \xff\n\xe2\x82\xac")
    payload = os.urandom(3 << 20)
    reply = worker.call({"do": "echo", "text": text}, payload=payload, timeout=20)
    assert reply.values["said"] == text
    assert reply.payload == payload


def test_worker_keeps_its_child_between_calls(worker: Worker) -> None:
    pids = {worker.call({"do": "echo"}, timeout=20).values["pid"] for _ in range(3)}
    assert len(pids) == 1


def test_worker_raises_errors_of_the_handler_and_keeps_the_child(worker: Worker) -> None:
    before = worker.call({"do": "echo"}, timeout=20).values["pid"]
    with pytest.raises(MediaError, match=r"^this file is no good$"):
        worker.call({"do": "refuse"}, timeout=20)
    assert worker.call({"do": "echo"}, timeout=20).values["pid"] == before


def test_worker_survives_a_segmentation_fault_and_keeps_stderr(worker: Worker) -> None:
    with pytest.raises(WorkerCrashed, match="the test child crashed") as caught:
        worker.call({"do": "crash"}, timeout=20)
    assert "last words" in caught.value.__notes__[0]
    assert worker.call({"do": "echo", "text": "again"}, timeout=20).values["said"] == "again"


def test_worker_reports_a_bug_with_its_traceback_and_restarts_the_child(worker: Worker) -> None:
    with pytest.raises(WorkerCrashed, match="nobody foresaw this") as caught:
        worker.call({"do": "bug"}, timeout=20)
    assert "Traceback" in caught.value.__notes__[0]
    assert worker.call({"do": "echo", "text": "again"}, timeout=20).values["said"] == "again"


def test_a_hanging_child_is_killed_and_replaced(worker: Worker) -> None:
    pid = worker.call({"do": "echo"}, timeout=20).values["pid"]
    with pytest.raises(WorkerTimedOut, match="the test child"):
        worker.call({"do": "hang"}, timeout=0.5)
    assert isinstance(pid, int)
    assert _ends(pid)
    assert worker.call({"do": "echo", "text": "again"}, timeout=20).values["said"] == "again"


def test_child_dead_between_calls_is_replaced(worker: Worker) -> None:
    pid = worker.call({"do": "echo"}, timeout=20).values["pid"]
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    assert _ends(pid)
    with pytest.raises(WorkerCrashed):
        worker.call({"do": "echo"}, timeout=20)
    assert worker.call({"do": "echo", "text": "again"}, timeout=20).values["said"] == "again"


def test_output_of_libraries_does_not_disturb_replies(worker: Worker) -> None:
    worker.call({"do": "chatter"}, timeout=20)
    assert worker.call({"do": "echo", "text": "clear"}, timeout=20).values["said"] == "clear"


def test_the_memory_of_a_worker_is_limited() -> None:
    with (
        Worker("tests.support.process_child", name="the test child", memory_bytes=512 << 20) as worker,
        pytest.raises(WorkerCrashed, match="MemoryError"),
    ):
        worker.call({"do": "eat"}, timeout=20)


def test_leaving_a_worker_ends_the_child_and_its_children() -> None:
    with Worker("tests.support.process_child", name="the test child") as worker:
        pid = worker.call({"do": "echo"}, timeout=20).values["pid"]
        grandchild = worker.call({"do": "fork"}, timeout=20).values["child"]
    assert isinstance(pid, int)
    assert isinstance(grandchild, int)
    assert _ends(pid)
    assert _ends(grandchild)


def test_a_worker_dies_with_its_killed_parent() -> None:
    code = (
        "import time; from vidlocal.process import Worker\n"
        "with Worker('tests.support.process_child', name='child') as w:\n"
        "    print(w.call({'do': 'echo'}, timeout=20).values['pid'], flush=True); time.sleep(600)"
    )
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen([PYTHON, "-c", code], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert _ends(pid)
