"""Keeping the machine awake while there is work."""

import contextlib
import os
import sys
from pathlib import Path

import psutil
import pytest

from vidlocal.enrich.runner.sleep_inhibitor import SleepInhibitor

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="how Linux is kept awake")

# A systemd-inhibit of ours: writes down what it was asked, refuses what the file `refused` names, else runs the rest.
_PROGRAM = """#!/bin/sh
echo "$1" >> "{log}"
grep -qxF -e "$1" "{refused}" && exit 1
while [ "${{1#--}}" != "$1" ]; do shift; done
exec "$@"
"""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a program in PATH. Returns the files of its recorded requests and of requests to refuse."""
    program, log, refused = tmp_path / "bin" / "systemd-inhibit", tmp_path / "asked", tmp_path / "refused"
    program.parent.mkdir()
    program.write_text(_PROGRAM.format(log=log, refused=refused))
    program.chmod(0o700)
    log.touch()
    refused.touch()
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return log


def holders() -> list[list[str]]:
    """Command lines of child processes with an inhibitor lock."""
    lines = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):  # what another test started may be ending just now
            lines.append(child.cmdline())
    return [line for line in lines if "--pid=" in " ".join(line)]


def test_it_is_kept_awake_from_keep_to_release(asked: Path) -> None:
    with SleepInhibitor() as awake:
        awake.acquire()
        awake.acquire()
        assert len(holders()) == 1
        assert f"--pid={os.getpid()}" in " ".join(holders()[0])
        awake.release()
        assert holders() == []
        awake.acquire()
        assert len(holders()) == 1
    assert holders() == []
    assert set(asked.read_text().splitlines()) == {"--what=idle:sleep"}


def test_where_sleeping_may_not_be_forbidden_idling_is(asked: Path) -> None:
    (asked.parent / "refused").write_text("--what=idle:sleep\n")
    with SleepInhibitor() as awake:
        awake.acquire()
        assert len(holders()) == 1
    assert asked.read_text().splitlines()[:2] == ["--what=idle:sleep", "--what=idle"]


def test_where_nothing_may_be_forbidden_or_the_program_is_missing_work_goes_on(
    asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (asked.parent / "refused").write_text("--what=idle:sleep\n--what=idle\n")
    with SleepInhibitor() as awake:
        awake.acquire()
        awake.acquire()
        assert holders() == []
    assert len(asked.read_text().splitlines()) == 2
    monkeypatch.setenv("PATH", str(asked.parent))
    with SleepInhibitor() as awake:
        awake.acquire()
        assert holders() == []
