"""Text on screen on its way into the library."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from vidlocal.enrich.workers.ocr import read_screen_text
from vidlocal.errors import MediaError, ToolError
from vidlocal.process import WorkerCrashed
from vidlocal.records import FileStamp, FrameDraft, Job, JobKind, JobState, MediaKind, PassageKind, Probe
from vidlocal.signals.screen_text import ScreenText
from vidlocal.store.content import frames, passages, videos
from vidlocal.store.database import Library
from vidlocal.store.queue import checkpoints, jobs

Answer = str | BaseException | None


class FakeReader:
    """An OCR engine with queued answers by frame, and a record of its frames."""

    def __init__(self, answers: dict[str, list[Answer]]) -> None:
        self.answers = answers
        self.shown: list[str] = []

    def read(self, jpeg: bytes) -> ScreenText | None:
        name = jpeg.decode()
        self.shown.append(name)
        queue = self.answers.get(name, [None])
        answer = queue[0] if len(queue) == 1 else queue.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return None if answer is None else ScreenText(answer, 0.9, "PP-OCR")


def add_video(library: Library, shots: Sequence[int], *, ranked: Sequence[int] | None = None) -> int:
    """A video with a distinct frame every 4 s, each followed by a repeat. Images contain their number."""
    among = range(len(shots)) if ranked is None else ranked
    (library.frames_folder / "h").mkdir(parents=True)
    drafts: list[FrameDraft] = []
    for number, shot in enumerate(shots):
        image = f"frames/h/{number}.jpg"
        (library.folder / image).write_text(str(number))
        at = 4.0 * number
        drafts.append(FrameDraft(at, shot, image, number, rank=number if number in among else None))
        drafts.append(FrameDraft(at + 2.0, shot, None, number, same_as=2 * number))
    return videos.add(
        library,
        content_hash="h",
        path=Path("/films/lecture.mp4"),
        stamp=FileStamp(1, 1, 1),
        probe=Probe(MediaKind.VIDEO, 4.0 * len(shots)),
        frame_drafts=drafts,
        text_passages=[],
        plan=[JobKind.READ],
    )


def claim(library: Library) -> Job:
    job = jobs.claim(library, JobKind.READ, worker="w", now=time.monotonic(), lease_s=60.0)
    assert job is not None
    return job


def said(library: Library, video_id: int) -> list[tuple[float, float, str]]:
    found = passages.of_video(library, video_id, [PassageKind.SCREEN_TEXT])
    return [(passage.start, passage.end, passage.text) for passage in found]


def test_text_spans_the_frames_repeating_it(library: Library) -> None:
    video_id = add_video(library, [0, 1, 2])
    assert read_screen_text(library, claim(library), FakeReader({"1": ["EXIT"]})) == 1
    assert said(library, video_id) == [(4.0, 8.0, "EXIT")]
    passage = passages.of_video(library, video_id)[0]
    assert (passage.engine, passage.model) == ("rapidocr", "PP-OCR")
    frame = frames.of_video(library, video_id)[2]
    assert passage.frame_id == frame.id


def test_equal_and_nearly_equal_texts_in_a_row_are_one_passage(library: Library) -> None:
    video_id = add_video(library, [0, 0, 1, 1, 2])
    reader = FakeReader({"0": ["The wedding of Anna"], "1": ["The weddlng of Anna"], "2": ["The wedding of Anna"]})
    assert read_screen_text(library, claim(library), reader) == 1
    assert said(library, video_id) == [(0.0, 12.0, "The wedding of Anna")]


def test_different_texts_are_different_passages(library: Library) -> None:
    video_id = add_video(library, [0, 0, 0])
    reader = FakeReader({"0": ["Page 1 of the talk"], "1": ["Page 2 of the talk"], "2": ["Thank you"]})
    assert read_screen_text(library, claim(library), reader) == 3
    assert [text for _, _, text in said(library, video_id)] == ["Page 1 of the talk", "Page 2 of the talk", "Thank you"]


def test_reappearing_text_is_its_own_passage(library: Library) -> None:
    video_id = add_video(library, [0, 1, 2])
    read_screen_text(library, claim(library), FakeReader({"0": ["EXIT"], "2": ["EXIT"]}))
    assert said(library, video_id) == [(0.0, 4.0, "EXIT"), (8.0, 12.0, "EXIT")]


def test_a_text_far_away_in_another_shot_is_a_passage_of_its_own(library: Library) -> None:
    video_id = add_video(library, [0] * 8 + [1], ranked=[0, 8])
    read_screen_text(library, claim(library), FakeReader({"0": ["EXIT"], "8": ["EXIT"]}))
    assert said(library, video_id) == [(0.0, 4.0, "EXIT"), (32.0, 36.0, "EXIT")]


def test_a_text_at_both_ends_of_a_shot_stands_there_all_the_time(library: Library) -> None:
    video_id = add_video(library, [0] * 9, ranked=[0, 8])
    read_screen_text(library, claim(library), FakeReader({"0": ["EXIT"], "8": ["EXIT"]}))
    assert said(library, video_id) == [(0.0, 36.0, "EXIT")]


def test_only_representative_frames_are_read(library: Library) -> None:
    add_video(library, [0, 1], ranked=[])
    reader = FakeReader({})
    assert read_screen_text(library, claim(library), reader) == 0
    assert reader.shown == []


def test_the_job_is_finished_and_the_text_waits_to_be_embedded(library: Library) -> None:
    add_video(library, [0, 1])
    reported: list[float] = []
    read_screen_text(library, claim(library), FakeReader({"1": ["EXIT"]}), on_progress=reported.append)
    counts = jobs.counts(library)
    assert counts[JobKind.READ, JobState.DONE] == 1
    assert counts[JobKind.EMBED, JobState.QUEUED] == 1
    assert reported == [0.5, 1.0]


def test_an_interrupted_reading_goes_on_where_the_last_text_ended(library: Library) -> None:
    video_id = add_video(library, [0, 1, 2, 3, 4])
    texts: dict[str, list[Answer]] = {"0": ["one"], "1": ["two"], "3": ["four"]}
    killed = FakeReader({**texts, "2": [KeyboardInterrupt()]})
    job = claim(library)
    with pytest.raises(KeyboardInterrupt):
        read_screen_text(library, job, killed)
    assert [text for _, _, text in said(library, video_id)] == ["one"]
    reader = FakeReader(texts)
    read_screen_text(library, job, reader)
    assert reader.shown == ["1", "2", "3", "4"]
    assert [text for _, _, text in said(library, video_id)] == ["one", "two", "four"]
    assert checkpoints.get(library, video_id, "read") == 0.0


def test_repeated_ocr_replaces_its_text(library: Library) -> None:
    video_id = add_video(library, [0, 1])
    job = claim(library)
    read_screen_text(library, job, FakeReader({"0": ["misread"]}))
    read_screen_text(library, job, FakeReader({"0": ["well read"]}))
    assert [text for _, _, text in said(library, video_id)] == ["well read"]


def test_image_crashing_the_ocr_is_tried_twice_and_skipped(library: Library) -> None:
    video_id = add_video(library, [0, 1, 2, 3])
    crash = WorkerCrashed("The reader crashed.")
    reader = FakeReader({"0": [crash, "one"], "1": [crash], "2": ["three"]})
    assert read_screen_text(library, claim(library), reader) == 2
    assert reader.shown == ["0", "0", "1", "1", "2", "3"]
    assert [text for _, _, text in said(library, video_id)] == ["one", "three"]


def test_a_damaged_or_missing_picture_is_left_out(library: Library) -> None:
    video_id = add_video(library, [0, 1, 2])
    (library.frames_folder / "h" / "1.jpg").unlink()
    read_screen_text(library, claim(library), FakeReader({"0": [MediaError("damaged")], "2": ["three"]}))
    assert [text for _, _, text in said(library, video_id)] == ["three"]


def test_ocr_failing_on_all_frames_keeps_the_job(library: Library) -> None:
    add_video(library, [0, 1, 2, 3, 4])
    reader = FakeReader({str(number): [ToolError("The models are missing.")] for number in range(5)})
    with pytest.raises(ToolError, match="missing"):
        read_screen_text(library, claim(library), reader)
    assert jobs.counts(library)[JobKind.READ, JobState.RUNNING] == 1
    assert len(reader.shown) == 6


def test_a_video_removed_meanwhile_costs_nothing(library: Library) -> None:
    video_id = add_video(library, [0, 1])
    job = claim(library)

    class Remover(FakeReader):
        def read(self, jpeg: bytes) -> ScreenText | None:
            videos.remove(library, video_id)
            return ScreenText("too late", 0.9, "PP-OCR")

    assert read_screen_text(library, job, Remover({})) == 0
