"""Fixtures of the media tests: ffmpeg and a prober."""

from collections.abc import Iterator

import pytest

from vidlocal.media import ffmpeg
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.probe.prober import Prober


@pytest.fixture(scope="session")
def tool() -> Ffmpeg:
    return ffmpeg.find_ffmpeg(None)


@pytest.fixture(scope="session")
def prober() -> Iterator[Prober]:
    with Prober() as opened:
        yield opened
