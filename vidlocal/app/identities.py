"""Names of speakers and people, with the texts to write again after a change."""

from collections.abc import Iterable
from typing import Protocol

from vidlocal.store.content import understanding
from vidlocal.store.database import Library


class Identities(Protocol):
    """The modules `store.content.speakers` and `store.content.people`."""

    def resolve(self, library: Library, text: str, /) -> int: ...

    def rename(self, library: Library, number: int, name: str, /) -> None: ...

    def merge(self, library: Library, number: int, others: Iterable[int], /) -> None: ...

    def split(self, library: Library, number: int, video_id: int, /) -> int: ...

    def undo(self, library: Library, /) -> bool: ...

    def videos_of(self, library: Library, number: int, /) -> list[int]: ...


def rename(identities: Identities, library: Library, number: int, name: str) -> bool:
    """Name a speaker or person. Returns True if tags and summaries follow. Raises UsageError."""
    identities.rename(library, number, name)
    return requeue_texts(identities, library, number)


def merge(identities: Identities, library: Library, number: int, others: Iterable[int]) -> None:
    """Merge others into a speaker or person."""
    identities.merge(library, number, others)
    requeue_texts(identities, library, number)


def requeue_texts(identities: Identities, library: Library, number: int) -> bool:
    """Queue existing tags and summaries again, for a changed name. Returns True if there are any."""
    video_ids = [video for video in identities.videos_of(library, number) if understanding.sections(library, video)]
    for video_id in video_ids:
        understanding.requeue(library, video_id)
    return bool(video_ids)
