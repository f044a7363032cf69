"""What every test may use: a library folder of its own and a quiet environment."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from vidlocal.store.database import Library

# Read before any test: within one, no variable of ours is set.
REAL_MEDIA = os.environ.get("VIDLOCAL_TEST_MEDIA")


@pytest.fixture(autouse=True, scope="session")
def keyboard() -> None:
    """Ctrl-C reaches the programs we start, also where a shell began the tests in its background and so ignored it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads or writes the user's own library, settings or server."""
    for name in os.environ:
        if name.startswith(("VIDLOCAL_", "OLLAMA_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("VIDLOCAL_HOME", str(tmp_path / "home"))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """An empty library in `tmp_path / "home"`."""
    with Library.open(tmp_path / "home", create=True) as opened:
        yield opened


@pytest.fixture
def real_media() -> Path:
    """The folder of real clips; the test is skipped where there is none."""
    if not REAL_MEDIA:
        pytest.skip("VIDLOCAL_TEST_MEDIA names no folder of real clips")
    return Path(REAL_MEDIA)
