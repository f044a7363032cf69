"""Verb 1: a file becomes a video that can be searched.

    file -> identity -> probe -> frames + signals -> subtitles -> one transaction -> text on screen, speech, pictures

Everything up to the transaction is done again from the start when it is interrupted; what comes after it
is a job of its own, which this run does at once and any later run can finish.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from vidlocal.enrich.workers.fast_pass import FastEngines, run_fast_pass
from vidlocal.errors import MediaError, ToolError
from vidlocal.ingest.sampling import sample
from vidlocal.job_specs import JOB_SPECS
from vidlocal.media import files, frames, subtitles
from vidlocal.media.cues import merge_cues
from vidlocal.media.decoded_frame import DecodedFrame
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.probe import Prober
from vidlocal.records import Cue, FileStamp, FrameDraft, JobKind, MediaKind, Passage, PassageKind, Probe, Video
from vidlocal.store import staging
from vidlocal.store.content import passages, understanding, videos
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import for_videos

# A JPEG of 896 px takes 30 to 90 KB; a library on its last megabytes fails before the work, not after it.
_BYTES_PER_FRAME = 100_000
_SPACE_KEPT_FREE = 32 << 20


class IngestResult(StrEnum):
    """What became of one file."""

    ADDED = "added"
    KNOWN = "known"
    COPY = "copy"
    FAILED = "failed"
    PASSED_OVER = "passed over"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file, and why. `notes` are sentences about work that is left for later.

    `subtitles`, `speech` and `screen_texts` count the passages that came with a video that was added.
    """

    path: Path
    result: IngestResult
    video: Video | None = None
    reason: str | None = None
    frames: int = 0
    distinct: int = 0
    subtitles: int = 0
    speech: int = 0
    screen_texts: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    def as_data(self) -> dict[str, object]:
        """Return the outcome as plain data for JSON."""
        video = self.video
        return {
            "path": str(self.path),
            "result": self.result.value,
            "video": None if video is None else {"id": video.id, "title": video.title, "duration": video.duration},
            "frames": self.frames,
            "distinct": self.distinct,
            "subtitles": self.subtitles,
            "speech": self.speech,
            "screen_texts": self.screen_texts,
            "seconds": round(self.seconds, 3),
            "reason": self.reason,
            "partial": None if video is None else video.partial,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """Where the work on one file stands. `done` is 0 to 1, None while it cannot be told."""

    path: Path
    stage: str
    done: float | None


@dataclass(frozen=True, slots=True)
class IngestTools:
    """What ingest works with. The verb builds none of it."""

    ffmpeg: Ffmpeg
    prober: Prober
    fast: FastEngines


Report = Callable[[IngestProgress], None]


def ingest(
    library: Library,
    paths: Sequence[Path],
    tools: IngestTools,
    lock: ProcessLock,
    *,
    every: float,
    transcribe: bool = False,
    later: bool = False,
    report: Report = lambda progress: None,
) -> Iterator[Outcome]:
    """Take in files and folders, one outcome per file as it is finished.

    `every` is the seconds between two frames, 0 for every frame. `transcribe` listens even where there are
    subtitles; `later` leaves speech and text on screen to the deep pass. A file that cannot be read is an
    outcome; StoreError ends the run, for no file after it could be stored either.
    """
    staging.remove_orphans(library)
    jobs.requeue_orphans(library)
    intake = _Intake(library, tools, lock, every, transcribe, later, report)
    for found in files.find_files(paths):
        yield intake.take(found)


@dataclass(frozen=True, slots=True)
class _Intake:
    """One run's tools and wishes, at hand for every step of one file."""

    library: Library
    tools: IngestTools
    lock: ProcessLock
    every: float
    transcribe: bool
    later: bool
    report: Report

    def take(self, found: files.InputFile) -> Outcome:
        started = time.monotonic()
        try:
            self._refuse_own_files(found.path)
            outcome = self._recognise(found.path) or self._add(found.path)
        except (MediaError, ToolError) as error:
            expected = found.explicit or (
                files.has_media_extension(found.path) and not isinstance(error, _OwnFileError)
            )
            return Outcome(found.path, IngestResult.FAILED if expected else IngestResult.PASSED_OVER, reason=str(error))
        notes = () if self.later or outcome.video is None else self._finish(outcome.video)
        outcome = self._with_words(outcome)
        return replace(outcome, notes=(*outcome.notes, *notes), seconds=time.monotonic() - started)

    def _with_words(self, outcome: Outcome) -> Outcome:
        """The outcome with what was heard and read of a video that is new."""
        if outcome.result is not IngestResult.ADDED or outcome.video is None:
            return outcome
        kinds = Counter(passage.kind for passage in passages.of_video(self.library, outcome.video.id))
        return replace(outcome, speech=kinds[PassageKind.SPEECH], screen_texts=kinds[PassageKind.SCREEN_TEXT])

    def _refuse_own_files(self, path: Path) -> None:
        """The frames of the library are pictures too, and no photos of anybody."""
        # Not Path.resolve: that raises RuntimeError for a symbolic link that leads in a circle.
        if Path(os.path.realpath(self.library.folder)) in Path(os.path.realpath(path)).parents:
            raise _OwnFileError(f"{path.name} belongs to the library itself and is not taken in.")

    def _recognise(self, path: Path) -> Outcome | None:
        """The video this very file is known to hold, without reading it."""
        video = videos.unchanged_at(self.library, path, files.read_stamp(path))
        return Outcome(path, IngestResult.KNOWN, video) if video and videos.is_ingested(self.library, video) else None

    def _add(self, path: Path) -> Outcome:
        stamp = files.read_stamp(path)
        # A file of unknown sort is opened before it is read to the end: most of those are no media at all.
        probe = None if files.has_media_extension(path) else self.tools.prober.probe(path)
        content_hash = files.content_hash(path, progress=lambda done: self._report_stage(path, "reading", done))
        twin = videos.with_hash(self.library, content_hash)
        if twin is not None and videos.is_ingested(self.library, twin):
            return self._remember(path, stamp, twin)
        probe = probe or self.tools.prober.probe(path)
        with staging.staged(self.library, self.lock) as folder:
            drafts = self._sample(path, probe, folder, content_hash)
            found, notes = self._read_subtitles(path, probe)
            if not files.is_unchanged(path, stamp):
                raise MediaError(f"{path.name} changed while it was read. Ingest it again when it is complete.")
            outcome = self._store(path, stamp, content_hash, probe, drafts, found, folder)
        return replace(outcome, notes=tuple(notes))

    def _remember(self, path: Path, stamp: FileStamp, video: Video) -> Outcome:
        videos.add_copy(self.library, video.id, path, stamp)
        return Outcome(path, IngestResult.COPY, replace(video, path=str(path)))

    def _sample(self, path: Path, probe: Probe, folder: Path, content_hash: str) -> tuple[FrameDraft, ...]:
        if probe.kind is MediaKind.AUDIO:
            return ()
        staging.require_space(self.library, _SPACE_KEPT_FREE + self._expected(path, probe) * _BYTES_PER_FRAME)
        pictures = self._pictures(path, probe)
        drafts = sample(pictures, folder=folder, prefix=staging.image_prefix(content_hash))
        if not drafts:
            raise MediaError(f"{path.name} holds no picture that can be decoded.")
        return drafts

    def _expected(self, path: Path, probe: Probe) -> int:
        """How many frames will be stored at most."""
        if probe.kind is MediaKind.PHOTO:
            return 1
        return most_frames(len(self.tools.prober.timeline(path).times), probe.duration, every=self.every)

    def _pictures(self, path: Path, probe: Probe) -> Iterator[DecodedFrame]:
        if probe.kind is MediaKind.PHOTO:
            yield self.tools.prober.read_photo(path)
            return
        yield from frames.read_frames(
            path,
            probe,
            every=self.every,
            ffmpeg=self.tools.ffmpeg,
            prober=self.tools.prober,
            report=lambda until: self._report_stage(
                path, "frames", min(1.0, until / probe.duration) if probe.duration else None
            ),
        )

    def _read_subtitles(self, path: Path, probe: Probe) -> tuple[list[Passage], list[str]]:
        """The subtitles beside and inside the file, and a sentence for each that cannot be read."""
        files_of_cues: list[Sequence[Cue]] = []
        notes: list[str] = []
        for read in self._subtitle_readers(path, probe):
            try:
                files_of_cues.append(read())
            except (MediaError, ToolError) as error:
                notes.append(str(error))
        found = merge_cues(*files_of_cues, duration=probe.duration)
        return [Passage(cue.start, cue.end, PassageKind.SUBTITLE, cue.text, cue.language) for cue in found], notes

    def _subtitle_readers(self, path: Path, probe: Probe) -> Iterator[Callable[[], Sequence[Cue]]]:
        for sidecar in subtitles.find_sidecars(path):
            yield partial(subtitles.read_sidecar, sidecar)
        for track in probe.subtitles:
            if track.is_text:
                self._report_stage(path, "subtitles", None)
                yield partial(subtitles.read_track, path, track, probe, ffmpeg=self.tools.ffmpeg)

    def _store(
        self,
        path: Path,
        stamp: FileStamp,
        content_hash: str,
        probe: Probe,
        drafts: Sequence[FrameDraft],
        found: Sequence[Passage],
        folder: Path,
    ) -> Outcome:
        with self.library.writing():
            twin = videos.with_hash(self.library, content_hash)
            if twin is not None and videos.is_ingested(self.library, twin):  # another process was faster
                return self._remember(path, stamp, twin)
            imported = passages.of_video(self.library, twin.id) if twin is not None else []
            new = _not_among(found, imported)
            staging.publish(self.library, folder, content_hash)
            video_id = videos.add(
                self.library,
                content_hash=content_hash,
                path=path,
                stamp=stamp,
                probe=probe,
                frame_drafts=drafts,
                text_passages=new,
                plan=self._plan(probe, drafts, {passage.kind for passage in (*imported, *new)}),
            )
            understanding.queue(self.library, video_id)
        distinct = sum(draft.image is not None for draft in drafts)
        video = videos.get(self.library, video_id)
        return Outcome(path, IngestResult.ADDED, video, frames=len(drafts), distinct=distinct, subtitles=len(new))

    def _plan(self, probe: Probe, drafts: Sequence[FrameDraft], known: Container[PassageKind]) -> list[JobKind]:
        """What is left to do after the transaction. `known` are the kinds of passage there are: none is made twice."""
        plan = [JobKind.READ] if drafts and PassageKind.SCREEN_TEXT not in known else []
        listen = self.transcribe or PassageKind.SUBTITLE not in known
        if probe.audio and listen and PassageKind.SPEECH not in known:
            plan.append(JobKind.TRANSCRIBE)
        if drafts and self.tools.fast.pictures is not None:
            plan.append(JobKind.PICTURES)
        return plan

    def _finish(self, video: Video) -> tuple[str, ...]:
        """Run the fast pass of the video. Returns a sentence for each obstacle; the job stays queued."""
        return run_fast_pass(
            self.library,
            self.tools.fast,
            self.lock,
            job_filter=for_videos(video.id),
            on_stage=lambda kind, done: self._report_stage(Path(video.path), JOB_SPECS[kind].label, done),
        )

    def _report_stage(self, path: Path, stage: str, done: float | None) -> None:
        self.report(IngestProgress(path, stage, done))


def most_frames(pictures: int, duration: float, *, every: float) -> int:
    """How many frames a film of so many pictures has at most; all of its pictures when `every` is 0."""
    return min(pictures, int(duration / every) + 1) if every else pictures


def _not_among(found: Sequence[Passage], there: Sequence[Passage]) -> list[Passage]:
    """The passages that no passage of the same kind says already, within a second."""
    said = {(passage.kind, passage.text, round(passage.start)) for passage in there}
    return [
        passage
        for passage in found
        if not any((passage.kind, passage.text, round(passage.start) + step) in said for step in (-1, 0, 1))
    ]


class _OwnFileError(MediaError):
    """A file of the library's own."""
