"""Words of a search are compared with pictures: the model is asked beside the search, and remembered."""

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.support import clip_model, frame_vectors
from tests.support.commands import Run
from vidlocal import settings
from vidlocal.app.engines.clip_query import ClipQueryEncoder
from vidlocal.errors import EngineUnreachable
from vidlocal.records import Passage, PassageKind
from vidlocal.store.database import Library

COLOURS = ("red", "green", "blue")


@pytest.fixture
def seen(library: Library, tmp_path: Path) -> Library:
    """A video of three colours, ten seconds each, without descriptions, and a small model of colours."""
    clip_model.place(tmp_path / "home" / "models")
    key, rows = frame_vectors.of_colours(*COLOURS)
    speech = [Passage(10.0, 14.0, PassageKind.SPEECH, "the grass is green")]
    frame_vectors.add_video(library, "colours", rows, key=key, said=speech)
    return library


def starts(stdout: str) -> list[float]:
    return [moment["start"] for moment in json.loads(stdout)["moments"]]


def test_word_query_finds_the_frame_with_one_clip_call(run: Run, seen: Library, tmp_path: Path) -> None:
    result = run("search", "blue", "--json", "--explain")
    assert starts(result.stdout) == [20.0]
    [hit] = json.loads(result.stdout)["moments"][0]["hits"]
    assert (hit["kind"], hit["passage_id"], hit["text"]) == ("picture", None, "")
    assert hit["why"]["words"] is hit["why"]["vectors"] is None
    assert hit["why"]["pictures"]["rank"] == 1
    shutil.rmtree(tmp_path / "home" / "models")  # what is remembered needs no model
    assert starts(run("search", "blue", "--json").stdout) == [20.0]
    result = run("search", "red", "--json")
    assert starts(result.stdout) == []
    assert "Images not searched." in result.stderr
    assert "vidlocal setup --pictures" in result.stderr


def test_a_private_search_is_not_remembered(run: Run, seen: Library) -> None:
    assert starts(run("search", "red", "--private", "--json").stdout) == [0.0]
    assert seen.number("SELECT count(*) FROM query_vectors") == 0


def test_pictures_can_be_left_out(run: Run, seen: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDLOCAL_SEARCH_PICTURES", "false")
    result = run("search", "red", "--json")
    assert starts(result.stdout) == []
    assert "Pictures" not in result.stderr


def test_a_slow_model_is_not_waited_for(seen: Library) -> None:
    before = time.monotonic()
    answer = ClipQueryEncoder(seen, settings.load(), wait_s=0.0)("green")
    with pytest.raises(EngineUnreachable, match="search_pictures"):
        answer()
    assert time.monotonic() - before < 1.0


def test_purge_deletes_queries(run: Run, seen: Library) -> None:
    run("search", "red")
    assert seen.number("SELECT count(*) FROM query_vectors") == 1
    run("rm", "colours", "--purge", "--yes")
    assert seen.number("SELECT count(*) FROM query_vectors") == 0
