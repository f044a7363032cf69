"""Speed of image comparisons, on synthetic vectors in the distribution of films: scenes within videos within a library.

    python benchmarks/alike.py [--frames 100000] [--library FOLDER]

Printed are milliseconds on the clock (p50 and p95) and of processor time, in process and warm: the frames nearest to
one, the frames that words look like, the videos nearest to one, and what `clusters` takes by vectors and by hash. Of a
million frames the copy of the vectors is 2 GB, which the memory must hold for these figures. Groups are made of at
most 100,000 frames.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the commands do

import numpy as np
from numpy.typing import NDArray

from vidlocal.engines.served.query_vector import QueryVector
from vidlocal.search import clusters, similar
from vidlocal.search.frame_search import search_frames
from vidlocal.store.database import Library
from vidlocal.store.index import frame_index
from vidlocal.store.index.search_filter import NO_FILTER

KEY, DIMENSIONS, OF_VIDEO, OF_SCENE = "made@1", 512, 5_000, 20
MAX_GROUPED = 100_000

Array = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--library", type=Path, help="keep the filled library here and use it again")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, Library.open(chosen.library or Path(made), create=True) as library:
        if not library.number("SELECT count(*) FROM frame_vectors"):
            fill(library, chosen.frames)
        measure(library, chosen.turns)


def measure(library: Library, turns: int) -> None:
    mirror = frame_index.prepare(library, KEY)
    print(f"{len(mirror):,} frames")
    rows = np.random.default_rng(1).integers(0, len(mirror), turns)
    asked = [np.array(mirror.vectors[row]) for row in rows]
    words = [QueryVector(KEY, tuple(spread(vector, at))) for at, vector in enumerate(asked)]
    told("similar VIDEO@TIME", [partial(similar.find_by_vector, library, mirror, vector, limit=10) for vector in asked])
    searches = [partial(search_frames, library, query, limit=100, search_filter=NO_FILTER) for query in words]
    told("search, pictures alone", searches)
    told("similar VIDEO", [lambda: similar.find_videos(library, mirror, 1, limit=10)] * 3)
    among = range(1, MAX_GROUPED // OF_VIDEO + 1)
    told("clusters by vectors", [lambda: clusters.cluster(library, limit=20, videos=among)])
    library.connection.execute("BEGIN")
    library.connection.execute("DELETE FROM frame_vectors")
    told("clusters by hash", [lambda: clusters.cluster(library, limit=20, videos=among)])
    library.connection.rollback()


def told(name: str, calls: Sequence[Callable[[], object]]) -> None:
    clock, cpu = [], []
    for call in calls:
        begun = time.perf_counter(), time.process_time()
        call()
        clock.append(1000 * (time.perf_counter() - begun[0]))
        cpu.append(1000 * (time.process_time() - begun[1]))
    p95 = sorted(clock)[int(0.95 * (len(clock) - 1))]
    median, busy = statistics.median(clock), statistics.median(cpu)
    print(f"{name:24}  p50 {median:8.0f} ms  p95 {p95:8.0f} ms  processor {busy:8.0f} ms")


def spread(vector: Array, seed: int) -> Array:
    """Words lie far from all pictures, a little nearer to some."""
    noise = np.random.default_rng(seed).standard_normal(len(vector)).astype(np.float32)
    mixed = 0.3 * vector + noise / np.linalg.norm(noise)
    return np.asarray(mixed / np.linalg.norm(mixed))


def fill(library: Library, frames: int) -> None:
    """Videos of 5,000 frames in scenes of 20 similar frames. Most differences lie on few axes."""
    random = np.random.default_rng(0)
    axes = np.arange(1, DIMENSIONS + 1, dtype=np.float32) ** -0.5
    for video in range(-(-frames // OF_VIDEO)):
        count = min(OF_VIDEO, frames - video * OF_VIDEO)
        scenes = directions(random, -(-count // OF_SCENE), axes).repeat(OF_SCENE, axis=0)[:count]
        vectors = 0.6 * directions(random, 1, axes) + scenes + 0.3 * directions(random, count, axes)
        vectors[:, 0] += 1
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        hashes = random.integers(-(2**63), 2**63, -(-count // OF_SCENE)).repeat(OF_SCENE)[:count]
        first = video * OF_VIDEO + 1
        with library.writing() as connection:
            connection.execute(
                """INSERT INTO videos (id, content_hash, path, title, kind, duration, width_px, height_px, codecs,
                rotation, added_at, size_bytes) VALUES (?, ?, ?, ?, 'video', ?, 640, 360, '', 0, '2026-01-01', 1)""",
                (video + 1, f"{video}", f"/films/{video}.mp4", f"film {video}", 2.0 * count),
            )
            connection.executemany(
                "INSERT INTO frames (id, video_id, time, shot, image, dhash) VALUES (?, ?, ?, ?, '-', ?)",
                [(first + at, video + 1, 2.0 * at, at // OF_SCENE, int(hashes[at])) for at in range(count)],
            )
            connection.executemany(
                "INSERT INTO frame_vectors (frame_id, model, vector) VALUES (?, ?, ?)",
                [(first + at, KEY, vectors[at].tobytes()) for at in range(count)],
            )


def directions(random: np.random.Generator, count: int, axes: Array) -> Array:
    rows = random.standard_normal((count, DIMENSIONS), dtype=np.float32) * axes
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


if __name__ == "__main__":
    main()
