"""Search with the engines of the settings, the search history, and advice for empty results."""

import os
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from vidlocal.engines.served import query_vector
from vidlocal.engines.served.query_vector import QueryVector
from vidlocal.errors import StoreError
from vidlocal.plugins.discovery import has_plugins
from vidlocal.records import JobKind, JobState, PassageKind
from vidlocal.search.filters import unknown_names
from vidlocal.search.query import parse
from vidlocal.search.query_vectors import PictureVector
from vidlocal.search.run import MAX_JUDGED, SearchResult, search
from vidlocal.search.title_search import NamedVideo, similar_titles
from vidlocal.settings import Settings
from vidlocal.settings.servers import Role, ServerKind
from vidlocal.store.content import frames, passages, videos
from vidlocal.store.database import Library
from vidlocal.store.history import searches
from vidlocal.store.index import text_index, vector_table
from vidlocal.store.queue import jobs
from vidlocal.text import pluralize

if TYPE_CHECKING:
    from vidlocal.app.engines.clip_query import ClipQueryEncoder


class LibrarySearch:
    """Search of a library by words, embeddings and, if installed, CLIP.

    `words_only`: without any model. `pictures`: an encoder of queries by CLIP that is running already. `by_people`:
    names among the words stand for the people.
    """

    def __init__(
        self,
        library: Library,
        settings: Settings,
        *,
        words_only: bool = False,
        pictures: PictureVector | None = None,
        by_people: bool = True,
    ) -> None:
        self._library = library
        self._settings = settings
        self._words_only = words_only
        self._by_people = by_people
        self._clip = None if words_only or pictures is not None else clip_encoder(library, settings)
        self._pictures = pictures or self._clip

    def find(
        self,
        query: str,
        *,
        limit: int,
        videos: Collection[int] | None = None,
        kinds: Collection[PassageKind] | None = None,
        deep: bool = False,
        keep: bool = True,
        notify: Callable[[str], None] = lambda message: None,
    ) -> SearchResult:
        """Return at most `limit` moments for `query`.

        `videos` (ids) and `kinds` filter them; None is no filter. `deep` has the text model judge the best moments,
        and `keep` stores its answers; `notify` gets the reason if it cannot. Plugins may change the scores.
        """
        limit_blas_threads()
        has_scores = self._settings.plugins and has_plugins(sys.path)
        result = search(
            self._library,
            query,
            limit=max(limit, MAX_JUDGED) if deep or has_scores else limit,
            videos=videos,
            kinds=kinds,
            query_vector=None if self._words_only else partial(embed_query, self._settings),
            picture_vector=self._pictures,
            by_people=self._by_people,
        )
        if has_scores:
            from vidlocal.app.plugins import score_moments  # imported only if needed

            result = replace(result, moments=score_moments(self._settings, query, result.moments, notify))
        if deep:
            from vidlocal.app.search.rerank import rerank_by_text  # imported only if needed

            result = rerank_by_text(self._library, self._settings, result, keep=keep, notify=notify)
        return replace(result, moments=result.moments[:limit])

    def record(self, result: SearchResult, video_ids: Sequence[int] | None = None) -> None:
        """Add the search to the history, to describe frames nearby first. `video_ids`: the searched videos.

        A library that cannot be written is no error.
        """
        count = sum(len(moment.hits) for moment in result.moments)
        with suppress(StoreError):
            searches.add(self._library, result.query, count, _spans(self._library, result, video_ids))
        if self._clip is not None:
            self._clip.remember()


def limit_blas_threads() -> None:
    """Limit numpy, if not imported yet, to one thread: a search scans the vectors once, and threads start slowly."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def embed_query(
    settings: Settings, query: str, *, model: str | None = None, timeout_s: float | None = None
) -> QueryVector:
    """Embed a query with `model`, by default the embedding model of the settings. Raises EngineError."""
    server = settings.server_for(Role.EMBED)
    name = model or server.embed_model or settings.embed_model
    if server.kind is ServerKind.PLUGIN:
        from vidlocal.app.servers.connections import connect  # imported only if needed

        with connect(settings, server) as opened:
            return query_vector.embed_query_by(opened, name, query)
    return query_vector.embed_query(
        server.url,
        name,
        query,
        on_gpu=settings.embed_on_gpu,
        allow_remote=settings.allow_remote_host,
        keep_alive=settings.keep_alive,
        timeout_s=timeout_s or query_vector.TIMEOUT_S,
        kind=server.kind,
        api_key=server.api_key,
    )


def clip_encoder(library: Library, settings: Settings) -> "ClipQueryEncoder | None":
    """CLIP query encoder, or None if image search is off or the library has no frame vectors."""
    if not settings.search_pictures or not vector_table.keys(library, vector_table.FRAME_VECTORS):
        return None
    from vidlocal.app.engines.clip_query import ClipQueryEncoder  # imported only if needed

    return ClipQueryEncoder(library, settings)


def advice(library: Library, query: str) -> str:
    """Suggest a next step after an empty result."""
    parsed = parse(query)
    if parsed.is_empty:
        return "The query has no words."
    if text_index.has_only_stop_words(library, parsed.words):
        return "No results. Add a word."
    if unknown_names(library, parsed):  # the notice of the search has them
        return "No results."
    if not passages.count(library):
        return "No results. The library has no text yet. Run: vidlocal ingest FOLDER"
    untranscribed = jobs.counts(library).get((JobKind.TRANSCRIBE, JobState.QUEUED), 0)
    undescribed = frames.coverage(library).distinct_undescribed
    missing = []
    if undescribed:
        missing.append(f"{pluralize(undescribed, 'frame has', 'frames have')} no caption yet")
    if untranscribed:
        missing.append(f"{pluralize(untranscribed, 'video is', 'videos are')} not transcribed yet")
    if missing:
        return f"No results. {' and '.join(missing)}. Run: vidlocal {'enrich' if undescribed else 'setup'}"
    return "No results. Try fewer or other words."


def similar_names(library: Library, query: str) -> tuple[NamedVideo, ...]:
    """Return videos with words of a query in their names, to be shown after an empty result."""
    return similar_titles(library, parse(query).words)


def name_advice(named: Sequence[NamedVideo]) -> str:
    """Name the videos of `similar_names` in a sentence; empty without any."""
    if not named:
        return ""
    if len(named) == 1:
        return f"Similar name: {named[0].title}. Run: vidlocal show id:{named[0].id}"
    titles = ", ".join(f"{video.title} ({video.id})" for video in named)
    return f"Similar names: {titles}. Run: vidlocal show id:{named[0].id}"


def _spans(library: Library, result: SearchResult, video_ids: Sequence[int] | None) -> list[searches.Span]:
    """Spans of the moments; after an empty search of named videos, all of these videos."""
    if result.moments:
        return [searches.Span(moment.video_id, moment.start, moment.end) for moment in result.moments]
    named = [videos.get(library, video_id) for video_id in video_ids or ()]
    return [searches.Span(video.id, 0.0, video.duration) for video in named if video is not None]
