"""Videos of timed texts, for tests of search."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidlocal.records import FileStamp, MediaKind, Passage, PassageKind, Probe
from vidlocal.store.content import passages, videos
from vidlocal.store.database import Library

KEY = "embeddinggemma:latest@0123456789ab"


def add_video(library: Library, title: str, said: Iterable[Passage | str]) -> tuple[int, list[int]]:
    """A video with these passages (plain text: a scene of 5 s, in sequence); its id and theirs."""
    video_id = videos.add(
        library,
        content_hash=hashlib.sha256(title.encode()).hexdigest(),
        path=Path(f"/videos/{title}.mp4"),
        stamp=FileStamp(1, 2, 3),
        probe=Probe(kind=MediaKind.VIDEO, duration=3600.0),
        frame_drafts=[],
        text_passages=[],
        plan=[],
    )
    given = [
        one if isinstance(one, Passage) else Passage(5.0 * at, 5.0 * at + 5.0, PassageKind.SCENE, one)
        for at, one in enumerate(said)
    ]
    return video_id, passages.add(library, video_id, given)


def random_rows(count: int, *, dimensions: int = 32, seed: int = 1) -> "NDArray[np.float32]":
    """Unit rows of random directions."""
    rows = np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def add_vectors(
    library: Library, ids: Sequence[int], rows: "np.ndarray[tuple[int, int], np.dtype[np.float32]]"
) -> None:
    passages.store_vectors(library, KEY, ids, rows)
