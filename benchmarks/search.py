"""How fast and how well search finds, on sets of real sentences about real videos.

    python benchmarks/search.py SETS [--passages N]      times over N passages, and the cold start of a library of them
    python benchmarks/search.py SETS --quality           recall and MRR of words, vectors and both, on every set

SETS is a folder with one folder per set: passages.jsonl (id, video, start, end, text), queries.jsonl (query, video,
windows) and their unit sentence vectors passages.f16.npy and queries.f16.npy, row by row.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from vidlocal import search as verb
from vidlocal.engines.query_vector import QueryVector
from vidlocal.records import Moment
from vidlocal.store.database import Library

KEY = "all-minilm@000000000000"
DEPTH = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--searches", type=int, default=200)
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--library", type=Path, help="keep the filled library here and use it again")
    options = parser.parse_args()
    if options.quality:
        for folder in sorted(path for path in options.sets.iterdir() if path.is_dir()):
            report_quality(folder)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            report_times(options.sets / "activitynet", options.library or Path(scratch), options)


# ---------------------------------------------------------------- filling


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def fill(library: Library, folder: Path, count: int | None = None) -> None:
    """The passages of a set, repeated until there are `count`; a repetition is another set of videos."""
    passages = lines(folder / "passages.jsonl")
    vectors = np.load(folder / "passages.f16.npy").astype("<f4")
    count = count or len(passages)
    videos: dict[str, int] = {}
    with library.writing() as connection:
        for number in range(count):
            row = passages[number % len(passages)]
            name = f"{row['video']}/{number // len(passages)}"
            if name not in videos:
                videos[name] = len(videos) + 1
                connection.execute(
                    """INSERT INTO videos (id, content_hash, path, title, kind, duration, width_px, height_px, codecs,
                      rotation, added_at, size_bytes) VALUES (?, ?, ?, ?, 'video', 60, 640, 360, '', 0, '', 0)""",
                    (videos[name], name, f"/videos/{name}.mp4", str(row["video"])),
                )
            connection.execute(
                """INSERT INTO passages (id, video_id, start, "end", kind, text, created_at)
                VALUES (?, ?, ?, ?, 'scene', ?, '')""",
                (number + 1, videos[name], row["start"], row["end"], row["text"]),
            )
            connection.execute(
                "INSERT INTO vectors (passage_id, model, vector) VALUES (?, ?, ?)",
                (number + 1, KEY, vectors[number % len(passages)].tobytes()),
            )


# ---------------------------------------------------------------- times


def report_times(folder: Path, home: Path, options: argparse.Namespace) -> None:
    queries = lines(folder / "queries.jsonl")
    vectors = np.load(folder / "queries.f16.npy").astype(np.float32)
    chosen = np.random.default_rng(7).permutation(len(queries))[: options.searches]
    with Library.open(home, create=True) as library:
        if not library.number("SELECT max(id) FROM passages"):
            began = time.perf_counter()
            fill(library, folder, options.passages)
            print(f"{options.passages:,} passages stored in {time.perf_counter() - began:.1f} s")
        for name, cut in (("up to 5 words", 5), ("whole sentences", 1000)):
            asked = [(" ".join(str(queries[n]["query"]).split()[:cut]), vectors[n]) for n in chosen]
            first, *later = [timed(library, text, vector) for text, vector in asked]
            print(
                f"{name}: first {first * 1000:.0f} ms; then p50 {np.percentile(later, 50) * 1000:.1f} ms, "
                f"p95 {np.percentile(later, 95) * 1000:.1f} ms, worst {max(later) * 1000:.1f} ms"
            )
        texts = [(str(queries[n]["query"]), None) for n in chosen]
        words = [timed(library, text, None) for text, _ in texts]
        print(f"whole sentences, words only: p95 {np.percentile(words, 95) * 1000:.1f} ms")
        report_plain(library, folder, [(text, vector) for text, vector in asked])


def timed(library: Library, text: str, vector: "np.ndarray[tuple[int], np.dtype[np.float32]] | None") -> float:
    ask = None if vector is None else fixed(vector)
    began = time.perf_counter()
    verb.search(library, text, query_vector=ask)
    return time.perf_counter() - began


def report_plain(library: Library, folder: Path, asked: Sequence[tuple[str, "np.ndarray"]]) -> None:  # type: ignore[type-arg]
    """What the parts cost by themselves: FTS5 with all words, and a float32 matrix in memory."""
    took = []
    for text, _ in asked[:50]:
        words = " OR ".join(f'"{word}"' for word in dict.fromkeys(text.lower().replace('"', " ").split()))
        began = time.perf_counter()
        sql = "SELECT rowid FROM passage_words WHERE passage_words MATCH ? ORDER BY rank LIMIT 10"
        library.rows(sql, words)
        took.append(time.perf_counter() - began)
    print(f"plain FTS5, all words: p95 {np.percentile(took, 95) * 1000:.1f} ms")
    rows = np.load(folder / "passages.f16.npy").astype(np.float32)
    total = library.number("SELECT max(id) FROM passages")
    matrix = np.concatenate([rows] * -(-total // len(rows)))[:total]
    took = []
    for _, vector in asked[:50]:
        began = time.perf_counter()
        np.argpartition(-(matrix @ vector), 10)[:10]
        took.append(time.perf_counter() - began)
    print(f"plain float32 numpy scan: p95 {np.percentile(took, 95) * 1000:.1f} ms")


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


def fixed(vector: "np.ndarray") -> Callable[[str], QueryVector]:  # type: ignore[type-arg]
    return lambda text: QueryVector(KEY, tuple(vector.tolist()))


def levels(query: dict[str, object]) -> dict[str, Callable[[Moment], bool]]:
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
        "mid": holds_middle,
    }


def iou(one: tuple[float, float], other: tuple[float, float]) -> float:
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0.0, shared) / max(1e-9, max(one[1], other[1]) - min(one[0], other[0]))


def rank_of(found: Sequence[Moment], good: Callable[[Moment], bool]) -> float:
    """The place of the first good moment; at the level of videos, the moments of one video count once."""
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


def figures(ranks: "np.ndarray") -> str:  # type: ignore[type-arg]
    recall = "  ".join(f"R@{depth} {np.mean(ranks <= depth):.4f}" for depth in (1, 5, 10))
    return f"{recall}  MRR {np.mean(1 / ranks):.4f}"


if __name__ == "__main__":
    main()
