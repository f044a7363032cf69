"""Speakers of the library for commands and the page: similar voices, effects of names."""

from vidlocal.store.content import speakers, understanding, voices
from vidlocal.store.database import Library


def alike(library: Library, *, limit: int) -> list[tuple[int, int, float]]:
    """List pairs of speakers with similar voices, most similar first: two ids, and the cosine."""
    keys = voices.models(library)
    if not keys:
        return []
    from vidlocal.engines.voice_matching import alike

    return [pair for key in keys for pair in alike(voices.mean_vectors(library, key), limit=limit)]


def requeue_summaries(library: Library, speaker_id: int) -> bool:
    """Queue tags and summaries without the name of a speaker. Returns True if there are any."""
    summarised = [video for video in speakers.videos_of(library, speaker_id) if understanding.sections(library, video)]
    for video_id in summarised:
        understanding.requeue(library, video_id)
    return bool(summarised)
