"""Model files of whisper.cpp are found by name or path, and verified."""

import json
import struct
from pathlib import Path

import pytest

from tests.support.speech import MODEL
from vidlocal.engines.speech import whisper_files
from vidlocal.engines.speech.whisper_files import WHISPER_SHA1, whisper_model
from vidlocal.errors import EngineError, ModelMissing, SettingsError

TEST_MODEL_SHA256 = "dd88655ae215d9b76b0eabf91a4fa44cc765cbb110b76cf8dc6b8ca5085e0fd1"


def fake_model(path: Path) -> Path:
    """Write a file with a valid header and no model."""
    path.write_bytes(struct.pack("<I13i", 0x67676D6C, 51_865, *([1] * 10), 80, 201) + bytes(600_000))
    return path


def test_a_model_by_path_has_an_absolute_path_a_short_name_and_a_digest(tmp_path: Path) -> None:
    model = whisper_model(str(MODEL), tmp_path)
    assert (model.name, model.path, model.digest) == ("vidlocal-test", MODEL.absolute(), TEST_MODEL_SHA256)


def test_a_missing_model_names_the_command_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"Whisper model base is not installed\. Run: vidlocal setup"):
        whisper_model("base", tmp_path / "models")
    with pytest.raises(ModelMissing, match=r"/mine\.bin: Whisper model not found"):
        whisper_model(str(tmp_path / "mine.bin"), tmp_path)
    assert not (tmp_path / "models").exists()


def test_an_unknown_name_is_reported_with_the_valid_names(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"'bas'.*tiny.*large-v3-turbo"):
        whisper_model("bas", tmp_path)


def test_a_model_with_another_checksum_is_used_with_a_warning(tmp_path: Path) -> None:
    fake_model(tmp_path / "ggml-base.bin")
    model = whisper_model("base", tmp_path)
    assert model.name == "base"
    assert model.warning is not None
    assert "ggml-base.bin: not the published file of the Whisper model base" in model.warning


def test_a_quantised_model_added_by_hand_is_found_by_name(tmp_path: Path) -> None:
    fake_model(tmp_path / "ggml-small-q5_1.bin")
    assert whisper_model("small-q5_1", tmp_path).name == "small-q5_1"


@pytest.mark.parametrize(
    "content",
    [b"", b"lmgg", b"<!DOCTYPE html>" + bytes(600_000), MODEL.read_bytes()[:400_000], b"lmgg" + bytes(600_000)],
)
def test_an_incomplete_or_invalid_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ggml-mine.bin"
    path.write_bytes(content)
    with pytest.raises(EngineError, match=r"ggml-mine\.bin: not a complete whisper\.cpp model"):
        whisper_model(str(path), tmp_path)


def test_a_model_is_hashed_only_after_a_change(tmp_path: Path) -> None:
    path = fake_model(tmp_path / "ggml-mine.bin")
    first = whisper_model(str(path), tmp_path)
    cache_file = tmp_path / "verified.json"
    cache = json.loads(cache_file.read_text())
    cache[str(path)]["sha256"] = "from the cache"
    cache_file.write_text(json.dumps(cache))
    assert whisper_model(str(path), tmp_path).digest == "from the cache"
    path.write_bytes(path.read_bytes() + b"x")
    assert whisper_model(str(path), tmp_path).digest not in ("from the cache", first.digest)


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', "\x00"])
def test_a_damaged_cache_is_rebuilt(tmp_path: Path, text: str) -> None:
    (tmp_path / "verified.json").write_text(text)
    assert whisper_model(str(MODEL), tmp_path).digest == TEST_MODEL_SHA256


def test_every_published_checksum_is_valid(tmp_path: Path) -> None:
    assert all(checksum is None or len(bytes.fromhex(checksum)) == 20 for checksum in WHISPER_SHA1.values())
    assert whisper_files.whisper_file_name("large-v3-turbo") == "ggml-large-v3-turbo.bin"
