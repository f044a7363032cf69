"""Clips to cut: the moments of a search, and a clipper with the ffmpeg of the settings."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from vidlocal.app.export.run import TRANSCRIPT_KINDS
from vidlocal.app.search.run import LibrarySearch
from vidlocal.errors import MediaError, StoreError, UsageError
from vidlocal.export.clips import Clipper, ClipRequest
from vidlocal.export.sources import verified_path
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.records import Moment, PassageKind, Video, Word
from vidlocal.render.ass import ass
from vidlocal.render.clips import Clip
from vidlocal.search.word_spans import Span
from vidlocal.settings import Settings
from vidlocal.store.content import passages, videos, word_times
from vidlocal.store.database import Library

# Characters without a meaning in ffmpeg filters.
_SAFE_PATH = re.compile(r"[A-Za-z0-9_./+-]+")

FindWords = Callable[[Sequence[Word], str], Span | None]


def search_clips(
    settings: Settings,
    query: str,
    *,
    limit: int,
    video_names: Sequence[str] | None = None,
    kinds: Sequence[PassageKind] | None = None,
    find_words: FindWords | None = None,
) -> list[ClipRequest]:
    """Search, and return the clips of the moments, best first.

    `find_words` finds the span to cut among the timed words of a moment. Without such words the whole moment is cut.
    """
    with Library.open(settings.home) as library:
        video_ids = [videos.resolve(library, name).id for name in video_names] if video_names else None
        result = LibrarySearch(library, settings).find(query, limit=limit, videos=video_ids, kinds=kinds)
        clips = []
        for moment in result.moments:
            if not moment.hits:  # found by its title: the whole video
                continue
            path, problem = _source(library, moment.video_id, Path(moment.video_path))
            start, end = _words_of(library, moment, query, find_words) or (moment.start, moment.end)
            clips.append(ClipRequest(moment.video_title, path, start, end, moment.text, problem))
    return clips


def _words_of(library: Library, moment: Moment, query: str, find_words: FindWords | None) -> Span | None:
    if find_words is None:
        return None
    spoken = passages.between(library, moment.video_id, moment.start, moment.end, TRANSCRIPT_KINDS)
    return find_words([word for passage in spoken for word in word_times.of_passage(library, passage)], query)


def moment_clips(settings: Settings, moments: Sequence[Clip]) -> list[ClipRequest]:
    """Return the clips of moments in the JSON of a search, perhaps outdated or from another library."""
    with ExitStack() as stack:
        library = None
        with suppress(StoreError):
            library = stack.enter_context(Library.open(settings.home))
        clips = []
        for moment in moments:
            path, problem = Path(moment.path), None
            if library is not None:
                path, problem = _source(library, moment.video_id, path)
            clips.append(ClipRequest(moment.title, path, moment.start, moment.end, moment.text, problem))
    return clips


def _source(library: Library, video_id: int | None, path: Path) -> tuple[Path, str | None]:
    """Return the file to cut, or the reason why not: missing, or changed since indexing.

    A file that this library does not know is cut as it is.
    """
    video = None if video_id is None else videos.get(library, video_id)
    paths_of_video = [] if video is None else [*videos.paths(library, video.id), *videos.lost_paths(video)]
    if video is None or path not in paths_of_video:
        return path, None
    try:
        return verified_path(library, video), None
    except MediaError as error:
        return path, str(error)


def cut_span(settings: Settings, video: Video, path: Path, start: float, end: float, *, exact: bool = False) -> Path:
    """Cut a span of a video, in seconds, into a new file in the folder of clips. Raises UsageError, MediaError."""
    if end <= start:
        raise UsageError("end: not after start.")
    settings.clips_folder.mkdir(parents=True, exist_ok=True)
    with open_clipper(settings, exact=exact, pad=0.0, burn=False) as clipper:
        [result] = clipper.cut_each([ClipRequest(video.title, path, start, end, "")], settings.clips_folder)
    if result.file is None:
        raise MediaError(result.reason or f"{video.title}: cannot be cut.")
    return result.file


def in_film_order(clips: Sequence[ClipRequest]) -> list[ClipRequest]:
    """Sort by the best moment of each video, then by time."""
    ranks = {clip.path: rank for rank, clip in reversed(list(enumerate(clips)))}
    return sorted(clips, key=lambda clip: (ranks[clip.path], clip.start))


@contextmanager
def open_clipper(settings: Settings, *, exact: bool, pad: float, burn: bool) -> Iterator[Clipper]:
    """Open a clipper. `pad`: seconds added at both ends; `burn` draws the text into the picture."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="vidlocal-"))
        if not _SAFE_PATH.fullmatch(folder):  # a TMPDIR that ffmpeg might read as a filter
            folder = stack.enter_context(TemporaryDirectory(prefix="vidlocal-", dir="/tmp"))
        ffmpeg = find_ffmpeg(settings.ffmpeg)
        caption = ass if burn else None
        yield stack.enter_context(Clipper(ffmpeg, Path(folder), exact=exact, pad=pad, caption=caption))
