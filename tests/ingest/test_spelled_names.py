"""File names with accents, composed or decomposed as on macOS, are found by either spelling."""

import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from tests.support import clips
from tests.support.commands import Run

Form = Literal["NFC", "NFD"]


@pytest.mark.parametrize(("on_disk", "typed"), [("NFC", "NFD"), ("NFD", "NFC")])
@pytest.mark.parametrize("name", ["Noël", "할머니"])
def test_a_name_is_found_by_either_spelling(run: Run, tmp_path: Path, on_disk: Form, typed: Form, name: str) -> None:
    film = clips.scenes(tmp_path / f"{unicodedata.normalize(on_disk, name)}.mp4", seconds=4)
    query = unicodedata.normalize(typed, name)
    assert run("ingest", str(tmp_path / f"{query}.mp4"), "--later").exit_code == 0
    for words in (("show", query), ("show", str(tmp_path / f"{query}.mp4")), ("show", f"{query}.mp4")):
        assert run(*words).exit_code == 0
    assert str(film) in run("search", f"video:{query}", "--private").stdout + run("list").stdout
    assert "No video matches" not in run("search", f"video:{query}", "--private").stderr
