"""What one run of ingest promises about each file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import clips
from vidlocal.ingest import Result, Tools, ingest
from vidlocal.media import ffmpeg
from vidlocal.media.probe import Prober
from vidlocal.signals.screen_text import ScreenReader
from vidlocal.steps import fast
from vidlocal.store.database import Library
from vidlocal.store.owners import Owner


@pytest.fixture
def tools() -> Iterator[Tools]:
    tool = ffmpeg.find(None)
    with Prober() as prober, ScreenReader() as reader:
        yield Tools(tool, prober, fast.Engines(tool, prober, reader, None))


def test_a_damaged_time_stamp_does_not_ask_for_the_disk_of_a_year(tools: Tools, tmp_path: Path) -> None:
    path = clips.variable(tmp_path / "a.mkv", lambda number: number / 10 + (3e7 if number > 4 else 0), frames=10)
    with Library.open(tmp_path / "home", create=True) as library, Owner(library.folder) as owner:
        (outcome,) = ingest(library, [path], tools, owner, every=2.0, later=True)
    assert outcome.result is Result.ADDED
    assert outcome.frames <= 10
