"""Commands with a model of transformers in process."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.engines.transformers.test_transformers_files import save
from tests.support import tiny_transformers
from tests.support.commands import Run
from tests.support.films import add_video
from vidlocal.store.database import Library

IS_INSTALLED = find_spec("torch") is not None and find_spec("transformers") is not None


@pytest.mark.skipif(not IS_INSTALLED, reason="the extra transformers is not installed")
def test_the_whole_way_without_a_server(library: Library, run: Run, tmp_path: Path) -> None:
    add_video(library)
    model = tiny_transformers.save_seeing_llava(tmp_path / "tiny-llava")
    (library.folder / "settings.toml").write_text(f'[[servers]]\nkind = "transformers"\nurl = "{model}"\n')
    done = run("enrich", "--only", "describe")
    assert done.exit_code == 0, done.stderr
    assert "6 frames captioned" in done.stderr
    rows = list(library.rows("SELECT engine, model, text FROM passages WHERE kind = 'scene'"))
    assert {(row["engine"], row["model"]) for row in rows} == {("transformers", "tiny-llava")}
    found = json.loads(run("search", "plain red wall", "--json").stdout)
    assert found["moments"]


@pytest.mark.skipif(IS_INSTALLED, reason="the extra transformers is installed")
def test_without_the_packages_the_command_to_install_them_is_named(library: Library, run: Run, tmp_path: Path) -> None:
    add_video(library)
    done = run("enrich", "--server", f"transformers={save(tmp_path / 'model')}")
    assert done.exit_code == 5
    assert 'pip install "vidlocal[transformers]"' in done.stderr
    assert 'pip install "vidlocal[transformers]"' in run("setup", "--transformers", "ann/x").stderr


def test_a_missing_model_names_the_download(library: Library, run: Run) -> None:
    add_video(library)
    done = run("enrich", "--server", "transformers=ann/nowhere")
    assert done.exit_code == 5
    assert "ann/nowhere is not on this machine. Run: vidlocal setup --transformers ann/nowhere" in done.stderr


@pytest.mark.skipif(not IS_INSTALLED, reason="the extra transformers is not installed")
def test_setup_lists_an_installed_model_without_network(run: Run, tmp_path: Path) -> None:
    folder = save(tmp_path / "model")
    listed = run("setup", "--transformers", str(folder), "--dry-run")
    assert listed.exit_code == 0
    assert listed.stdout.split("\t")[:2] == ["in process", "model"]
    assert "installed" in listed.stdout
    ready = run("setup", "--transformers", str(folder))
    assert f"Next: vidlocal enrich --server transformers={folder}" in ready.stderr


def test_doctor_shows_the_model_of_the_settings(library: Library, run: Run, tmp_path: Path) -> None:
    (library.folder / "settings.toml").write_text(f'[[servers]]\nkind = "transformers"\nurl = "{tmp_path / "none"}"\n')
    row = next(line for line in run("doctor").stdout.splitlines() if line.startswith("model in process"))
    assert "folder not found" in row
