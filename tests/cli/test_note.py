import json
from itertools import pairwise

import pytest

from tests.support.commands import EVIL, Run
from vidlocal.model_answers import SceneAnswer
from vidlocal.moments import VideoRef, group
from vidlocal.records import Hit, JobKind, JobState, Passage, PassageKind, Provenance
from vidlocal.store.content import frames, passages, stale
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

MODEL = Provenance("ollama", "llava:7b", "1" * 64, "2")


def of_kind(library: Library, video_id: int, kind: PassageKind) -> list[Passage]:
    return passages.of_video(library, video_id, [kind])


def test_a_note_stands_at_its_frame_and_is_found(run: Run, library: Library, wedding: int) -> None:
    result = run("note", "wedding@0:05", "this", "is Anna")
    assert result.exit_code == 0, result.stderr
    [note] = of_kind(library, wedding, PassageKind.NOTE)
    assert (note.start, note.end, note.text, note.engine) == (4.0, 6.0, "this is Anna", "you")
    assert result.stderr == f"Added note {note.id}, 0:00:04.0 to 0:00:06.0.\n"
    [line] = run("search", "anna").stdout.splitlines()
    assert "note" in line.split("\t")[4]
    assert jobs.counts(library).get((JobKind.EMBED, JobState.QUEUED))


def test_any_passage_can_be_corrected_and_deleted(run: Run, library: Library, wedding: int) -> None:
    [speech] = of_kind(library, wedding, PassageKind.SPEECH)
    assert run("note", "--edit", str(speech.id), "the broom walks").exit_code == 0
    [corrected] = of_kind(library, wedding, PassageKind.SPEECH)
    assert (corrected.id, corrected.text, corrected.engine) == (speech.id, "the broom walks", "you")
    assert run("search", "broom").stdout
    assert library.number("SELECT count(*) FROM vectors WHERE passage_id = ?", speech.id) == 0
    declined = run("note", "--delete", str(speech.id), input="n\n")
    assert declined.exit_code == 0
    assert f'Delete speech {speech.id} at 0:00:04.0: "the broom walks"? [y/N]' in declined.stderr
    assert of_kind(library, wedding, PassageKind.SPEECH)
    assert run("note", "--delete", str(speech.id), "--yes").exit_code == 0
    assert not of_kind(library, wedding, PassageKind.SPEECH)
    assert run("search", "broom").stdout == ""


def test_models_never_overwrite_notes(run: Run, library: Library, wedding: int) -> None:
    [scene] = of_kind(library, wedding, PassageKind.SCENE)
    assert scene.frame_id is not None
    frame = frames.get(library, scene.frame_id)
    assert frame is not None
    run("note", "--edit", str(scene.id), "Anna enters the church.")
    run("note", f"wedding@{frame.time}", "a note")
    frames.describe_again(library, [frame.id])
    frames.store_scene(library, frame, SceneAnswer("A woman.", tags=("woman",)), MODEL)
    assert [passage.text for passage in of_kind(library, wedding, PassageKind.SCENE)] == ["Anna enters the church."]
    assert [passage.text for passage in of_kind(library, wedding, PassageKind.NOTE)] == ["a note"]
    for kind in PassageKind:
        passages.delete_of_kind(library, wedding, kind)
    assert {passage.text for passage in passages.of_video(library, wedding)} == {"Anna enters the church.", "a note"}
    assert stale.stale_frames(library, "other", ["9"]) == []
    assert stale.weak_frames(library) == []


def test_reprocessing_keeps_corrections_without_duplicates(run: Run, library: Library, wedding: int) -> None:
    [shown] = of_kind(library, wedding, PassageKind.SCREEN_TEXT)
    run("note", "--edit", str(shown.id), "Welcome")
    passages.delete_of_kind(library, wedding, PassageKind.SCREEN_TEXT)
    assert passages.add(library, wedding, [Passage(10.0, 12.0, PassageKind.SCREEN_TEXT, "WELC0ME")]) == []
    assert len(passages.add(library, wedding, [Passage(13.0, 14.0, PassageKind.SCREEN_TEXT, "BYE")])) == 1


def test_note_without_text_lists_the_passages_at_the_time(run: Run, library: Library, wedding: int) -> None:
    [speech] = of_kind(library, wedding, PassageKind.SPEECH)
    lines = [line.split("\t") for line in run("note", "wedding@5").stdout.splitlines()]
    assert [str(speech.id), "0:00:04.0", "0:00:07.5", "speech", "", speech.text] in lines
    listed = json.loads(run("note", "wedding@5", "--json").stdout)["passages"]
    assert speech.id in {passage["id"] for passage in listed}


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["wedding", "text"],
        ["@5", "text"],
        ["wedding@", "text"],
        ["wedding@x", "text"],
        ["wedding@nan", "text"],
        ["wedding@-1", "text"],
        ["wedding@21", "text"],
        ["nothing@1", "text"],
        ["wedding@1", " "],
        ["--edit", "9999", "text"],
        ["--edit", "1"],
        ["--delete", "1", "text"],
        ["--edit", "1", "--delete", "1"],
        ["wedding@1", "x" * 20_001],
    ],
)
def test_invalid_note_exits_with_2(run: Run, library: Library, wedding: int, words: list[str]) -> None:
    before = passages.of_video(library, wedding)
    assert run("note", *words).exit_code == 2
    assert passages.of_video(library, wedding) == before


def test_a_hostile_note_is_text(run: Run, library: Library, wedding: int) -> None:
    assert run("note", "wedding@5", EVIL).exit_code == 0
    for words in (["note", "wedding@5"], ["search", "evil"], ["show", "wedding"]):
        assert "\x1b" not in run(*words).stdout


def test_notes_rank_slightly_above_captions() -> None:
    def hit(number: int, kind: PassageKind, score: float) -> Hit:
        return Hit(number, 1, number * 100.0, number * 100.0 + 2, kind, f"text {number}", score)

    hits = [
        hit(1, PassageKind.SCENE, 0.50),
        hit(2, PassageKind.NOTE, 0.49),
        hit(3, PassageKind.SPEECH, 0.90),
        hit(4, PassageKind.NOTE, 0.20),
    ]
    found = group(hits, {1: VideoRef("wedding", "/wedding.mp4")}, limit=10)
    assert [moment.hits[0].passage_id for moment in found] == [3, 2, 1, 4]
    assert all(passage.score >= other.score for passage, other in pairwise(found))
    assert all(moment.score <= 1 for moment in found)
