import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.commands import Run
from tests.support.fake_ollama import FakeOllama
from tests.support.text_videos import add_video
from vidlocal.engines.query_vector import embed_query
from vidlocal.store.content import passages
from vidlocal.store.database import Library

LEVELS = {"video", "iou0.3", "iou0.5", "iou0.7", "mid"}


@pytest.fixture
def queries(library: Library, tmp_path: Path) -> Path:
    """Two videos, and a query of which words know the answer."""
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
    assert document.keys() == {"queries", "words", "vectors", "fused"}
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


def test_missing_query_file_is_a_message(run: Run, library: Library, tmp_path: Path) -> None:
    result = run("eval", str(tmp_path / "none.jsonl"))
    assert (result.exit_code, result.stderr) == (4, "none.jsonl: not found.\n")
