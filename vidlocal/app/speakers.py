"""Speakers of the library for commands and the page: similar voices, deletion."""

from collections.abc import Sequence

from vidlocal.app.search import last_results
from vidlocal.store.content import speakers, videos, voices
from vidlocal.store.database import Library


def alike(library: Library, *, limit: int) -> list[tuple[int, int, float]]:
    """List pairs of speakers with similar voices, most similar first: two ids, and the cosine."""
    keys = voices.models(library)
    if not keys:
        return []
    from vidlocal.engines.speakers.voice_matching import alike

    return [pair for key in keys for pair in alike(voices.mean_vectors(library, key), limit=limit)]


def forget(library: Library, speaker_ids: Sequence[int] | None) -> None:
    """Delete speakers (None: all), past searches and reports, and overwrite their bytes in the file."""
    speakers.forget(library, speaker_ids)
    last_results.forget_all(library.folder)
    videos.purge_deleted(library)
