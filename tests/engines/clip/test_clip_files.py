"""The files of the CLIP model are verified, and identified by their checksums."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import clip_model as made
from vidlocal.engines.clip.clip_files import FILES, SUMS, TEXT, VISION, WEIGHTS, clip_model
from vidlocal.errors import EngineError, ModelMissing

EVERY_FILE = [(part, name) for part, names in FILES.items() for name in names]


def test_a_complete_model_has_a_name_and_a_digest(tmp_path: Path) -> None:
    model = clip_model(made.place(tmp_path))
    assert model.key == f"clip-vit-b32@{model.digest[:12]}"
    assert len(model.digest) == 64
    assert model.folder == tmp_path


def test_the_key_depends_on_the_build_but_not_on_the_folder(tmp_path: Path) -> None:
    first = clip_model(made.place(tmp_path / "a"))
    assert clip_model(made.place(tmp_path / "b")).key == first.key
    assert clip_model(made.place(tmp_path / "c", build=2)).key != first.key


def test_the_key_does_not_depend_on_the_text_part(tmp_path: Path) -> None:
    before = clip_model(made.place(tmp_path)).key
    config = tmp_path / TEXT / "config.json"
    config.write_text(config.read_text() + "\n")
    (tmp_path / TEXT / SUMS).unlink()
    with pytest.raises(ModelMissing):
        clip_model(tmp_path)
    made.seal(tmp_path)
    assert clip_model(tmp_path).key == before


def test_a_missing_model_names_the_command_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"not installed\. Run: vidlocal setup --pictures"):
        clip_model(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(("part", "name"), EVERY_FILE)
def test_a_missing_file_is_named(tmp_path: Path, part: str, name: str) -> None:
    (made.place(tmp_path) / part / name).unlink()
    with pytest.raises(EngineError, match=rf"{part}/{name} not found\. Run: vidlocal setup --pictures"):
        clip_model(tmp_path)


@pytest.mark.parametrize(("part", "name"), EVERY_FILE)
@pytest.mark.parametrize("damage", ["cut short", "one bit"])
def test_a_damaged_file_is_named_on_one_line(tmp_path: Path, part: str, name: str, damage: str) -> None:
    made.place(tmp_path)
    clip_model(tmp_path)  # the checksums are cached now
    path = tmp_path / part / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data[:-1] if damage == "cut short" else data)
    with pytest.raises(EngineError, match=rf"{part}/{name}: damaged .*vidlocal setup --pictures") as caught:
        clip_model(tmp_path)
    assert "\n" not in str(caught.value)


def test_an_unreadable_list_of_checksums_counts_as_missing_files(tmp_path: Path) -> None:
    (made.place(tmp_path) / VISION / SUMS).write_bytes(b"\xff\xfe nonsense")
    with pytest.raises(EngineError, match="vidlocal setup --pictures"):
        clip_model(tmp_path)


def test_files_installed_by_hand_are_accepted_with_checksums_by_sha256sum(tmp_path: Path) -> None:
    made.place(tmp_path)
    before = clip_model(tmp_path).key
    for part in FILES:
        (tmp_path / part / SUMS).unlink()
        with open(tmp_path / part / SUMS, "wb") as file:
            subprocess.run(["sha256sum", *FILES[part]], cwd=tmp_path / part, stdout=file, check=True, timeout=20)
    assert clip_model(tmp_path).key == before


def test_unchanged_weights_are_hashed_only_once(tmp_path: Path) -> None:
    made.place(tmp_path)
    model = clip_model(tmp_path)
    weights = tmp_path / VISION / WEIGHTS
    status = weights.stat()
    weights.write_bytes(bytes(status.st_size))
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert clip_model(tmp_path) == model  # same size, mtime and inode


BLOCKS = {
    "by a finder": """
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "fastembed":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())""",
    "by its name": 'sys.modules["fastembed"] = None',
}


@pytest.mark.parametrize("block", BLOCKS)
def test_a_missing_extra_names_the_command_to_install_it(tmp_path: Path, block: str) -> None:
    made.place(tmp_path)
    code = f"""
import sys
from pathlib import Path
from vidlocal.engines.clip.clip_files import clip_model
from vidlocal.errors import ModelMissing
{BLOCKS[block]}
try:
    clip_model(Path({str(tmp_path)!r}))
except ModelMissing as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert 'Run: pip install "vidlocal[pictures]"' in done.stdout
