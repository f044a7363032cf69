"""Corrections as a data set, read back as a trainer would."""

import json
import subprocess
import sys
from pathlib import Path
from typing import TypedDict

import pytest
from PIL import Image

from tests.support.commands import Run, add_video
from tests.support.fake_models import Model
from tests.support.fake_ollama import FakeOllama
from tests.support.wedding_film import add_film, deep
from vidlocal.records import Passage, PassageKind
from vidlocal.store.content import frame_images, frames, passages
from vidlocal.store.database import Library

ONLY_PLAIN = Model("llava:7b", ("completion", "vision"), obeys_schema=False)


class Sample(TypedDict):
    """An entry of conversations.json."""

    id: str
    image: str
    conversations: list[dict[str, str]]


def samples(folder: Path) -> list[Sample]:
    """The data set of a folder, checked for LLaVA: every picture opens, and all are inside."""
    found: list[Sample] = json.loads((folder / "conversations.json").read_text("utf-8"))
    assert len({sample["id"] for sample in found}) == len(found)
    for sample in found:
        assert set(sample) == {"id", "image", "conversations"}
        image = Path(str(sample["image"]))
        assert not image.is_absolute()
        assert ".." not in image.parts
        assert (folder / image).resolve().is_relative_to(folder.resolve())
        with Image.open(folder / image) as picture:
            assert picture.format == "JPEG"
            picture.load()
        human, gpt = sample["conversations"]
        assert (human["from"], gpt["from"]) == ("human", "gpt")
        assert human["value"].startswith("<image>\n")
        assert human["value"].count("<image>") == 1
    assert {str(sample["image"]) for sample in found} == {f"images/{path.name}" for path in folder.glob("images/*")}
    assert {path.name for path in folder.iterdir()} == {"conversations.json", "images"}
    return found


def turns(sample: Sample) -> tuple[str, str]:
    human, gpt = sample["conversations"]
    return human["value"].removeprefix("<image>\n"), gpt["value"]


@pytest.fixture
def asked() -> list[str]:
    """Questions to the model about `film`."""
    return []


@pytest.fixture
def film(library: Library, asked: list[str]) -> int:
    """A film with a frame and a sequence described by a model of plain sentences."""
    video_id = add_film(library)
    with FakeOllama([ONLY_PLAIN, "phi3.5:latest", "embeddinggemma:latest"]) as server:
        deep(library, server)
        asked += [request.prompt for request in server.asked("/api/chat")]
    return video_id


def edit(run: Run, library: Library, video_id: int, kind: PassageKind, text: str) -> int:
    passage = passages.of_video(library, video_id, [kind])[0]
    assert run("note", "--edit", str(passage.id), text).exit_code == 0
    return int(passage.id or 0)


def test_corrections_become_pairs_and_read_back_verbatim(run: Run, film: int, library: Library, tmp_path: Path) -> None:
    text = 'Anna, "the bride",\n\tcuts a cake \u202e\x07 ñ 日本 </s> [INST]'
    edit(run, library, film, PassageKind.SCENE, text)
    edit(run, library, film, PassageKind.ACTION, "Anna walks in and sits down.")
    assert run("note", f"{film}@4", "Grandmother laughs.").exit_code == 0
    result = run("export", "--finetune", str(tmp_path / "out"))
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "Pairs written: 3 (pictures: 3), to " in result.stderr
    answers = [turns(sample)[1] for sample in samples(tmp_path / "out")]
    assert answers == [text.strip(), "Anna walks in and sits down.", "Grandmother laughs."]


def test_training_prompts_equal_the_vision_prompts(
    run: Run, film: int, asked: list[str], library: Library, tmp_path: Path
) -> None:
    edit(run, library, film, PassageKind.SCENE, "One.")
    edit(run, library, film, PassageKind.ACTION, "Two.")
    assert run("export", "--finetune", str(tmp_path / "out")).exit_code == 0
    for question, _ in map(turns, samples(tmp_path / "out")):
        assert any(prompt.endswith("\n" + question) for prompt in asked), question


def test_the_picture_is_the_frames_own_and_is_written_once(
    run: Run, film: int, library: Library, tmp_path: Path
) -> None:
    edit(run, library, film, PassageKind.SCENE, "One.")
    assert run("note", f"{film}@0", "Two.").exit_code == 0
    assert run("export", str(film), "--finetune", str(tmp_path / "out")).exit_code == 0
    (name,) = {str(sample["image"]) for sample in samples(tmp_path / "out")}
    frame = frames.of_video(library, film)[0]
    assert (tmp_path / "out" / name).read_bytes() == frame_images.read(library, frame)


def test_export_filters_by_kind_and_video(run: Run, film: int, library: Library, tmp_path: Path) -> None:
    other = add_video(library, "party", "hello")
    edit(run, library, film, PassageKind.SCENE, "One.")
    assert run("note", f"{film}@0", "Two.").exit_code == 0
    assert run("note", f"{other}@0", "Three, without a picture.").exit_code == 0
    assert run("export", "--finetune", str(tmp_path / "a"), "--kind", "note", str(film)).exit_code == 0
    assert [turns(sample)[1] for sample in samples(tmp_path / "a")] == ["Two."]
    alone = run("export", "--finetune", str(tmp_path / "b"), "party")
    assert alone.exit_code == 0
    assert "no picture" in alone.stderr
    assert "Nothing to write" in alone.stderr
    assert not (tmp_path / "b").exists()


def test_nothing_corrected_is_one_sentence_and_no_folder(run: Run, film: int, tmp_path: Path) -> None:
    result = run("export", "--finetune", str(tmp_path / "out"))
    assert result.exit_code == 0
    assert result.stderr.startswith("No corrected captions yet")
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_text_misread_by_trainers_is_left_out_and_named(run: Run, film: int, library: Library, tmp_path: Path) -> None:
    left = edit(run, library, film, PassageKind.SCENE, "Anna <image> Berta")
    edit(run, library, film, PassageKind.ACTION, "Two.")
    result = run("export", "--finetune", str(tmp_path / "out"))
    assert f"passage {left}." in result.stderr
    assert [turns(sample)[1] for sample in samples(tmp_path / "out")] == ["Two."]


def test_library_naming_a_foreign_file_shows_no_image_of_it(
    run: Run, film: int, library: Library, tmp_path: Path
) -> None:
    edit(run, library, film, PassageKind.SCENE, "One.")
    frame = frames.of_video(library, film)[0]
    (tmp_path / "private.jpg").write_bytes(frame_images.read(library, frame))
    with library.writing() as connection:
        connection.execute("UPDATE frames SET image = '../private.jpg' WHERE id = ?", (frame.id,))
    assert "no picture" in run("export", "--finetune", str(tmp_path / "out")).stderr
    assert not (tmp_path / "out").exists()


def test_only_a_new_or_empty_folder_is_written(run: Run, film: int, library: Library, tmp_path: Path) -> None:
    edit(run, library, film, PassageKind.SCENE, "One.")
    full, file, link, empty = (tmp_path / name for name in ("full", "file", "link", "empty"))
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    file.write_text("mine")
    link.symlink_to(tmp_path / "nowhere")
    for taken in (full, file, link):
        result = run("export", "--finetune", str(taken))
        assert result.exit_code == 2
        assert "already exists" in result.stderr
    assert file.read_text() == (full / "mine.txt").read_text() == "mine"
    assert list(full.iterdir()) == [full / "mine.txt"]
    assert not (tmp_path / "nowhere").exists()
    empty.mkdir()
    assert run("export", "--finetune", str(empty)).exit_code == 0
    assert len(samples(empty)) == 1
    assert run("export", "--finetune", str(empty)).exit_code == 2


def test_uncreatable_folder_is_a_message(run: Run, film: int, library: Library, tmp_path: Path) -> None:
    edit(run, library, film, PassageKind.SCENE, "One.")
    (tmp_path / "file").write_text("")
    result = run("export", "--finetune", str(tmp_path / "file" / "out"))
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_killed_run_leaves_no_samples(run: Run, film: int, library: Library, tmp_path: Path) -> None:
    edit(run, library, film, PassageKind.SCENE, "One.")
    for number in range(200):
        passages.add(library, film, [Passage(2.0, 4.0, PassageKind.NOTE, f"Note {number}.", engine=passages.BY_HAND)])
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert run("export", "--finetune", str(whole)).exit_code == 0
    exporting = subprocess.Popen([sys.executable, "-m", "vidlocal", "export", "--finetune", str(out)])
    while not list(out.glob("images/*")) and exporting.poll() is None:
        pass
    exporting.kill()
    exporting.wait()
    left = out / "conversations.json"
    assert not left.exists() or not left.read_text() or samples(out) == samples(whole)
    assert run("export", "--finetune", str(out)).exit_code == 2


def test_finetune_goes_with_no_other_way_of_writing(run: Run, film: int, tmp_path: Path) -> None:
    for more in (["-"], ["--format", "srt"], ["-o", str(tmp_path / "x")]):
        assert run("export", "--finetune", str(tmp_path / "out"), *more).exit_code == 2
    assert not (tmp_path / "out").exists()
