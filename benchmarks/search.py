"""Speed and quality of search, on sets of real sentences about real videos.

    python benchmarks/search.py SETS [--passages N]      speed over N passages, and what the coarse scan misses
    python benchmarks/search.py SETS --quality           recall and MRR of words, vectors and both, on every set

SETS is a folder of sets as `retrieval.py` describes them. For speed, the set `activitynet` is repeated until there are
N passages, each repetition as other videos and with slightly moved vectors. Printed are

- for fused search (words, vectors, grouping, in process, warm) with queries of up to five words and whole sentences,
  for search by words alone, for plain FTS5 (all words with OR, bm25, the best ten) and for a plain float32 scan of all
  vectors with numpy: milliseconds on the clock and of processor time at p50 and p95, taken in turns so that a busy
  machine slows all of them, and the p95 of search as a multiple of that of both plain ways together;
- the memory of the process that did it: its own, and with the pages of mapped files that it shares;
- `vidlocal search` as a command of its own, with a server of its own for vectors, as often as --commands says;
- the recall of the coarse scan (signs, then the best exactly) against all cosines, for the moved repetitions and for
  exact ones: how many of the ten and hundred values that are reached are among the ten and hundred highest there are.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command does
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.retrieval import KEY, Vectors, fill, fixed, lines, repeated, report_quality
from vidlocal.search import run as verb
from vidlocal.store.database import Library
from vidlocal.store.index import sign_bits, vector_cache, vector_index

VIDLOCAL = str(Path(sys.executable).with_name("vidlocal"))
NOISE = 0.1
TURNS = 10
WARMING = 50
PLAIN_EVERY = 10  # these are slow
BATCH = 25

Asked = tuple[str, Vectors]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--searches", type=int, default=200)
    parser.add_argument("--commands", type=int, default=7)
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--library", type=Path, help="keep the filled library here and use it again")
    options = parser.parse_args()
    if options.quality:
        for folder in sorted(path for path in options.sets.iterdir() if path.is_dir()):
            report_quality(folder)
        return
    folder = options.sets / "activitynet"
    queries = lines(folder / "queries.jsonl")
    vectors = np.load(folder / "queries.f16.npy").astype(np.float32)
    chosen = np.random.default_rng(7).permutation(len(queries))[: options.searches]
    asked = [(str(queries[number]["query"]), vectors[number]) for number in chosen]
    with tempfile.TemporaryDirectory() as scratch:
        home = options.library or Path(scratch)
        with Library.open(home, create=True) as library:
            report_filling(library, folder, options.passages)
            print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
            report_times(library, asked)
        report_commands(home, asked[: options.commands])
        with Library.open(home) as library:
            report_recall(library, folder, np.stack([vector for _, vector in asked]))


# ---------------------------------------------------------------- times


def report_filling(library: Library, folder: Path, count: int) -> None:
    if not library.number("SELECT max(id) FROM passages"):
        began = time.perf_counter()
        fill(library, folder, count, noise=NOISE)
        print(f"{count:,} passages stored in {time.perf_counter() - began:.0f} s")
    began = time.perf_counter()
    mirror = vector_cache.prepare(library, KEY)
    print(f"{len(mirror):,} vectors ready for the scan after {time.perf_counter() - began:.1f} s")


def report_times(library: Library, asked: Sequence[Asked]) -> None:
    """Time several searches in turns, so that other load affects all equally."""
    matrix = vector_cache.prepare(library, KEY).vectors
    ways: dict[str, Callable[[str, Vectors], object]] = {
        "fused, up to 5 words": lambda text, vector: verb.search(
            library, " ".join(text.split()[:5]), query_vector=fixed(vector)
        ),
        "fused, whole sentences": lambda text, vector: verb.search(library, text, query_vector=fixed(vector)),
        "words alone, sentences": lambda text, vector: verb.search(library, text),
    }
    plain: dict[str, Callable[[str, Vectors], object]] = {
        "plain FTS5, sentences": lambda text, vector: plain_words(library, text),
        "plain float32 scan": lambda text, vector: np.argpartition(-(matrix @ vector), 10)[:10],
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in (*ways, *plain)}
    for way in ways.values():
        for text, vector in asked[:WARMING]:
            way(text, vector)
    print(f"memory: {memory()}")
    for turn in range(TURNS):
        for name, way in (ways | plain).items():
            for text, vector in asked[turn :: TURNS * (1 if name in ways else PLAIN_EVERY)]:
                taken[name].append(timed(way, text, vector))
    print(f"{'':24}      clock p50    p95  worst    processor p50    p95   (ms)")
    for name, both in taken.items():
        clock, processor = (1000 * np.array(values) for values in zip(*both, strict=True))
        print(
            f"{name:24}      {np.percentile(clock, 50):9.1f} {np.percentile(clock, 95):6.1f} {max(clock):6.1f}"
            f"    {np.percentile(processor, 50):13.1f} {np.percentile(processor, 95):6.1f}"
        )
    p95 = {name: np.percentile(both, 95, axis=0) for name, both in taken.items()}
    both_plain = sum(p95[name] for name in plain)
    for name in list(ways)[:2]:
        clock, processor = p95[name] / both_plain
        print(f"{name:24}      p95 is {clock:.2f} times that of both plain ways, {processor:.2f} in processor time")


def plain_words(library: Library, text: str) -> object:
    words = " OR ".join(f'"{word}"' for word in dict.fromkeys(text.lower().replace('"', " ").split()))
    return library.rows("SELECT rowid FROM passage_words WHERE passage_words MATCH ? ORDER BY rank LIMIT 10", words)


def timed(way: Callable[[str, Vectors], object], text: str, vector: Vectors) -> tuple[float, float]:
    """Seconds on the clock, and of the processor (user and system)."""
    began, used = time.perf_counter(), time.process_time()
    way(text, vector)
    return time.perf_counter() - began, time.process_time() - used


def memory() -> str:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    own, peak = (int(status[name].split()[0]) / 1024 for name in ("RssAnon", "VmHWM"))
    return f"{own:.0f} MB of its own, {peak:.0f} MB at its peak with the pages of mapped files"


# ---------------------------------------------------------------- the command


def report_commands(home: Path, asked: Sequence[Asked]) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with server(dict(asked)) as host:
        environment = {
            **os.environ,
            "VIDLOCAL_HOME": str(home),
            "OLLAMA_HOST": host,
            "VIDLOCAL_EMBED_MODEL": "all-minilm",
        }
        taken = []
        for text, _ in asked:
            began = time.perf_counter()
            done = subprocess.run(
                [VIDLOCAL, "search", "--private", "--", text],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            taken.append(time.perf_counter() - began)
            if done.stderr or not done.stdout:
                raise SystemExit(f"the command found nothing, or said: {done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / len(taken)
    print(
        f"vidlocal search as a command: median {statistics.median(taken):.2f} s, worst {max(taken):.2f} s, "
        f"{used:.2f} s of processor time, {after.ru_maxrss / 1024:.0f} MB at its peak with the pages of mapped files"
    )


@contextmanager
def server(vectors: dict[str, Vectors]) -> Iterator[str]:
    """The address of an Ollama server with the vectors of these texts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply({"models": [{"name": "all-minilm", "digest": KEY.split("@")[1]}]})

        def do_POST(self) -> None:
            (text,) = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
            self.reply({"embeddings": [vectors[text].tolist()]})

        def reply(self, value: object) -> None:
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_address[1]}"
        listening.shutdown()


# ---------------------------------------------------------------- recall


def report_recall(library: Library, folder: Path, queries: Vectors) -> None:
    rows = vector_cache.prepare(library, KEY).vectors
    print(f"recall of the coarse scan, {len(queries)} queries, moved repetitions: {recall(rows, queries)}")
    rows = np.concatenate([part for _, part in repeated(folder, len(rows), noise=0.0)])
    print(f"recall of the coarse scan, {len(queries)} queries, exact repetitions: {recall(rows, queries)}")


def recall(rows: Vectors, queries: Vectors) -> str:
    blocks = np.zeros(sign_bits.shape(*rows.shape), dtype="<u8")
    for place, run in sign_bits.block_runs(sign_bits.pack(rows), 0):
        blocks.reshape(-1)[place // 8 : place // 8 + len(run)] = run
    depths = (10, 100)
    reached: dict[int, list[float]] = {depth: [] for depth in depths}
    for start in range(0, len(queries), BATCH):
        batch = queries[start : start + BATCH]
        for query, cosines in zip(batch, (rows @ batch.T).T, strict=True):
            best = vector_index.closest_by_signs(sign_bits.distances(blocks, query)[: len(rows)])
            values = np.sort(rows[best] @ query)[::-1]
            highest = -np.sort(-np.partition(cosines, -max(depths))[-max(depths) :])
            for depth in depths:
                reached[depth].append(float(np.mean(values[:depth] >= highest[depth - 1] - 1e-6)))
    return ", ".join(f"at {depth} {np.mean(values):.4f} (worst {min(values):.2f})" for depth, values in reached.items())


if __name__ == "__main__":
    main()
