"""JSON output of commands as standard input of others."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Run, add_video
from tests.support.fake_faults import say
from tests.support.fake_ollama import FakeOllama
from tests.support.wedding_film import add_film
from vidlocal.store.database import Library

FORMATS = ["jsonl", "json", "csv", "srt", "vtt", "txt", "markdown", "edl", "fcpxml", "otio"]
PRODUCERS = {
    "search": ("search", "dance garden"),
    "explained": ("search", "dance garden", "--explain"),
    "similar": ("similar", "wedding@0:04"),
    "ask": ("ask", "when do the guests dance?"),
    "looked": ("ask", "wedding@0:04", "what is there?"),
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOllama]:
    with FakeOllama() as running:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", running.host)
        yield running


@pytest.fixture(params=PRODUCERS)
def found(request: pytest.FixtureRequest, run: Run, library: Library, server: FakeOllama) -> str:
    """Output of a command about a film."""
    add_film(library)
    if request.param == "similar":
        add_film(library, name="copy", said=())
    if request.param == "ask":
        server.script(say("They dance [1]."))
    result = run(*PRODUCERS[request.param], "--json")
    assert result.exit_code == 0, result.stderr
    return result.stdout


def spans(printed: str) -> list[tuple[float, float]]:
    document = json.loads(printed)
    return [(item["start"], item["end"]) for item in document.get("moments", document.get("citations"))]


def test_clip_accepts_any_video_reference(run: Run, found: str) -> None:
    result = run("clip", "-", "--dry-run", "--pad", "0", "--json", input=found)
    assert result.exit_code == 0, result.stderr
    assert [(item["start"], item["end"]) for item in json.loads(result.stdout)["clips"]] == spans(found) != []


def test_export_accepts_any_video_reference(run: Run, found: str) -> None:
    for form in FORMATS:
        result = run("export", "-", "--format", form, input=found)
        assert result.exit_code == 0, result.stderr
        assert result.stdout, form
    lines = run("export", "-", input=found).stdout.splitlines()
    assert [(json.loads(line)["start"], json.loads(line)["end"]) for line in lines] == spans(found)


def test_moments_may_go_through_jq_on_their_way(run: Run, library: Library, wedding: int) -> None:
    add_video(library, "party", "the bride dances")
    printed = run("search", "bride", "--json").stdout
    moments = json.loads(printed)["moments"]
    assert len(moments) >= 2
    expected = run("export", "-", input=printed).stdout
    listed = json.dumps(moments)
    one_by_one = "\n".join(json.dumps(moment, indent=2) for moment in moments)
    lines = "".join(json.dumps(moment) + "\n" for moment in moments)
    for text in (listed, one_by_one, lines, f"\ufeff\n{lines}\n\n"):
        assert run("export", "-", input=text).stdout == expected
    for text in (listed[:-1], f"{lines}nonsense", "[[]]", "{}", "[" * 100_000):
        assert run("export", "-", input=text).exit_code == 2


def test_nothing_found_is_nothing_to_cut_and_no_failure(run: Run, wedding: int) -> None:
    nothing = run("search", "xylophone", "--json").stdout
    result = run("clip", "-", input=nothing)
    assert (result.exit_code, result.stderr) == (0, "No matching moments.\n")
    assert run("export", "-", input=nothing).exit_code == 0


def test_filters_belong_before_the_pipe(run: Run, wedding: int) -> None:
    printed = run("search", "bride", "--json").stdout
    for more in (("--kind", "speech"), ("--video", "wedding")):
        result = run("clip", "-", "--dry-run", *more, input=printed)
        assert result.exit_code == 2
        assert "Give them to the search command instead." in result.stderr


def test_all_piped_moments_are_cut_without_a_limit(run: Run, library: Library, wedding: int) -> None:
    for number in range(12):
        add_video(library, f"party {number}", "the bride dances")
    printed = run("search", "bride", "--json", "--limit", "50").stdout
    count = len(json.loads(printed)["moments"])
    assert count > 10
    for more, expected in (((), count), (("--limit", "2"), 2)):
        result = run("clip", "-", "--dry-run", "--json", *more, input=printed)
        assert len(json.loads(result.stdout)["clips"]) == expected
    assert len(json.loads(run("clip", "bride", "--dry-run", "--json").stdout)["clips"]) == 10


def test_undecodable_names_survive_a_pipe(library: Library) -> None:
    add_video(library, os.fsdecode(b"wedding \xff\xfe"), "the bride dances")
    program = f"{sys.executable} -m vidlocal"
    for writer in ("search bride", "similar 1@0:04"):
        line = f"{program} {writer} --json -q | {program} clip - --dry-run --json"
        made = subprocess.run(line, shell=True, capture_output=True, check=True)  # noqa: S602 - a pipe is what we test
        paths = {Path(item["source"]) for item in json.loads(made.stdout)["clips"]}
        assert paths == {Path(os.fsdecode(b"/videos/wedding \xff\xfe.mp4"))}, made.stderr
