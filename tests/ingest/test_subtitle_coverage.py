"""Subtitles replace a transcription only with full coverage of the speech."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.speech import probe_of, recording, sentences, write_wav
from tests.support.transcription import Scripted, placed_every
from vidlocal.enrich.workers import fast_pass
from vidlocal.errors import EngineError
from vidlocal.ingest.run import IngestTools, ingest
from vidlocal.ingest.subtitle_coverage import cover_speech
from vidlocal.media import ffmpeg
from vidlocal.media.probe.prober import Prober
from vidlocal.records import Passage, PassageKind
from vidlocal.signals.screen_text import RapidOcr
from vidlocal.store.content import passages
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock

SECONDS = 120.0


class Deaf(Scripted):
    """Hears no speech in anything, or fails."""

    def __init__(self, error: EngineError | None = None) -> None:
        super().__init__()
        self.error = error

    def has_speech(self, samples: object) -> bool:
        if self.error is not None:
            raise self.error
        return False


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes with a sentence every five seconds."""
    placed = placed_every(SECONDS, 5.0, sentences("wedding-en"))
    return write_wav(tmp_path_factory.mktemp("talk") / "talk.wav", recording(placed, seconds=SECONDS))


def lines(until: float) -> list[Passage]:
    """A line at every sentence of `talk` up to a time."""
    return [Passage(at, at + 3.0, PassageKind.SUBTITLE, "Come in!") for at in range(1, int(until), 5)]


@pytest.mark.parametrize(("until", "is_covered"), [(SECONDS, True), (80.0, True), (30.0, False), (0.0, False)])
def test_lines_must_cover_half_of_the_speech(talk: Path, until: float, is_covered: bool) -> None:
    tool = ffmpeg.find_ffmpeg(None)
    assert cover_speech(lines(until), talk, probe_of(SECONDS), engine=Scripted(), ffmpeg=tool) is is_covered


@pytest.mark.parametrize("engine", [Deaf(), Deaf(EngineError("no model"))])
def test_without_speech_any_line_is_enough(talk: Path, engine: Deaf) -> None:
    tool = ffmpeg.find_ffmpeg(None)
    assert cover_speech(lines(10.0), talk, probe_of(SECONDS), engine=engine, ffmpeg=tool)
    assert cover_speech(lines(10.0), talk, probe_of(SECONDS, tracks=()), engine=engine, ffmpeg=tool)


def test_a_film_with_subtitles_of_one_language_of_two_is_transcribed(
    library: Library, talk: Path, tmp_path: Path
) -> None:
    film = tmp_path / "film.wav"
    film.write_bytes(talk.read_bytes())
    cues = (f"{n}\n00:00:{at:02},000 --> 00:00:{at + 3:02},000\nCome in!\n\n" for n, at in enumerate(range(1, 40, 5)))
    (tmp_path / "film.srt").write_text("".join(cues))
    tool = ffmpeg.find_ffmpeg(None)
    with Prober() as prober, RapidOcr() as reader, ProcessLock(library.folder) as lock:
        tools = IngestTools(tool, prober, fast_pass.FastEngines(tool, prober, reader, Scripted()))
        (outcome,) = ingest(library, [film], tools, lock, every=2.0)
        assert (outcome.subtitles, outcome.speech > 0) == (8, True)
        deaf = replace(tools, fast=replace(tools.fast, speech=Deaf()))
        other = tmp_path / "other.wav"
        other.write_bytes(talk.read_bytes()[:-2])
        (tmp_path / "other.srt").write_text((tmp_path / "film.srt").read_text())
        (outcome,) = ingest(library, [other], deaf, lock, every=2.0)
        assert (outcome.subtitles, outcome.speech) == (8, 0)
    assert passages.of_video(library, 1, [PassageKind.SPEECH])
