"""A library with known videos, and a way to run commands on it."""

import os
import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from vidlocal.cli import app
from vidlocal.records import (
    FileStamp,
    FrameDraft,
    JobKind,
    MediaKind,
    Passage,
    PassageKind,
    Probe,
    Provenance,
    SceneAnswer,
)
from vidlocal.store.content import frames, videos
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

Run = Callable[..., Result]

# Everything that a terminal might obey, in one string.
EVIL = (
    "evil \x1b[31m \x1b]52;c;AAAA\x07 \x1b]8;;http://x\x1b\\ \x9b31m \x90q \r over \x08\x08 \x7f \x0b "
    "\u202e bidi \u2066 \u200b zero\u200dwidth \ufeff [/red] [link=http://x]y[/link] [@click=z] :smile: \ud800"
)


# The hash of a picture on which something is to be seen: half of its bits are set.
BUSY = 0x5555_5555_5555_5555


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `vidlocal` with the given words on the library in `tmp_path / "home"`."""

    def invoke(*words: str, **extra: object) -> Result:
        return CliRunner().invoke(app, list(words), prog_name="vidlocal", **extra)

    return invoke


@pytest.fixture
def wedding(library: Library) -> int:
    """A video of ten frames, every second one a repeat, with speech, screen text and one described frame."""
    video_id = add_video(library, "wedding-2019", "the bride walks down the aisle")
    job = jobs.claim(library, JobKind.DESCRIBE, worker="nobody", now=time.time(), lease_s=60.0)
    assert job is not None
    frame = frames.get(library, job.target)
    assert frame is not None
    with library.writing():
        frames.store_scene(
            library,
            frame,
            SceneAnswer("A bride in a white dress enters a church."),
            Provenance("ollama", "llava:7b", "0" * 64, "1"),
        )
        jobs.finish(library, job)
    return video_id


@pytest.fixture
def evil(library: Library) -> int:
    """A video whose name, texts and failures are all out to harm a terminal."""
    video_id = add_video(library, f"{EVIL}\t\n".replace("/", "|").replace("\ud800", os.fsdecode(b"\xff")), EVIL)
    job = jobs.claim(library, JobKind.DESCRIBE, worker="nobody", now=time.time(), lease_s=60.0)
    assert job is not None
    while not jobs.fail(library, job, EVIL.replace("\ud800", "")):
        pass
    return video_id


def add_video(library: Library, title: str, speech: str) -> int:
    drafts = [
        FrameDraft(
            time=number * 2.0,
            shot=number // 4,
            image=None if number % 2 else f"frames/{title[:7]}/{number}.jpg",
            dhash=BUSY ^ number,
            same_as=number - 1 if number % 2 else None,
            rank=None if number % 2 else number // 2,
        )
        for number in range(10)
    ]
    return videos.add(
        library,
        content_hash=hash_of(title),
        path=Path("/videos") / f"{title}.mp4",
        stamp=FileStamp(size_bytes=1_000_000, mtime_ns=1, inode=1),
        probe=Probe(kind=MediaKind.VIDEO, duration=20.0, width_px=1920, height_px=1080, video_codec="h264"),
        frame_drafts=drafts,
        found=[
            Passage(4.0, 7.5, PassageKind.SPEECH, speech),
            Passage(10.0, 12.0, PassageKind.SCREEN_TEXT, f"WELCOME {speech}"),
        ],
        plan=[],
    )


def hash_of(title: str) -> str:
    """What stands in for the hash of the file's bytes: as many letters, one for each title."""
    return blake2b(title.encode("utf-8", "replace"), digest_size=32).hexdigest()
