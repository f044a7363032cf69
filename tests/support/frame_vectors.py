"""Videos with frame vectors, for tests of image search."""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from tests.support import clip_model
from vidlocal.engines.clip import clip_files
from vidlocal.engines.clip.embedder import ClipEncoder
from vidlocal.records import FileStamp, FrameDraft, MediaKind, Passage, Probe
from vidlocal.store.content import frame_vectors, frames, videos
from vidlocal.store.database import Library

KEY = "clip@0123456789ab"
EVERY = 10.0

Rows = npt.NDArray[np.float32]


@cache
def of_colours(*colours: str) -> tuple[str, Rows]:
    """Key of the small model, and its vectors of plain pictures: a row per colour."""
    with TemporaryDirectory() as folder:
        model = clip_files.clip_model(clip_model.place(Path(folder)))
        with ClipEncoder(model) as engine:
            return engine.key, engine.embed_images([clip_model.jpeg(colour) for colour in colours])


def add_video(
    library: Library,
    title: str,
    rows: Rows,
    *,
    key: str = KEY,
    dhashes: Iterable[int] | None = None,
    said: Iterable[Passage] = (),
) -> tuple[int, list[int]]:
    """A video with a frame every ten seconds and a vector for each row; its id and the frame ids."""
    hashes = range(len(rows)) if dhashes is None else dhashes
    video_id = videos.add(
        library,
        content_hash=hashlib.sha256(title.encode()).hexdigest(),
        path=Path(f"/videos/{title}.mp4"),
        stamp=FileStamp(1, 2, 3),
        probe=Probe(kind=MediaKind.VIDEO, duration=EVERY * len(rows), width_px=640, height_px=360),
        frame_drafts=[
            FrameDraft(time=EVERY * at, shot=at, image=f"frames/{title}/{at:06}.jpg", dhash=dhash)
            for at, dhash in zip(range(len(rows)), hashes, strict=True)
        ],
        text_passages=list(said),
        plan=[],
    )
    ids = [frame.id for frame in frames.of_video(library, video_id)]
    frame_vectors.store(library, key, ids, rows)
    return video_id, ids


def near(rows: Rows, *, share: float = 0.1, seed: int = 7) -> Rows:
    """Unit rows near the given rows, at a cosine of about 1 / sqrt(1 + share²)."""
    noise = np.random.default_rng(seed).normal(size=rows.shape).astype(np.float32)
    moved = rows + share * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), dtype=np.float32)
