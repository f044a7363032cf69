"""Plugins: the complete example of the documentation, and failing plugins."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from tests.support import clips
from tests.support.commands import Run, add_video
from tests.support.plugin_packages import PAGE, install, install_example
from vidlocal.cli.ui.completion import candidates
from vidlocal.plugins import hookspecs
from vidlocal.plugins.discovery import has_plugins
from vidlocal.plugins.manager import installed_plugins, load_plugins
from vidlocal.records import PassageKind
from vidlocal.store.content import frames, passages, videos
from vidlocal.store.database import Library

HOOKS = sorted(name for name in vars(hookspecs) if name.startswith(("register_", "read_", "score_")))


@pytest.fixture
def packages(tmp_path: Path) -> Iterator[Path]:
    """An empty folder of packages, on the search path of Python."""
    folder = tmp_path / "packages"
    folder.mkdir()
    modules = set(sys.modules)
    sys.path.insert(0, str(folder))
    installed_plugins.cache_clear()
    yield folder
    sys.path.remove(str(folder))
    installed_plugins.cache_clear()
    for name in set(sys.modules) - modules:
        if getattr(sys.modules[name], "__file__", None) and str(folder) in str(sys.modules[name].__file__):
            del sys.modules[name]


@pytest.fixture
def example(packages: Path) -> Path:
    """The plugin of the documentation, installed."""
    install_example(packages)
    return packages


def add_broken(packages: Path, name: str, source: str) -> None:
    install(packages, package=f"vidlocal-{name}", version="0.1", module=f"broken_{name}", source=source, entry=name)


HOOK = "from vidlocal.plugins import hookimpl\n\n@hookimpl\n"


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_by_an_example(hook: str) -> None:
    assert f"@hookimpl\ndef {hook}(" in PAGE.read_text("utf-8")


def test_the_installed_plugins_are_listed_with_their_hooks(example: Path, run: Run) -> None:
    result = run("plugins", "--json")
    assert json.loads(result.stdout)["plugins"] == [
        {"name": "example", "package": "vidlocal-example", "version": "1.0", "hooks": HOOKS, "error": None}
    ]


def test_a_program_of_its_own_finds_a_plugin_by_its_metadata(tmp_path: Path) -> None:
    install_example(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "vidlocal", "plugins"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.split("\t")[:3] == ["example", "vidlocal-example", "1.0"]


def test_a_command_of_a_plugin_has_arguments_and_help(example: Path, library: Library, run: Run) -> None:
    add_video(library, "harbour", "boats")
    assert run("longest", "-n", "1").stdout == "20\tharbour\n"
    assert "List the longest videos." in run("longest", "--help").stdout


def test_commands_of_plugins_are_in_the_help_and_completed(example: Path, run: Run) -> None:
    assert re.search(r"^Plugins:\n  longest +List the longest videos\.$", run("--help").stdout, re.MULTILINE)
    names = [candidate.word for candidate in candidates([], "lo", Path("/nowhere")) or ()]
    assert names == ["longest"]
    assert [found.word for found in candidates(["longest"], "--c", Path("/nowhere")) or ()] == ["--count"]
    assert candidates(["longest"], "", Path("/nowhere")) is None


@pytest.mark.parametrize("source", ["register_commands(): return 5", "register_commands(): return {'go': 5}"])
def test_a_plugin_that_fails_does_not_spoil_the_help(packages: Path, run: Run, source: str) -> None:
    add_broken(packages, "broken", f"{HOOK}def {source}")
    result = run("--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "ingest " in result.stdout


def test_a_signal_of_a_plugin_tags_the_spans_of_a_film(
    example: Path, library: Library, run: Run, tmp_path: Path
) -> None:
    film = tmp_path / "night.mp4"
    sources = [argument for colour in ("black", "gray") for argument in ("-f", "lavfi", "-i", f"color={colour}:d=4")]
    clips.run(*sources, "-filter_complex", "concat", "-pix_fmt", "yuv420p", film)
    run("ingest", str(film), "--later")
    (passage,) = passages.of_video(library, 1, [PassageKind.METADATA])
    assert (passage.text, passage.engine, passage.start, passage.end) == ("darkness", "brightness", 0.0, 4.0)
    (moment,) = json.loads(run("search", "tag:darkness", "--json").stdout)["moments"]
    assert (moment["start"], moment["end"]) == (0.0, 4.0)


def test_signals_run_on_videos_indexed_before(example: Path, library: Library, run: Run, tmp_path: Path) -> None:
    film = tmp_path / "night.mp4"
    clips.run("-f", "lavfi", "-i", "color=black:d=4", "-pix_fmt", "yuv420p", film)
    subprocess.run(
        [sys.executable, "-m", "vidlocal", "--home", str(library.folder), "ingest", str(film), "--later"],
        check=True,
        capture_output=True,
        env={**os.environ, "VIDLOCAL_PLUGINS": "false"},
    )
    assert json.loads(run("search", "tag:darkness", "--json").stdout)["moments"] == []
    for _ in range(2):
        result = run("plugins", "--signals")
        assert (result.exit_code, result.stderr) == (0, "Measured 1 video: brightness.\n")
        (moment,) = json.loads(run("search", "tag:darkness", "--json").stdout)["moments"]
        assert (moment["video"]["title"], moment["start"], moment["end"]) == ("night", 0.0, 4.0)
    assert len(passages.of_video(library, moment["video"]["id"], [PassageKind.METADATA])) == 1
    for image in (library.folder / "frames").rglob("*.jpg"):
        image.write_bytes(b"")
    assert "night: a frame cannot be read." in run("plugins", "--signals").stderr
    assert len(passages.of_video(library, moment["video"]["id"], [PassageKind.METADATA])) == 1


def test_an_engine_of_a_plugin_captions_frames(example: Path, library: Library, run: Run, tmp_path: Path) -> None:
    film = tmp_path / "meadow.mp4"
    clips.run("-f", "lavfi", "-i", "color=green:d=2", "-pix_fmt", "yuv420p", film)
    run("ingest", str(film), "--later")
    result = run("enrich", "--server", "plugin=colours", "--only", "describe")
    assert result.exit_code == 0, result.stderr
    assert frames.coverage(library).described == 1
    (scene,) = passages.of_video(library, 1, [PassageKind.SCENE])
    assert "green scene" in scene.text


def test_an_engine_of_a_plugin_embeds_texts_and_queries(example: Path, library: Library, run: Run) -> None:
    add_video(library, "harbour", "boats come home")
    roles = 'kind = "plugin"\nurl = "colours"\nroles = ["embed"]\n'
    (library.folder / "settings.toml").write_text(f"[[servers]]\n{roles}")
    result = run("enrich", "--only", "embed")
    assert result.exit_code == 0, result.stderr
    (key,) = {row["model"] for row in library.rows("SELECT model FROM vectors")}
    assert key.startswith("letters@")
    found = run("search", "home come boats", "--explain", "--json")
    assert "Word search only" not in found.stderr
    (moment, *_) = json.loads(found.stdout)["moments"]
    assert moment["hits"][0]["why"]["vectors"]["cosine"] > 0.9


def test_an_unknown_engine_is_an_error_with_the_known_engines(example: Path, library: Library, run: Run) -> None:
    add_video(library, "harbour", "boats")
    result = run("enrich", "--server", "plugin=sounds", "--only", "describe")
    assert result.exit_code == 5
    assert "No plugin has an engine 'sounds'. Engines of plugins: colours." in result.stderr


def test_a_plugin_exports_in_a_format_of_its_own(example: Path, library: Library, run: Run) -> None:
    add_video(library, "harbour", "boats come home")
    assert run("export", "harbour", "-f", "times").stdout == "harbour\n0:04 boats come home\n"


def test_an_unknown_format_is_refused_with_the_names_of_all(example: Path, library: Library, run: Run) -> None:
    result = run("export", "-f", "pdf")
    assert result.exit_code == 2
    assert "'pdf' is no export format." in result.stderr
    assert "otio, times." in " ".join(result.stderr.split())


def test_a_plugin_imports_a_format_of_its_own(example: Path, library: Library, run: Run, tmp_path: Path) -> None:
    add_video(library, "harbour", "boats")
    (tmp_path / "harbour.marks").write_text("1,2,the pilot comes aboard\n")
    assert run("import", str(tmp_path / "harbour.marks")).exit_code == 0
    (note,) = passages.of_video(library, 1, [PassageKind.NOTE])
    assert (note.start, note.end, note.text) == (1.0, 2.0, "the pilot comes aboard")


def test_files_that_no_plugin_reads_are_imported_as_ever(
    example: Path, library: Library, run: Run, tmp_path: Path
) -> None:
    add_video(library, "harbour", "boats")
    (tmp_path / "harbour.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nAhoy\n")
    assert run("import", str(tmp_path / "harbour.srt")).exit_code == 0
    assert [passage.text for passage in passages.of_video(library, 1, [PassageKind.SUBTITLE])] == ["Ahoy"]


def test_a_plugin_changes_the_order_of_a_search(example: Path, library: Library, run: Run) -> None:
    first, second = (
        add_video(library, "rehearsal", "the first dance"),
        add_video(library, "party", "the first dance of all"),
    )
    found = [moment["video"]["id"] for moment in json.loads(run("search", "first dance", "--json").stdout)["moments"]]
    assert (found[0], found[-1]) == (second, first)
    without = run("search", "first dance", "--json", env={"VIDLOCAL_PLUGINS": "false"})
    assert json.loads(without.stdout)["moments"][0]["video"]["id"] == first


def test_plugins_can_be_switched_off(example: Path, library: Library, run: Run) -> None:
    add_video(library, "harbour", "boats")
    off = {"VIDLOCAL_PLUGINS": "false"}
    assert "Plugins are switched off" in run("plugins", env=off).stderr
    assert run("longest", env=off).exit_code == 2
    assert "is no export format" in run("export", "-f", "times", env=off).stderr


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("import sys; sys.exit('bye')", "SystemExit: bye"),
        ("def broken(:", "SyntaxError"),
        (f"{HOOK}def register_nothing(): return {{}}", "PluginValidationError: unknown hook 'register_nothing'"),
        (f"{HOOK}def score_moments(nothing): return []", "PluginValidationError: Plugin 'broken' for hook"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_a_sentence_and_the_others_work(
    example: Path, library: Library, run: Run, source: str, error: str
) -> None:
    add_video(library, "harbour", "boats")
    add_broken(example, "broken", source)
    listed = {plugin["name"]: plugin for plugin in json.loads(run("plugins", "--json").stdout)["plugins"]}
    assert listed["broken"]["error"].startswith(error)
    assert listed["example"]["hooks"] == HOOKS
    result = run("export", "harbour", "-f", "times")
    assert (result.exit_code, result.stdout) == (0, "harbour\n0:04 boats\n")
    assert f"Plugin broken not loaded: {error}" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("source", "words", "message"),
    [
        (f"{HOOK}def score_moments(query, moments): return 1 / 0", ["search", "boats"], "score_moments failed (Zero"),
        (f"{HOOK}def score_moments(query, moments): return [0.5]", ["search", "harbour"], "no score for each moment"),
        (f"{HOOK}def register_exporters(): return 5", ["export", "-f", "srt"], ""),
        (f"{HOOK}def read_import(path): yield 1 / 0", ["import", "harbour.srt"], "read_import failed (Zero"),
        (f"{HOOK}def register_commands(): return 5", ["list"], ""),
    ],
)
def test_a_hook_that_fails_does_not_stop_a_command(
    packages: Path, library: Library, run: Run, tmp_path: Path, source: str, words: list[str], message: str
) -> None:
    add_video(library, "harbour", "boats")
    add_video(library, "harbour night", "boats")
    (tmp_path / "harbour.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nAhoy\n")
    add_broken(packages, "broken", source)
    words = [str(tmp_path / word) if word.endswith(".srt") else word for word in words]
    result = run(*words, *(["harbour.mp4"] if words[0] == "export" else []))
    assert result.exit_code == 0, result.stderr
    assert message in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("hook", "words", "message"),
    [
        ("register_commands(): return {'go': lambda: 1 / 0}", ["go"], "command go failed (ZeroDivisionError"),
        ("register_exporters(): return {'x': lambda clips, title: 1 / 0}", ["export", "-f", "x"], "format x failed"),
        ("register_exporters(): return {'x': lambda clips, title: 5}", ["export", "-f", "x"], "returned no text"),
        ("register_engines(): return {'x': 5}", ["enrich", "--server", "plugin=x"], "engine x failed (TypeError"),
        (
            "register_engines(): return {'x': lambda address, key: None}",
            ["enrich", "--server", "plugin=x"],
            "engine x returned no engine",
        ),
        ("register_commands(): return 5", ["go"], "register_commands returned no dictionary of names"),
    ],
)
def test_a_failure_of_a_requested_plugin_is_a_sentence(
    packages: Path, library: Library, run: Run, hook: str, words: list[str], message: str
) -> None:
    add_video(library, "harbour", "boats")
    add_broken(packages, "broken", f"{HOOK}def {hook}")
    result = run(*words)
    assert result.exit_code in (2, 5)
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


def test_a_signal_that_fails_is_a_message_and_the_film_is_indexed(
    packages: Path, library: Library, run: Run, tmp_path: Path
) -> None:
    add_broken(packages, "broken", f"{HOOK}def register_signals(): return {{'x': lambda pixels: 1 / 0}}")
    result = run("ingest", str(clips.scenes(tmp_path / "a.mp4", seconds=4)), "--later")
    assert result.exit_code == 0
    assert result.stderr.count("signal x failed (ZeroDivisionError: division by zero)") == 1
    assert len(videos.every(library)) == 1


def test_packages_with_plugins_are_found_where_importlib_finds_them(tmp_path: Path) -> None:
    assert not has_plugins([str(tmp_path), str(tmp_path / "missing")])
    install_example(tmp_path)
    assert has_plugins([str(tmp_path)])
    everything = any(
        entry.group == "vidlocal" for package in metadata.distributions() for entry in package.entry_points
    )
    assert has_plugins(sys.path) == everything


def test_without_pluggy_the_plugins_are_listed_with_the_remedy(tmp_path: Path) -> None:
    install_example(tmp_path)
    (tmp_path / "pluggy.py").write_text("raise ImportError")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "vidlocal", "plugins", "--json"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    (plugin,) = json.loads(result.stdout)["plugins"]
    assert plugin["error"] == 'pluggy is missing; run: pip install "vidlocal[plugins]"'


def test_no_plugin_is_loaded_twice(packages: Path) -> None:
    add_broken(packages, "one", "")
    shutil.copytree(packages / "vidlocal_one-0.1.dist-info", packages / "vidlocal_one-0.2.dist-info")
    assert [plugin.error for plugin in load_plugins([str(packages)]).plugins] == [None]
