import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.commands import Run
from tests.support.fake_ollama import FakeOllama
from tests.support.text_videos import KEY, add_video
from vidlocal.app.search.evaluation import CHANNELS, EvalQuery, rank_answers
from vidlocal.engines.served.query_vector import QueryVector, embed_query
from vidlocal.errors import EngineBusy
from vidlocal.search import eval_metrics
from vidlocal.search.eval_metrics import Truth
from vidlocal.store.content import passages
from vidlocal.store.database import Library

LEVELS = {"video", "iou0.3", "iou0.5", "iou0.7", "mid"}


@pytest.fixture
def queries(library: Library, tmp_path: Path) -> Path:
    """Two videos, and a query with the answer known by its words."""
    add_video(library, "party", ["A cake is cut.", "Guests swim in the lake."])
    add_video(library, "race", ["Cars start.", "A driver waves."])
    file = tmp_path / "q.jsonl"
    lines = [
        {"query": "who cuts the cake", "video": "party", "windows": [[0.0, 6.0]]},
        {"query": "driver", "video": "race", "windows": [[5.0, 10.0]]},
    ]
    file.write_text("\n".join(json.dumps(line) for line in lines))
    return file


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOllama]:
    with FakeOllama() as fake:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", fake.host)
        yield fake


def embed_all(library: Library, server: FakeOllama) -> None:
    for video_id in (1, 2):
        for passage in passages.of_video(library, video_id):
            vector = embed_query(server.host, "embeddinggemma", passage.text)
            assert passage.id is not None
            passages.store_vectors(library, vector.key, [passage.id], np.array([vector.values], dtype=np.float32))


def test_words_are_measured_where_there_are_no_vectors(run: Run, queries: Path) -> None:
    result = run("eval", str(queries), "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document.keys() == {"queries", "not_embedded", "obstacle", "words", "vectors", "fused"}
    assert "enrich" in document["obstacle"]
    assert (document["queries"], document["vectors"], document["fused"]) == (2, None, None)
    assert document["words"].keys() == LEVELS
    assert document["words"]["video"] == {"r@1": 1.0, "r@5": 1.0, "r@10": 1.0, "mrr": 1.0}
    assert "enrich" in result.stderr


def test_all_channels_are_measured_with_intervals(
    run: Run, queries: Path, library: Library, server: FakeOllama
) -> None:
    embed_all(library, server)
    document = json.loads(run("eval", str(queries), "--json", "--intervals").stdout)
    for channel in ("words", "vectors", "fused"):
        for measures in document[channel].values():
            assert all(low <= value <= high for value, low, high in measures.values())
    table = run("eval", str(queries)).stdout
    assert all(level in table for level in LEVELS)


def test_two_models_are_compared(run: Run, queries: Path, library: Library, server: FakeOllama) -> None:
    embed_all(library, server)
    result = run("eval", str(queries), "--compare", "embeddinggemma", "embed_model=embeddinggemma:latest", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    first, second = document["compared"]
    assert first["fused"] == second["fused"]
    assert document["difference"]["fused"]["video"]["mrr"] == [0.0, 0.0, 0.0]
    assert run("eval", str(queries), "--compare", "embeddinggemma", "bge-m3").exit_code == 2


def test_invalid_queries_are_named(run: Run, queries: Path) -> None:
    with queries.open("a") as file:
        file.write(
            '\n{"query": "x", "video": "unknown"}\nnonsense\n{"query": "x", "video": "party", "windows": [[2, 1]]}\n'
        )
    result = run("eval", str(queries), "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["queries"] == 2
    assert all(f"line {number} " in result.stderr for number in (3, 4, 5))


def test_endless_files_and_pipes_are_no_queries(run: Run, library: Library, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(1 << 40)
    for path, problem in (
        (tmp_path / "pipe", "named pipe"),
        (Path("/dev/zero"), "device"),
        (tmp_path / "sparse", "larger"),
    ):
        result = run("eval", str(path))
        assert (result.exit_code, problem in result.stderr) == (4, True), result.output


def test_missing_query_file_is_a_message(run: Run, library: Library, tmp_path: Path) -> None:
    result = run("eval", str(tmp_path / "none.jsonl"))
    assert (result.exit_code, result.stderr) == (4, "none.jsonl: not found.\n")


class Flaky:
    """An embedder with a number of failures before success per query."""

    def __init__(self, failures: dict[str, int]) -> None:
        self.failures = failures
        self.pauses: list[float] = []

    def __call__(self, text: str) -> QueryVector:
        if self.failures.get(text, 0):
            self.failures[text] -= 1
            raise EngineBusy("busy", retry_after=7.0)
        return QueryVector(KEY, (1.0, 0.0))


@pytest.fixture
def cakes(library: Library) -> list[EvalQuery]:
    _, ids = add_video(library, "party", ["A cake is cut.", "Guests swim in the lake."])
    passages.store_vectors(library, KEY, ids, np.eye(2, dtype=np.float32))
    return [EvalQuery(f"cake {number}", Truth(1, ())) for number in range(6)]


def test_failed_embedding_is_tried_again(library: Library, cakes: list[EvalQuery]) -> None:
    embed, notices = Flaky({"cake 1": 2}), list[str]()
    result = rank_answers(library, cakes, embed, notify=notices.append, sleep=embed.pauses.append)
    assert (result.failed, notices) == (0, [])
    assert all(set(ranks) == set(CHANNELS) for ranks in result.ranks)
    assert len(embed.pauses) == 2
    assert min(embed.pauses) >= 7.0


def test_query_that_cannot_be_embedded_is_left_out_and_counted(library: Library, cakes: list[EvalQuery]) -> None:
    embed, notices = Flaky({"cake 1": 99}), list[str]()
    result = rank_answers(library, cakes, embed, notify=notices.append, sleep=embed.pauses.append)
    assert result.failed == 1
    assert notices == ["1 query not embedded, left out of vectors and fused. busy"]
    fused, words = result.of_channel("fused"), result.of_channel("words")
    assert fused is not None
    assert words is not None
    assert [np.isnan(ranks["video"]) for ranks in fused] == [False, True, False, False, False, False]
    assert not any(np.isnan(ranks["video"]) for ranks in words)
    gain = eval_metrics.estimate_gain(words, fused)["video"]
    assert gain is not None


def test_three_failures_in_a_row_end_the_channel_with_a_reason(library: Library, cakes: list[EvalQuery]) -> None:
    embed, notices = Flaky({query.query: 99 for query in cakes[2:]}), list[str]()
    result = rank_answers(library, cakes, embed, notify=notices.append, sleep=embed.pauses.append)
    assert notices == ["No figures for vectors. busy"]
    assert (result.obstacle, result.of_channel("fused")) == ("busy", None)
    words = result.of_channel("words")
    assert words is not None
    assert len(words) == 6


def test_progress_counts_queries(library: Library, cakes: list[EvalQuery]) -> None:
    seen: list[tuple[int, int]] = []
    rank_answers(library, cakes, Flaky({}), notify=print, on_progress=lambda *counts: seen.append(counts))
    assert seen == [(number, 6) for number in range(7)]


def test_refusals_are_counted_with_and_without_the_answer(run: Run, queries: Path) -> None:
    document = json.loads(run("eval", str(queries), "--leave-one-out", "--json").stdout)
    assert document["refused"] == {
        "with_answer": {"empty": 0.0, "nearest": 0.0},
        "without_answer": {"empty": 1.0, "nearest": 0.0},
    }
    lines = run("eval", str(queries), "--leave-one-out").stdout.splitlines()
    assert lines[-1].split() == ["without", "the", "answer", "100.0%", "0.0%"]


def test_ranks_of_each_query_are_json_lines(
    run: Run, queries: Path, library: Library, server: FakeOllama, tmp_path: Path
) -> None:
    embed_all(library, server)
    file = tmp_path / "ranks.jsonl"
    assert run("eval", str(queries), "--ranks", str(file), "--quiet").exit_code == 0
    first, _ = (json.loads(line) for line in file.read_text("utf-8").splitlines())
    assert (first["query"], first["video"], first["model"]) == ("who cuts the cake", 1, "embeddinggemma")
    assert first["ranks"].keys() == set(CHANNELS)
    assert first["ranks"]["words"] == {"video": 1, "iou0.3": 1, "iou0.5": 1, "iou0.7": 1, "mid": 1}
    assert run("eval", str(queries), "--ranks", str(file)).exit_code == 2
    assert run("eval", str(queries), "--ranks", str(file), "--force").exit_code == 0
