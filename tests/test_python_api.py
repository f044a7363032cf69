"""The Python API: examples run, imports are light, and threads share a library."""

import doctest
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path

import pytest

import vidlocal
from tests.support.fake_ollama import FakeOllama
from tests.support.films import add_video
from vidlocal import api
from vidlocal.app.demo import CLIP, open_demo_library
from vidlocal.records import JobKind
from vidlocal.store.content import frames
from vidlocal.store.database import Library

PAGE = Path(__file__).parents[1] / "docs" / "python-api.md"
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a library with the demo clip."""
    folder = tmp_path_factory.mktemp("demo")
    with ExitStack() as stack:
        open_demo_library(stack, folder, on_progress=lambda progress: None)
    return folder


@pytest.fixture
def examples(demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """Names used by the examples. No model server answers."""
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    with as_file(files("vidlocal") / "demo" / CLIP) as clip:
        yield {"vidlocal": vidlocal, "folder": tmp_path / "library", "demo": demo, "clip": clip}


@pytest.mark.slow
def test_the_examples_of_the_page_run(examples: dict[str, object]) -> None:
    parsed = doctest.DocTestParser().get_doctest(PAGE.read_text("utf-8"), examples, PAGE.name, str(PAGE), 0)
    assert len(parsed.examples) > 15
    assert doctest.DocTestRunner(optionflags=OPTIONS).run(parsed).failed == 0


def test_the_examples_of_the_docstrings_run(examples: dict[str, object]) -> None:
    runner, count = doctest.DocTestRunner(optionflags=OPTIONS), 0
    for test in doctest.DocTestFinder(recurse=True).find(api, globs=examples):
        count += len(test.examples)
        assert runner.run(test).failed == 0, test.name
    assert count > 5


def test_every_public_name_exists_and_is_documented() -> None:
    page = PAGE.read_text("utf-8")
    for name in vidlocal.__all__:
        assert getattr(vidlocal, name) is not None
    for name in ("open_library", "VideoLibrary", "to_data"):
        assert name in page
    methods = [name for name in vars(vidlocal.VideoLibrary) if not name.startswith("_") and name != "folder"]
    assert all(f"{name}" in page for name in methods)


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, vidlocal; vidlocal.VidlocalError; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "typer", "rich", "httpx", "ollama", "sqlite_utils", "av", "PIL"} & set(loaded)


def test_the_whole_api_needs_no_terminal_library() -> None:
    code = "import sys, vidlocal; vidlocal.open_library; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"typer", "rich"} & set(loaded)


def test_threads_share_a_library(demo: Path) -> None:
    library = vidlocal.open_library(demo)

    def search(number: int) -> str:
        query = ("boat sails home", "grimsel pass", "rising balloons")[number % 3]
        return library.search(query).moments[0].text

    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(search, range(60)))
    assert len(set(texts)) == 3


def test_enrich_reports_progress_and_returns_the_summary(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_video(library)
    progress: list[JobKind] = []
    messages: list[str] = []
    with FakeOllama() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        summary = vidlocal.open_library(library.folder).enrich(
            on_progress=lambda step: progress.append(step.kind), notify=messages.append
        )
    assert summary.done[JobKind.DESCRIBE] == 6
    assert progress.count(JobKind.DESCRIBE) == 6
    assert any("frames captioned" in message for message in messages)
    assert frames.coverage(library).described == 6


def test_a_missing_library_is_one_error_of_the_tree(tmp_path: Path) -> None:
    with pytest.raises(vidlocal.StoreError, match="vidlocal ingest"):
        vidlocal.open_library(tmp_path / "nowhere")
    with pytest.raises(vidlocal.SettingsError):
        vidlocal.open_library(tmp_path, create=True, no_such_setting=1)
