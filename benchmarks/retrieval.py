"""Retrieval quality on sets of real sentences about real videos.

One folder per set: passages.jsonl (id, video, start, end, text), queries.jsonl (query, video, windows) and their unit
sentence vectors passages.f16.npy and queries.f16.npy, row by row. For transcripts, windows.f16.npy has the vectors of
`windows.outstanding`, video by video.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidlocal.engines.served.query_vector import QueryVector
from vidlocal.records import Moment, PassageKind
from vidlocal.search import run as verb
from vidlocal.store.content import windows
from vidlocal.store.database import Library

KEY = "all-minilm@000000000000"
DEPTH = 100

# Sets of transcripts; the others are captions.
KINDS = {"tutorialvqa": PassageKind.SPEECH}

# Passages that are stored at a time.
_CHUNK = 50_000

Vectors = NDArray[np.float32]
Row = dict[str, object]


def lines(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def fixed(vector: Vectors) -> Callable[[str], QueryVector]:
    return lambda text: QueryVector(KEY, tuple(vector.tolist()))


# ---------------------------------------------------------------- filling


def fill(library: Library, folder: Path, count: int | None = None, *, noise: float = 0.0) -> None:
    """The passages of a set, repeated until there are `count`; a repetition is another set of videos.

    The vectors of repetitions are moved by `noise`, so that no two are the same. The text indexes are made at the end,
    which is faster than row by row and gives the same.
    """
    passages = lines(folder / "passages.jsonl")
    count = count or len(passages)
    (trigger,) = library.rows("SELECT name, sql FROM sqlite_master WHERE name = 'passages_added'")
    with library.writing() as connection:
        connection.execute(f"DROP TRIGGER {trigger['name']}")
    for first, vectors in repeated(folder, count, noise=noise):
        _store(library, passages, first, vectors, KINDS.get(folder.name, PassageKind.SCENE))
    with library.writing() as connection:
        for table in ("passage_words", "passage_grams"):
            connection.execute(f"INSERT INTO {table}({table}) VALUES ('rebuild')")
        connection.execute(trigger["sql"])
    if (folder / "windows.f16.npy").exists() and count == len(passages):
        store_windows(library, np.load(folder / "windows.f16.npy").astype(np.float32))
    library.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def window_texts(library: Library) -> list[tuple[windows.Window, str]]:
    """The windows of a filled library with their texts, in the order of windows.f16.npy."""
    videos = [row["id"] for row in library.rows("SELECT id FROM videos ORDER BY id")]
    return [window for video in videos for window in windows.outstanding(library, video, KEY, limit=1_000_000)]


def store_windows(library: Library, vectors: Vectors) -> None:
    spans = [span for span, _ in window_texts(library)]
    windows.store_vectors(library, KEY, spans, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def repeated(folder: Path, count: int, *, noise: float) -> Iterator[tuple[int, Vectors]]:
    """The vectors of `fill`, in chunks with the number of their first row."""
    rows = np.load(folder / "passages.f16.npy").astype(np.float32)
    chance = np.random.default_rng(1)
    for first in range(0, count, _CHUNK):
        numbers = np.arange(first, min(count, first + _CHUNK))
        vectors = rows[numbers % len(rows)]
        if noise:
            moved = (numbers >= len(rows))[:, None].astype(np.float32)
            vectors += moved * chance.standard_normal(vectors.shape, np.float32) * (noise / vectors.shape[1] ** 0.5)
        yield first, (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("<f4")


def _store(library: Library, passages: Sequence[Row], first: int, vectors: Vectors, kind: PassageKind) -> None:
    rows = [passages[number % len(passages)] for number in range(first, first + len(vectors))]
    names = [f"{row['video']}/{(first + at) // len(passages)}" for at, row in enumerate(rows)]
    with library.writing() as connection:
        connection.executemany(
            """INSERT INTO videos (content_hash, path, title, kind, duration, width_px, height_px, codecs, rotation,
              added_at, size_bytes) VALUES (?, ?, ?, 'video', 60, 640, 360, '', 0, '', 0) ON CONFLICT DO NOTHING""",
            [(name, f"/videos/{name}.mp4", name.rsplit("/", 1)[0]) for name in dict.fromkeys(names)],
        )
        videos = dict(
            connection.execute(
                "SELECT content_hash, id FROM videos WHERE content_hash IN (SELECT value FROM json_each(?))",
                (json.dumps(names),),
            ).fetchall()
        )
        connection.executemany(
            """INSERT INTO passages (id, video_id, start, "end", kind, text, created_at)
            VALUES (?, ?, ?, ?, ?, ?, '')""",
            [
                (first + at + 1, videos[name], row["start"], row["end"], kind, row["text"])
                for at, (name, row) in enumerate(zip(names, rows, strict=True))
            ],
        )
        connection.executemany(
            "INSERT INTO vectors (passage_id, model, vector) VALUES (?, ?, ?)",
            [(first + at + 1, KEY, vector.tobytes()) for at, vector in enumerate(vectors)],
        )


# ---------------------------------------------------------------- quality


def report_quality(folder: Path) -> None:
    queries = lines(folder / "queries.jsonl")
    vectors = np.load(folder / "queries.f16.npy").astype(np.float32)
    with tempfile.TemporaryDirectory() as scratch, Library.open(Path(scratch), create=True) as library:
        fill(library, folder)
        print(f"{folder.name}: {len(queries):,} queries")
        for channel in ("words", "vectors", "fused"):
            ranks: dict[str, list[float]] = {}
            for query, vector in zip(queries, vectors, strict=True):
                found = verb.search(
                    library,
                    str(query["query"]) if channel != "vectors" else "¶",
                    limit=DEPTH,
                    query_vector=fixed(vector) if channel != "words" else None,
                ).moments
                for level, good in levels(query).items():
                    ranks.setdefault(level, []).append(rank_of(found, good))
            for level, values in ranks.items():
                print(f"  {channel:8} {level:8} {figures(np.array(values))}")


def levels(query: Row) -> dict[str, Callable[[Moment], bool]]:
    video, windows = query["video"], query["windows"]
    assert isinstance(windows, list)

    def overlap(moment: Moment) -> float:
        return max(iou((moment.start, moment.end), (start, end)) for start, end in windows)

    def is_video(moment: Moment) -> bool:
        return moment.video_title == video

    def holds_middle(moment: Moment) -> bool:
        middle = (moment.start + moment.end) / 2
        return is_video(moment) and any(start <= middle <= end for start, end in windows)

    return {
        "video": is_video,
        "iou0.3": lambda moment: is_video(moment) and overlap(moment) >= 0.3,
        "iou0.5": lambda moment: is_video(moment) and overlap(moment) >= 0.5,
        "iou0.7": lambda moment: is_video(moment) and overlap(moment) >= 0.7,
        "mid": holds_middle,
    }


def iou(one: tuple[float, float], other: tuple[float, float]) -> float:
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0.0, shared) / max(1e-9, max(one[1], other[1]) - min(one[0], other[0]))


def rank_of(found: Sequence[Moment], good: Callable[[Moment], bool]) -> float:
    """The rank of the first good moment; at the level of videos, moments of the same video count once."""
    seen: set[int] = set()
    by_video = good.__name__ == "is_video"
    place = 0
    for moment in found:
        if by_video and moment.video_id in seen:
            continue
        seen.add(moment.video_id)
        place += 1
        if good(moment):
            return float(place)
    return float("inf")


def figures(ranks: NDArray[np.float64]) -> str:
    recall = "  ".join(f"R@{depth} {np.mean(ranks <= depth):.4f}" for depth in (1, 5, 10))
    return f"{recall}  MRR {np.mean(1 / ranks):.4f}"
