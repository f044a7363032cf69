"""Folders of transformers models, without the packages."""

import json
import struct
from pathlib import Path

import pytest

from vidlocal.engines.transformers import transformers_files
from vidlocal.engines.transformers.transformers_files import find_model, read_folder
from vidlocal.errors import EngineError, ModelMissing
from vidlocal.settings.hub_cache import hub_cache

NAME = "llava-hf/llava-1.5-7b-hf"


def weights(*shapes: list[int]) -> bytes:
    header = {str(number): {"dtype": "F16", "shape": shape} for number, shape in enumerate(shapes)}
    head = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    return struct.pack("<Q", len(head)) + head + b"\0" * 64


def save(folder: Path, content: bytes | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "llava"}')
    (folder / "model.safetensors").write_bytes(weights([3, 4], [5]) if content is None else content)
    return folder


def test_a_folder_is_found_with_its_size(tmp_path: Path) -> None:
    model = find_model(str(save(tmp_path / "mine")), tmp_path, tmp_path)
    assert (model.name, model.parameters, model.size_bytes) == ("mine", 17, len(weights([3, 4], [5])))


def test_a_name_is_found_in_the_models_folder_and_in_the_hub_cache(tmp_path: Path) -> None:
    models, cache = tmp_path / "models", tmp_path / "hub"
    snapshot = save(cache / "models--llava-hf--llava-1.5-7b-hf" / "snapshots" / "abc")
    refs = snapshot.parent.parent / "refs"
    refs.mkdir()
    (refs / "main").write_text("abc\n")
    cached = find_model(NAME, models, cache)
    assert (cached.name, cached.path) == (NAME, snapshot)
    save(transformers_files.downloaded_folder(NAME, models))
    assert find_model(NAME, models, cache).name == NAME
    assert find_model(NAME, models, cache).path.is_relative_to(models)


def test_the_fingerprint_follows_the_weights(tmp_path: Path) -> None:
    first = read_folder(save(tmp_path / "a"))
    other = read_folder(save(tmp_path / "b", weights([3, 4], [5])[:-1] + b"\1"))
    assert read_folder(save(tmp_path / "c")).digest == first.digest != other.digest


def test_weights_in_several_files_are_counted_and_must_be_complete(tmp_path: Path) -> None:
    folder = save(tmp_path / "big")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    files = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": files}))
    with pytest.raises(EngineError, match=r"big: incomplete, model-00002-of-00002\.safetensors is missing"):
        read_folder(folder)
    (folder / "model-00002-of-00002.safetensors").write_bytes(weights([100]))
    assert read_folder(folder).parameters == 117


@pytest.mark.parametrize("index", ["[]", "{", '{"weight_map": 3}', "{}"])
def test_a_damaged_index_is_a_sentence(tmp_path: Path, index: str) -> None:
    folder = save(tmp_path / "big")
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(index)
    with pytest.raises(EngineError, match=r"index\.json is damaged"):
        read_folder(folder)


def test_names_outside_of_the_folder_are_not_read(tmp_path: Path) -> None:
    folder = save(tmp_path / "big")
    (folder / "model.safetensors").rename(tmp_path / "x.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../x.safetensors"}}))
    with pytest.raises(EngineError, match=r"x\.safetensors is missing"):
        read_folder(folder)


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, struct.pack("<Q", 4) + b"[{]]", struct.pack("<Q", 2) + b"[]"])
def test_damaged_weights_are_a_sentence(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(EngineError, match=r"model\.safetensors is damaged"):
        read_folder(save(tmp_path / "mine", content))


def test_pickles_are_refused(tmp_path: Path) -> None:
    folder = save(tmp_path / "mine")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(EngineError, match=r"pytorch_model\.bin is a pickle, which can run code"):
        read_folder(folder)


def test_a_missing_model_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=f"Run: vidlocal setup --transformers {NAME}"):
        find_model(NAME, tmp_path, tmp_path)
    with pytest.raises(ModelMissing, match="folder not found"):
        find_model(str(tmp_path / "none"), tmp_path, tmp_path)
    with pytest.raises(ModelMissing, match=r"no config\.json in it"):
        find_model(str(tmp_path), tmp_path, tmp_path)


def test_the_hub_cache_follows_the_variables_of_huggingface_hub() -> None:
    home = Path("/home/ann")
    assert hub_cache(home, {}) == Path("/home/ann/.cache/huggingface/hub")
    assert hub_cache(home, {"XDG_CACHE_HOME": "/c"}) == Path("/c/huggingface/hub")
    assert hub_cache(home, {"HF_HOME": "/hf", "XDG_CACHE_HOME": "/c"}) == Path("/hf/hub")
    assert hub_cache(home, {"HF_HUB_CACHE": "/x", "HF_HOME": "/hf"}) == Path("/x")
