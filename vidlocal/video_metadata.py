"""Metadata of a video by other programs: title, description, tags, people, date and place. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from vidlocal.geography import GeoPoint

# More is no description of a video, but a damaged or foreign file.
_MAX_NAMES = 500
_MAX_NAME_CHARACTERS = 200
_MAX_TEXT_CHARACTERS = 20_000
_SENTENCE_ENDS = (".", "!", "?", "…", "。")


@dataclass(frozen=True, slots=True)
class VideoMetadata:
    """Texts and facts about a video from a sidecar, its own XMP, or another program.

    `recorded_at` is ISO 8601, with or without time; `albums` are names of collections that the video is part of.
    """

    title: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    recorded_at: str | None = None
    location: GeoPoint | None = None
    camera: str | None = None

    @classmethod
    def cleaned(
        cls,
        *,
        title: str = "",
        description: str = "",
        tags: Iterable[str] = (),
        people: Iterable[str] = (),
        albums: Iterable[str] = (),
        recorded_at: str | None = None,
        location: GeoPoint | None = None,
        camera: str | None = None,
    ) -> Self:
        """Return metadata with plain texts of limited length. A person is no tag, and each name is listed once.

        >>> VideoMetadata.cleaned(title=" At  sea ", tags=["Anna", "boat", "boat"], people=["Anna"]).tags
        ('boat',)
        """
        named = _names(people)
        return cls(
            title=_line(title),
            description=_printable(description, keep="\n").strip()[:_MAX_TEXT_CHARACTERS],
            tags=tuple(tag for tag in _names(tags) if tag not in named),
            people=named,
            albums=_names(albums),
            recorded_at=recorded_at,
            location=location,
            camera=camera,
        )

    @property
    def text(self) -> str:
        """The searchable text: a sentence each for title, description, people, albums and tags; empty without any."""
        lists = (", ".join(names) for names in (self.people, self.albums, self.tags))
        parts = filter(None, (self.title, self.description, *lists))
        return "\n".join(part if part.endswith(_SENTENCE_ENDS) else f"{part}." for part in parts)

    def merged(self, other: Self) -> Self:
        """Return all names of both, and texts and facts of `self`, else of `other`.

        >>> VideoMetadata("A", tags=("x",)).merged(VideoMetadata("B", "b", ("y",))).text
        'A.\\nb.\\nx, y.'
        """
        people = tuple(dict.fromkeys((*self.people, *other.people)))
        return replace(
            self,
            title=self.title or other.title,
            description=self.description or other.description,
            tags=tuple(tag for tag in dict.fromkeys((*self.tags, *other.tags)) if tag not in people),
            people=people,
            albums=tuple(dict.fromkeys((*self.albums, *other.albums))),
            recorded_at=self.recorded_at or other.recorded_at,
            location=self.location or other.location,
            camera=self.camera or other.camera,
        )


NO_METADATA = VideoMetadata()


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A file in the catalog of another program, with its metadata.

    `names`: the names it may have on disk. `size_bytes` is None if the catalog does not tell.
    """

    path: str
    names: tuple[str, ...]
    size_bytes: int | None
    source: str
    metadata: VideoMetadata


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(_line, names))))[:_MAX_NAMES]


def _line(text: str) -> str:
    return " ".join(_printable(text).split())[:_MAX_NAME_CHARACTERS].strip()


def _printable(text: str, keep: str = "") -> str:
    return "".join(letter if letter.isprintable() or letter in keep else " " for letter in text)
