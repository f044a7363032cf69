"""Speed of searches by the page during other work on the same library.

    python benchmarks/web.py SETS [--passages N] [--clients C] [--searches S] [--library FOLDER]

SETS is a folder of search sets as `retrieval.py` describes them; the set `activitynet` is repeated until there are N
passages. `vidlocal serve` runs on that library, C clients search by words as fast as they get answers, and a writer
stores a passage in a transaction of its own every 50 ms, as `enrich` does. Printed are, with and without the writer:
searches per second, milliseconds at p50 and p95 on the clock, and for one client alone; and as the limit the same
searches in this process, one after the other.
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx
import numpy as np

from benchmarks.retrieval import fill, lines
from tests.support.web_server import WebServer, web_server
from vidlocal.app.search.run import LibrarySearch
from vidlocal.records import Passage, PassageKind
from vidlocal.settings import load
from vidlocal.store.content import passages
from vidlocal.store.database import Library

NOISE = 0.1
WRITE_INTERVAL_S = 0.05
WARMING = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--searches", type=int, default=400)
    parser.add_argument("--library", type=Path, help="keep the filled library here and use it again")
    options = parser.parse_args()
    folder = options.sets / "activitynet"
    queries = [str(line["query"]) for line in lines(folder / "queries.jsonl")]
    chosen = [queries[n] for n in np.random.default_rng(7).permutation(len(queries))[: options.searches]]
    with tempfile.TemporaryDirectory() as scratch:
        home = options.library or Path(scratch)
        with Library.open(home, create=True) as library:
            if not library.number("SELECT max(id) FROM passages"):
                fill(library, folder, options.passages, noise=NOISE)
            report("in process", [clock(partial(find, library, query)) for query in chosen[:100]], None)
        with web_server(home) as server:
            search_all(server, chosen[:WARMING], clients=4)
            report("page, 1 client", *search_all(server, chosen[:100], clients=1))
            report(f"page, {options.clients} clients", *search_all(server, chosen, clients=options.clients))
            with writing(home):
                report(
                    f"page, {options.clients} clients, a writer", *search_all(server, chosen, clients=options.clients)
                )


def find(library: Library, query: str) -> None:
    """Search by words in this process."""
    LibrarySearch(library, load({"home": library.folder}), words_only=True).find(query, limit=60)


def clock(call: Callable[[], None]) -> float:
    """Return the seconds of a call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def search_all(server: WebServer, queries: Sequence[str], *, clients: int) -> tuple[list[float], float]:
    """Search with several clients at once. Returns the seconds of each search, and of all."""
    local = threading.local()

    def search(query: str) -> float:
        if not hasattr(local, "client"):
            local.client = server.client()
        values = {"q": query, "limit": "60", "fast": "1"}
        return clock(lambda: ask(local.client, values))

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        times = list(threads.map(search, queries))
    return times, time.perf_counter() - began


def ask(client: httpx.Client, values: dict[str, str]) -> None:
    """Search by the page's own request."""
    client.get("/api/v1/search", params=values).raise_for_status()


@contextmanager
def writing(home: Path) -> Iterator[None]:
    """Store a passage every WRITE_INTERVAL_S until the end of the block."""
    is_over = threading.Event()
    thread = threading.Thread(target=write, args=(home, is_over))
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def write(home: Path, is_over: threading.Event) -> None:
    """Store passages until told to end."""
    with Library.open(home) as library:
        start = 0.0
        while not is_over.wait(WRITE_INTERVAL_S):
            start += 1.0
            passages.add(library, 1, [Passage(start, start + 1.0, PassageKind.SCENE, f"a written scene {start:.0f}")])


def report(name: str, times: Sequence[float], whole_s: float | None) -> None:
    """Print a line of figures."""
    ordered = sorted(time_ * 1000 for time_ in times)
    rate = len(times) / (whole_s or sum(times))
    p95 = ordered[int(0.95 * len(ordered))]
    print(f"{name}: {rate:.1f} per second, {statistics.median(ordered):.0f} ms at p50, {p95:.0f} ms at p95")


if __name__ == "__main__":
    main()
