"""Index files: from a path to a searchable video.

    file -> stamp, hash -> probe -> frames and signals -> subtitles -> a transaction -> OCR, speech, image vectors

An interruption before the transaction starts the file over. Everything after the transaction is a job: run at once by
this run, or finished by any later run.
"""

import time
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vidlocal.enrich.workers.fast_pass import FastEngines, run_fast_pass
from vidlocal.errors import MediaError, ToolError
from vidlocal.ingest.costs import STAGE_OF_JOB, IngestPlan, Stage, load_pace, store_pace
from vidlocal.ingest.frame_signals import FrameSignal, measure_frames
from vidlocal.ingest.meter import IngestMeter, OnProgress
from vidlocal.ingest.outcome import IngestResult, Outcome
from vidlocal.ingest.prepared import FileSampler, PreparedFile
from vidlocal.ingest.read_metadata import TaggedSpans, refresh_metadata, store_metadata, with_metadata
from vidlocal.ingest.read_subtitles import Subtitles, have_changed, read_sidecars, read_subtitles, without_duplicates
from vidlocal.ingest.sampling import sample_frames
from vidlocal.job_specs import FAST_KINDS
from vidlocal.media import files, frames
from vidlocal.media.decoded_frame import DecodedFrame
from vidlocal.media.extensions import has_media_extension
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.file_filter import NO_FILTER, NOT_MEDIA, OTHER_KIND, OWN_FILE, FileFilter
from vidlocal.media.find_files import InputFile, find_files
from vidlocal.media.metadata.metadata_files import read_metadata_files
from vidlocal.media.probe.prober import Prober
from vidlocal.records import FileStamp, FrameDraft, JobKind, MediaKind, Passage, PassageKind, Probe, Video
from vidlocal.signals.representatives import MAX_FRAMES
from vidlocal.store import staging
from vidlocal.store.content import passages, sidecars, telemetry, understanding, videos
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import for_videos
from vidlocal.video_metadata import VideoMetadata

# A JPEG of 896 px takes 30 to 90 KB. Checked before the work, so that a full disk fails early.
_BYTES_PER_FRAME = 100_000
_MIN_FREE_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class IngestTools:
    """Programs and engines of a run. `sampler`: decodes files elsewhere. `signals`: of plugins."""

    ffmpeg: Ffmpeg
    prober: Prober
    fast: FastEngines
    sampler: FileSampler | None = None
    signals: tuple[FrameSignal, ...] = ()

    def plan(self, *, every: float, later: bool) -> IngestPlan:
        """Return the stages of a run with these tools."""
        return IngestPlan(
            every,
            ocr=not later,
            speech=not later and self.fast.speech is not None,
            image_vectors=not later and self.fast.pictures is not None,
            speakers=not later and self.fast.speakers is not None,
            people=not later and self.fast.people is not None,
        )


def ingest(
    library: Library,
    paths: Sequence[Path],
    tools: IngestTools,
    lock: ProcessLock,
    *,
    every: float,
    rules: FileFilter = NO_FILTER,
    transcribe: bool = False,
    later: bool = False,
    on_progress: OnProgress = lambda progress: None,
) -> Iterator[Outcome]:
    """Index files and folders, and yield one outcome per finished file.

    `every`: seconds between two frames, 0 for every frame. `rules`: files to skip. `transcribe` also transcribes videos
    with subtitles; `later` leaves OCR, speech and image vectors to the deep pass. An unreadable file is an outcome.
    StoreError ends the run, because no later file could be stored either.
    """
    videos.finish_purge(library)
    staging.remove_orphans(library)
    jobs.requeue_orphans(library)
    inputs = list(find_files(paths, rules))
    plan = tools.plan(every=every, later=later)
    meter = IngestMeter(library, inputs, plan, load_pace(library), on_progress)
    run = _IngestRun(library, tools, lock, every, rules, transcribe, later, meter)
    if tools.sampler is not None:
        tools.sampler.start([file.path for file in inputs if meter.is_new(file.path)])
    for file in inputs:
        meter.start(file.path)
        outcome = run.process(file)
        meter.finish()
        if outcome.result is IngestResult.ADDED:
            store_pace(library, meter.pace)
        yield outcome


@dataclass(frozen=True, slots=True)
class _Source:
    """A new media file, stamped and hashed before probing. `beside`: metadata of its sidecars."""

    path: Path
    stamp: FileStamp
    content_hash: str
    probe: Probe
    beside: VideoMetadata
    prepared: PreparedFile | None = None


@dataclass(frozen=True, slots=True)
class _IngestRun:
    """Tools and options of a run, shared by the steps of every file."""

    library: Library
    tools: IngestTools
    lock: ProcessLock
    every: float
    rules: FileFilter
    transcribe: bool
    later: bool
    meter: IngestMeter

    def process(self, file: InputFile) -> Outcome:
        """Index a file. Files without media are failures if named by the user, else skipped."""
        started = time.monotonic()
        if file.skip_reason is not None:
            return _skipped(file.path, file.skip_reason)
        if files.is_within(file.path, self.library.folder):
            skipped = _skipped(file.path, OWN_FILE)
            return Outcome(file.path, IngestResult.FAILED, reason=skipped.reason) if file.explicit else skipped
        try:
            outcome = self._find_unchanged(file.path) or self._add(file.path)
        except _OtherKindError:
            return _skipped(file.path, OTHER_KIND)
        except (MediaError, ToolError) as error:
            if not file.is_expected:
                return replace(_skipped(file.path, NOT_MEDIA), reason=str(error))
            return Outcome(file.path, IngestResult.FAILED, reason=str(error))
        notes = () if self.later or outcome.video is None else self._run_fast_pass(outcome.video)
        self.tools.fast.ocr.forget_prefetched()
        outcome = self._count_texts(outcome)
        return replace(outcome, notes=(*outcome.notes, *notes), seconds=time.monotonic() - started)

    def _find_unchanged(self, path: Path) -> Outcome | None:
        """Recognise an ingested file by stamp, without reading the content."""
        video = videos.unchanged_at(self.library, path, files.read_stamp(path))
        if video is None or not videos.is_ingested(self.library, video):
            return None
        return self._refresh_sidecars(Outcome(path, IngestResult.UNCHANGED, self._refresh_path(video)))

    def _refresh_sidecars(self, outcome: Outcome) -> Outcome:
        """Read the sidecars of an unchanged video again after a change."""
        video = outcome.video
        if video is None or str(outcome.path.absolute()) != video.path:
            return outcome
        if not have_changed(outcome.path, sidecars.stamps(self.library, video.id)):
            return outcome
        subtitles = read_sidecars(outcome.path, duration=video.duration)
        with self.library.writing():
            added = sidecars.replace(self.library, video.id, subtitles.passages, subtitles.stamps)
            if subtitles.readings:
                telemetry.replace(self.library, video.id, subtitles.readings)
        beside = read_metadata_files(outcome.path)
        is_new = refresh_metadata(self.library, video, outcome.path, beside.metadata)
        name = outcome.path.name
        notes = [f"{name}: subtitles read again, {added} new."] if added else []
        notes += [f"{name}: titles, people and tags read again."] if is_new else []
        return replace(outcome, subtitles=added, notes=(*notes, *subtitles.notes, *beside.notes))

    def _add(self, path: Path) -> Outcome:
        stamp = files.read_stamp(path)
        # Probe unknown extensions before hashing the whole file: most of these files are not media.
        is_known = has_media_extension(path) and self.rules.is_decided_by_name(path)
        probe = None if is_known else self.tools.prober.probe(path)
        if probe is not None and not self.rules.allows(probe.kind):
            raise _OtherKindError(path.name)
        prepared = self._take_prepared(path, stamp)
        report = partial(self.meter.report, Stage.READING)
        content_hash = files.content_hash(path, on_progress=report) if prepared is None else prepared.content_hash
        previous = videos.owner(self.library, path)
        outcome = self._add_content(path, stamp, content_hash, probe, prepared)
        return replace(outcome, notes=(*self._replaced(previous), *outcome.notes))

    def _take_prepared(self, path: Path, stamp: FileStamp) -> PreparedFile | None:
        """Return the file decoded elsewhere, if unchanged since."""
        if self.tools.sampler is None:
            return None
        self.meter.report(Stage.FRAMES, None)
        prepared = self.tools.sampler.take(path)
        return prepared if prepared is not None and prepared.stamp == stamp and prepared.drafts else None

    def _replaced(self, previous: Video | None) -> Iterator[str]:
        """Yield a sentence for a file of `previous` replaced by another."""
        video = None if previous is None else videos.get(self.library, previous.id)
        if video is not None and video.replaced_at is not None:
            yield (
                f"{video.title}: another file has replaced video {video.id}, which search no longer finds. "
                f"To delete it, run: vidlocal rm {video.id}"
            )

    def _add_content(
        self, path: Path, stamp: FileStamp, content_hash: str, probe: Probe | None, prepared: PreparedFile | None
    ) -> Outcome:
        duplicate = self._find_ingested(content_hash)
        if duplicate is not None:
            return self._add_duplicate(path, stamp, duplicate)
        if not self.later:
            self.tools.fast.ocr.warm_up()
        self.meter.report(Stage.PROBING, None)
        probe = prepared.probe if prepared is not None else probe or self.tools.prober.probe(path)
        beside = read_metadata_files(path)
        probe = with_metadata(path, probe, beside.metadata)
        source = _Source(path, stamp, content_hash, probe, beside.metadata, prepared)
        with staging.staged(self.library, self.lock) as folder:
            drafts = self._sample(source, folder)
            spans = measure_frames(drafts, folder, self.tools.signals, duration=source.probe.duration)
            subtitles = read_subtitles(
                path,
                source.probe,
                ffmpeg=self.tools.ffmpeg,
                on_track=lambda: self.meter.report(Stage.SUBTITLES, None),
                engine=None if self.later or self.transcribe else self.tools.fast.speech,
            )
            _require_unchanged(source)
            outcome = self._store(source, folder, drafts, subtitles, spans)
        return replace(outcome, notes=(*subtitles.notes, *beside.notes))

    def _find_ingested(self, content_hash: str) -> Video | None:
        video = videos.with_hash(self.library, content_hash)
        return video if video is not None and videos.is_ingested(self.library, video) else None

    def _add_duplicate(self, path: Path, stamp: FileStamp, video: Video) -> Outcome:
        videos.add_copy(self.library, video.id, path, stamp)
        return Outcome(path, IngestResult.DUPLICATE, self._refresh_path(video))

    def _refresh_path(self, video: Video) -> Video:
        """Point the video at its oldest existing file."""
        path = files.preferred_path(videos.stamps(self.library, video.id))
        if path is None or str(path) == video.path:
            return video
        videos.set_path(self.library, video.id, path)
        return videos.get(self.library, video.id) or video

    def _sample(self, source: _Source, folder: Path) -> tuple[FrameDraft, ...]:
        if source.probe.kind is MediaKind.AUDIO:
            self._weigh(source, 0)
            return ()
        if source.prepared is not None:
            self._weigh(source, len(source.prepared.drafts))
            staging.require_space(self.library, _MIN_FREE_BYTES + len(source.prepared.drafts) * _BYTES_PER_FRAME)
            source.prepared.move_images(folder)
            return source.prepared.drafts
        frame_count = self._max_frames(source)
        self._weigh(source, frame_count)
        staging.require_space(self.library, _MIN_FREE_BYTES + frame_count * _BYTES_PER_FRAME)
        decoded = self._decode(source)
        prefix = staging.image_prefix(source.content_hash)
        # All frames of a short video are representative, so that reading them need not wait for the ranks.
        is_short = not self.later and frame_count <= MAX_FRAMES
        on_image = self.tools.fast.ocr.prefetch if is_short else (lambda jpeg: None)
        drafts = sample_frames(decoded, folder=folder, prefix=prefix, on_image=on_image)
        if not drafts:
            raise MediaError(f"{source.path.name}: no frame can be decoded.")
        return drafts

    def _weigh(self, source: _Source, frame_count: int) -> None:
        self.meter.set_work(self.meter.plan.work(source.stamp.size_bytes, source.probe, frame_count))

    def _max_frames(self, source: _Source) -> int:
        if source.probe.kind is MediaKind.PHOTO:
            return 1
        available = len(self.tools.prober.timeline(source.path).times)
        return self.meter.plan.frame_count(source.probe.duration, available)

    def _decode(self, source: _Source) -> Iterator[DecodedFrame]:
        path, probe = source.path, source.probe
        if probe.kind is MediaKind.PHOTO:
            yield self.tools.prober.read_photo(path)
            return

        def report(seconds: float) -> None:
            self.meter.report(Stage.FRAMES, min(1.0, seconds / probe.duration) if probe.duration else None)

        yield from frames.read_frames(
            path, probe, every=self.every, ffmpeg=self.tools.ffmpeg, prober=self.tools.prober, on_progress=report
        )

    def _store(
        self,
        source: _Source,
        folder: Path,
        drafts: Sequence[FrameDraft],
        subtitles: Subtitles,
        spans: TaggedSpans,
    ) -> Outcome:
        """Store the video in a transaction. Completes an imported video of this hash; imported passages stay."""
        with self.library.writing():
            existing = videos.with_hash(self.library, source.content_hash)
            if existing is not None and videos.is_ingested(self.library, existing):  # another process was faster
                return self._add_duplicate(source.path, source.stamp, existing)
            imported = passages.of_video(self.library, existing.id) if existing is not None else []
            new = without_duplicates(subtitles.passages, imported)
            staging.publish(self.library, folder, source.content_hash)
            video_id = videos.add(
                self.library,
                content_hash=source.content_hash,
                path=source.path,
                stamp=source.stamp,
                probe=source.probe,
                frame_drafts=drafts,
                text_passages=[*new, *_chapters(source.probe, imported)],
                plan=self._plan(source.probe, drafts, _kinds(imported, subtitles)),
            )
            sidecars.store_stamps(self.library, video_id, subtitles.stamps)
            telemetry.replace(self.library, video_id, subtitles.readings)
            store_metadata(self.library, video_id, source.probe, source.beside, spans)
            understanding.queue(self.library, video_id)
        distinct = sum(draft.image is not None for draft in drafts)
        video = videos.get(self.library, video_id)
        return Outcome(
            source.path, IngestResult.ADDED, video, frames=len(drafts), distinct=distinct, subtitles=len(new)
        )

    def _plan(self, probe: Probe, drafts: Sequence[FrameDraft], existing: Container[PassageKind]) -> list[JobKind]:
        """Kinds of jobs for a new video. `existing`: passage kinds already present, not made twice."""
        wants_speech = self.transcribe or PassageKind.SUBTITLE not in existing
        is_needed = {
            JobKind.READ: bool(drafts) and PassageKind.SCREEN_TEXT not in existing,
            JobKind.TRANSCRIBE: bool(probe.audio) and wants_speech and PassageKind.SPEECH not in existing,
            JobKind.SPEAKERS: bool(probe.audio) and self.tools.fast.speakers is not None,
            JobKind.PEOPLE: bool(drafts) and self.tools.fast.people is not None,
            JobKind.PICTURES: bool(drafts) and self.tools.fast.pictures is not None,
        }
        return [kind for kind in FAST_KINDS if is_needed[kind]]

    def _run_fast_pass(self, video: Video) -> tuple[str, ...]:
        """Run the fast pass of a video. Returns a sentence for each obstacle; the job stays queued."""
        return run_fast_pass(
            self.library,
            self.tools.fast,
            self.lock,
            job_filter=for_videos(video.id),
            on_stage=lambda progress: self.meter.report(STAGE_OF_JOB[progress.kind], progress.fraction),
        )

    def _count_texts(self, outcome: Outcome) -> Outcome:
        """Add the counts of speech and OCR passages of an added video."""
        if outcome.result is not IngestResult.ADDED or outcome.video is None:
            return outcome
        kinds = Counter(passage.kind for passage in passages.of_video(self.library, outcome.video.id))
        return replace(outcome, speech=kinds[PassageKind.SPEECH], screen_texts=kinds[PassageKind.SCREEN_TEXT])


def _chapters(probe: Probe, imported: Sequence[Passage]) -> list[Passage]:
    """Return passages for the chapters of a file; none if an import brought some."""
    if any(passage.kind is PassageKind.CHAPTER for passage in imported):
        return []
    return [
        Passage(chapter.start, chapter.end, PassageKind.CHAPTER, chapter.text, engine="file")
        for chapter in probe.chapters
    ]


def _kinds(imported: Sequence[Passage], subtitles: Subtitles) -> set[PassageKind]:
    """Return the kinds of passages a new video has. Subtitles without dialogue do not count."""
    kinds = {passage.kind for passage in imported}
    return kinds | {PassageKind.SUBTITLE} if subtitles.has_dialogue else kinds


def _require_unchanged(source: _Source) -> None:
    if not files.is_unchanged(source.path, source.stamp):
        raise MediaError(f"{source.path.name}: changed during reading. Ingest it again when it is complete.")


def _skipped(path: Path, reason: str) -> Outcome:
    return Outcome(path, IngestResult.SKIPPED, reason=f"{path.name}: {reason}.", skip_reason=reason)


class _OtherKindError(MediaError):
    """A kind of media excluded from indexing."""
