"""The Python API: one class with the words of the commands, and the records of `--json`.

Everything named in `vidlocal.__all__` is public and documented in docs/python-api.md; all other modules are private.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from vidlocal.app.engines.hosts import open_writer
from vidlocal.app.engines.open_engines import open_ingest_tools
from vidlocal.app.enrich.run import run_enrich
from vidlocal.app.enrich.session import run_session, working_hours
from vidlocal.app.export.run import passage_clips, render_clips, resolve_format
from vidlocal.app.file_filter import file_filter
from vidlocal.app.search.ask import find_evidence
from vidlocal.app.search.run import LibrarySearch
from vidlocal.app.search.similar import SimilarResult, find_similar, find_similar_to_image
from vidlocal.app.video_details import VideoDetails, read_details
from vidlocal.enrich.runner.queue_runner import EnrichProgress, RunSummary
from vidlocal.enrich.status import Status
from vidlocal.enrich.status import read as read_status
from vidlocal.ingest.meter import IngestProgress
from vidlocal.ingest.outcome import Outcome
from vidlocal.ingest.run import ingest
from vidlocal.records import JobKind, Moment, Passage, PassageKind, Video, Word
from vidlocal.render.clips import Clip
from vidlocal.render.results import to_document
from vidlocal.search.ask import Statement, answer
from vidlocal.search.run import SearchResult
from vidlocal.settings import Settings, get_setting, load
from vidlocal.store.content import passages, videos, word_times
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue.job_filter import JobFilter

Notify = Callable[[str], None]


def _ignore(message: str) -> None:
    """Drop a message."""


class VideoLibrary:
    """A library of indexed videos.

    Safe to use from several threads: every call opens its own connection. Errors are those of `vidlocal.errors`.

    >>> import vidlocal
    >>> library = vidlocal.open_library(folder, create=True)
    >>> library.videos()
    []
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def folder(self) -> Path:
        """The folder of the library."""
        return self._settings.home

    def __repr__(self) -> str:
        return f"VideoLibrary({str(self.folder)!r})"

    def ingest(
        self,
        *paths: str | Path,
        transcribe: bool = False,
        later: bool = False,
        on_progress: Callable[[IngestProgress], None] = lambda progress: None,
    ) -> Iterator[Outcome]:
        """Index files and folders, and yield one outcome per finished file.

        Files that cannot be read are outcomes with a `reason`, not exceptions. `transcribe` also transcribes videos
        with subtitles; `later` leaves speech and OCR to `enrich`.
        """
        with ExitStack() as stack:
            library = stack.enter_context(Library.open(self.folder, create=True))
            lock = stack.enter_context(ProcessLock(library.folder))
            tools = open_ingest_tools(stack, self._settings, library)
            yield from ingest(
                library,
                [Path(path).absolute() for path in paths],
                tools,
                lock,
                every=self._settings.every,
                rules=file_filter(self._settings),
                transcribe=transcribe,
                later=later,
                on_progress=on_progress,
            )

    def enrich(
        self,
        *names: str,
        only: Sequence[JobKind] | None = None,
        canary: bool = True,
        on_progress: Callable[[EnrichProgress], None] = lambda progress: None,
        notify: Notify = _ignore,
    ) -> RunSummary:
        """Run the deep pass on the named videos, or on all, until the queue is empty.

        `notify` gets messages for people. Raises EngineError if no model server can do the work.
        """
        with ExitStack() as stack:
            library = stack.enter_context(Library.open(self.folder))
            video_ids = tuple(videos.resolve(library, name).id for name in names) or None
            hours = working_hours(self._settings, overnight=False, now=True)
            lock = stack.enter_context(ProcessLock(library.folder))
            session = stack.enter_context(run_session(library, lock, hours, _CallbackLine(notify)))
            return run_enrich(
                library,
                self._settings,
                session,
                job_filter=JobFilter(video_ids),
                canary=canary,
                only=only,
                on_progress=on_progress,
            )

    def search(
        self,
        query: str,
        *,
        limit: int = 10,
        videos_named: Sequence[str] | None = None,
        kinds: Sequence[PassageKind] | None = None,
        record: bool = False,
        deep: bool = False,
    ) -> SearchResult:
        """Search for moments, best first.

        The query language is that of `vidlocal search`. `videos_named` and `kinds` filter; `record` adds the search to
        the history. `deep` has the text model judge the best moments, if it can be used.

        >>> vidlocal.open_library(demo).search("boat sails home", limit=1).moments[0].text
        'A little boat sails home before dark.'
        """
        with Library.open(self.folder) as library:
            video_ids = None if videos_named is None else [videos.resolve(library, name).id for name in videos_named]
            search = LibrarySearch(library, self._settings)
            result = search.find(query, limit=limit, videos=video_ids, kinds=kinds, deep=deep)
            if record:
                search.record(result, video_ids)
            return result

    def ask(self, question: str, *, videos_named: Sequence[str] | None = None) -> "Answer":
        """Answer a question from the library by the text model, with the cited moments. Raises EngineError."""
        with Library.open(self.folder) as library:
            video_ids = None if videos_named is None else [videos.resolve(library, name).id for name in videos_named]
            evidence = find_evidence(library, self._settings, question, videos=video_ids)
        if not evidence.moments:
            return Answer((), ())
        with ExitStack() as stack:
            statements = answer(question, evidence.moments, open_writer(stack, self._settings))
        return Answer(statements, evidence.moments)

    def similar(self, reference: str | Path, *, limit: int = 10) -> SimilarResult:
        """Find moments similar to `VIDEO@TIME`, videos similar to `VIDEO`, or moments similar to an image file (Path).

        Uses CLIP vectors if the library has them, else perceptual hashes.
        """
        with Library.open(self.folder) as library:
            if isinstance(reference, Path):
                return find_similar_to_image(library, self._settings, reference, limit=limit)
            return find_similar(library, self._settings, reference, limit=limit)

    def videos(self) -> list[Video]:
        """List all videos.

        >>> [video.title for video in vidlocal.open_library(demo).videos()]
        ['a-year-outside']
        """
        with Library.open(self.folder) as library:
            return videos.every(library)

    def video(self, name: str) -> VideoDetails:
        """Return a video with tags and chapters, by id, path, or a unique part of the title. Raises UsageError."""
        with Library.open(self.folder) as library:
            return read_details(library, videos.resolve(library, name))

    def passages(self, name: str, *, kinds: Sequence[PassageKind] | None = None) -> list[Passage]:
        """Return the passages of a video in order of time: speech, subtitles, captions and so on.

        >>> vidlocal.open_library(demo).passages("outside", kinds=[vidlocal.PassageKind.SUBTITLE])[0].start
        8.6
        """
        with Library.open(self.folder) as library:
            return passages.of_video(library, videos.resolve(library, name).id, kinds)

    def words(self, passage: Passage) -> tuple[Word, ...]:
        """Return the words of a transcribed passage with start and end in seconds, empty if these are not known."""
        with Library.open(self.folder) as library:
            return word_times.of_passage(library, passage)

    def status(self) -> Status:
        """Return the progress of the library: videos, frames, running and failed jobs."""
        with Library.open(self.folder) as library:
            return read_status(library)

    def export(self, form: str, moments: Sequence[Moment] | None = None, *, name: str | None = None) -> str:
        """Return moments, or the passages of the video `name`, as text in a format of `vidlocal export`.

        Formats: jsonl, json, csv, srt, vtt, txt, markdown, edl, fcpxml, otio, and those of plugins. Raises UsageError
        for another one.
        """
        form_ = resolve_format(form, self._settings, notify=_ignore)
        if (moments is None) == (name is None):
            raise ValueError("Give either moments or name.")
        with Library.open(self.folder) as library:
            if moments is not None:
                clips, title = [_clip(library, moment) for moment in moments], "moments"
            else:
                video = videos.resolve(library, name or "")
                clips, title = list(passage_clips(library, video, None)), video.title
        return "".join(render_clips(clips, form_, title, None, notify=_ignore))


class Answer:
    """An answer: `moments`, and `statements` with the numbers of the cited moments, counted from 1.

    Without statements the library does not contain the answer.
    """

    def __init__(self, statements: Sequence[Statement], moments: Sequence[Moment]) -> None:
        self.statements = tuple(statements)
        self.moments = tuple(moments)

    def __str__(self) -> str:
        return " ".join(statement.text for statement in self.statements)

    def citations(self) -> list[Moment]:
        """Return the cited moments, each once, in order."""
        numbers = sorted({number for statement in self.statements for number in statement.citations})
        return [self.moments[number - 1] for number in numbers]


class _CallbackLine:
    """A `ProgressLine` for messages only, passed to a callback."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify

    def update(self, task: str, fraction: float | None, *, eta: float | None = None, detail: str = "") -> None:
        """Ignore: callers get structured progress."""

    def notify(self, message: str) -> None:
        """Pass a message on."""
        self._notify(message)


def open_library(folder: str | Path | None = None, *, create: bool = False, **settings: object) -> VideoLibrary:
    """Open the library in `folder`, by default the library of the commands. Keywords override settings.

    Raises StoreError if there is none (without `create`), and SettingsError for a wrong setting.

    >>> vidlocal.open_library(folder, create=True, vision_model="llava:7b").folder == folder
    True
    """
    for name in settings:
        get_setting(name)
    options = dict(settings)
    if folder is not None:
        options["home"] = Path(os.path.expanduser(folder)).absolute()
    loaded = load(options)
    Library.open(loaded.home, create=create).close()
    return VideoLibrary(loaded)


def to_data(record: SearchResult | SimilarResult | Outcome | RunSummary | VideoDetails | Passage) -> dict[str, object]:
    """Return a record as plain data, in the form of `--json`.

    >>> vidlocal.to_data(vidlocal.open_library(demo).search("grimsel"))["moments"][0]["video"]["title"]
    'a-year-outside'
    """
    if isinstance(record, SearchResult):
        return to_document(record.query, record.moments, is_confident=record.is_confident, judged=record.judged)
    if isinstance(record, SimilarResult):
        return {**to_document("", record.moments), "by": record.method}
    if isinstance(record, Passage):
        return asdict(record)
    return record.as_data()


def _clip(library: Library, moment: Moment) -> Clip:
    video = videos.get(library, moment.video_id)
    return Clip(
        title=moment.video_title,
        path=moment.video_path,
        start=moment.start,
        end=moment.end,
        text=moment.text,
        kinds=moment.kinds,
        score=moment.score,
        video_id=moment.video_id,
        duration=video.duration if video is not None else 0.0,
    )
