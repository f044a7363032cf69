"""Progress and expected time of ingest."""

from pathlib import Path

import pytest

from vidlocal.ingest.costs import DEFAULT_PACE, IngestPlan, Pace, Stage, load_pace, store_pace
from vidlocal.ingest.meter import IngestMeter, IngestProgress
from vidlocal.media.find_files import InputFile
from vidlocal.records import AudioTrack, MediaKind, Probe
from vidlocal.store.database import Library
from vidlocal.store.history import facts

PLAN = IngestPlan(every=2.0, ocr=True, speech=True, image_vectors=False)
PACE = dict.fromkeys(Stage, 1.0)


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time


def meter(library: Library, folder: Path, clock: Clock, seen: list[IngestProgress]) -> IngestMeter:
    inputs = []
    for name in ("a.jpg", "b.jpg", "skipped.jpg", "notes.txt"):
        (folder / name).write_bytes(b"x")
        inputs.append(InputFile(folder / name, explicit=False, skip_reason="excluded" if name[0] == "s" else None))
    return IngestMeter(library, inputs, PLAN, Pace(dict(PACE)), seen.append, clock.now)


def test_one_bar_for_all_files_grows_by_the_expected_time_of_stages(library: Library, tmp_path: Path) -> None:
    seen: list[IngestProgress] = []
    clock = Clock()
    measured = meter(library, tmp_path, clock, seen)  # two photos of 3 s: probing, frame, OCR
    for name in ("a.jpg", "b.jpg"):
        measured.start(tmp_path / name)
        for stage in (Stage.PROBING, Stage.FRAMES, Stage.OCR):
            measured.report(stage, 0.0)
            clock.time += 2.0
            measured.report(stage, 0.5)
        measured.finish()
    assert [progress.done for progress in seen[:6]] == pytest.approx(
        [0, 0.5 / 6, 1 / 6, 1.5 / 6, 2 / 6, 2.5 / 6], abs=1e-6
    )
    assert {(progress.number, progress.total) for progress in seen} == {(1, 2), (2, 2)}
    assert seen[-1].stage == "OCR"
    assert seen[-1].eta == pytest.approx(0.5 * 12 / 5.5)  # slower than expected
    assert measured.pace.updated()[Stage.OCR] == pytest.approx(1.5)  # half of what was measured, half of before


def test_the_bar_never_goes_back(library: Library, tmp_path: Path) -> None:
    seen: list[IngestProgress] = []
    measured = meter(library, tmp_path, Clock(), seen)
    measured.start(tmp_path / "a.jpg")
    measured.report(Stage.OCR, 1.0)
    measured.set_work(PLAN.work(10, Probe(kind=MediaKind.VIDEO, duration=600.0), 300))
    measured.report(Stage.FRAMES, 0.0)
    assert seen[0].done == seen[1].done


def test_expected_work_depends_on_the_stages_of_the_run(library: Library) -> None:
    sound = AudioTrack(index=1, codec="aac", language=None, default=True, channels=2, rate_hz=48000)
    film = Probe(kind=MediaKind.VIDEO, duration=100.0, audio=(sound,))
    work = PLAN.work(2_000_000_000, film, 51)
    assert (work[Stage.READING], work[Stage.FRAMES], work[Stage.OCR]) == (2.0, 51.0, 50.0)
    assert (work[Stage.TRANSCRIBING], work[Stage.EMBEDDING]) == (100.0, 0.0)
    later = IngestPlan(every=2.0, ocr=False, speech=False, image_vectors=False)
    assert later.work(1, film, 51)[Stage.OCR] == later.work(1, film, 51)[Stage.TRANSCRIBING] == 0.0
    assert PLAN.guess(Path("a.mp4"), 100_000_000)[Stage.FRAMES] == 51.0
    assert PLAN.guess(Path("a.mp3"), 2_400_000)[Stage.TRANSCRIBING] == 100.0


def test_the_pace_is_remembered(library: Library) -> None:
    pace = load_pace(library)
    assert pace.seconds_per_unit == DEFAULT_PACE
    pace.add(Stage.FRAMES, 10.0, 4.0)
    store_pace(library, pace)
    assert load_pace(library).seconds_per_unit[Stage.FRAMES] == pytest.approx((0.4 + DEFAULT_PACE[Stage.FRAMES]) / 2)
    for damaged in ("[]", '{"frames": "x"}', '{"frames": -1}', '{"films": 1}', "{"):
        facts.put(library, facts.INGEST_PACE, damaged)
        assert load_pace(library).seconds_per_unit == DEFAULT_PACE
