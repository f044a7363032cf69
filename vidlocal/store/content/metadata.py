"""Metadata of videos by other programs: a passage per source over the whole video, with the tags."""

from collections.abc import Sequence
from dataclasses import dataclass

from vidlocal.records import Passage, PassageKind, TagKind, Video
from vidlocal.store.content import passages
from vidlocal.store.database import Library
from vidlocal.store.values import storable
from vidlocal.video_metadata import VideoMetadata

# Sources besides the names of programs: XMP within the video, and files beside it.
IN_FILE = "file"
BESIDE_FILE = "sidecar"

# Tags that rest on such a passage belong to the user, and not to a model.
OF_USER = "passage_id IN (SELECT id FROM passages WHERE kind = 'metadata')"


def replace(library: Library, video: Video, source: str, metadata: VideoMetadata) -> bool:
    """Replace the metadata of a video from a source (`Passage.engine`). Returns True if anything changed.

    Left out are the title that the video has anyway, and texts of vidlocal itself: other programs read its sidecars.
    """
    metadata = _without_own(library, video, metadata)
    text, tags = storable(metadata.text), _tags(metadata)
    with library.writing() as connection:
        existing = next(iter(_of_source(library, video.id, source)), None)
        before = None if existing is None else (existing.text, _stored_tags(library, existing))
        if before == (text, tags) or (existing is None and not text):
            return False
        if existing is not None:
            passages.delete(library, existing)
        passage = Passage(0.0, video.duration, PassageKind.METADATA, text, engine=source)
        for passage_id in passages.add(library, video.id, [passage] if text else []):
            connection.executemany(
                "INSERT OR IGNORE INTO video_tags (video_id, kind, tag, passage_id) VALUES (?, ?, ?, ?)",
                [(video.id, kind, tag, passage_id) for kind, tag in sorted(tags)],
            )
    return True


@dataclass(frozen=True, slots=True)
class TaggedSpan:
    """A span of a video with tags."""

    start: float
    end: float
    tags: tuple[str, ...]


def add_spans(library: Library, video_id: int, source: str, spans: Sequence[TaggedSpan]) -> None:
    """Store tagged spans of a new video, each as a passage with its tags."""
    with library.writing() as connection:
        for span in spans:
            tags = VideoMetadata.cleaned(tags=span.tags).tags
            passage = Passage(span.start, span.end, PassageKind.METADATA, ", ".join(tags), engine=source)
            for passage_id in passages.add(library, video_id, [passage]):
                connection.executemany(
                    "INSERT OR IGNORE INTO video_tags (video_id, kind, tag, passage_id) VALUES (?, ?, ?, ?)",
                    [(video_id, TagKind.TAG, storable(tag), passage_id) for tag in tags],
                )


def replace_spans(library: Library, video_id: int, source: str, spans: Sequence[TaggedSpan]) -> None:
    """Replace the tagged spans of a video from a source."""
    with library.writing():
        for passage in _of_source(library, video_id, source):
            passages.delete(library, passage)
        add_spans(library, video_id, source, spans)


def people(library: Library, video_id: int) -> list[str]:
    """List the people in a video by other programs."""
    rows = library.rows(
        f"SELECT DISTINCT tag FROM video_tags WHERE video_id = ? AND kind = 'person' AND {OF_USER} ORDER BY tag",
        video_id,
    )
    return [row["tag"] for row in rows]


def _of_source(library: Library, video_id: int, source: str) -> list[Passage]:
    existing = passages.of_video(library, video_id, [PassageKind.METADATA])
    return [passage for passage in existing if passage.engine == source]


def _without_own(library: Library, video: Video, metadata: VideoMetadata) -> VideoMetadata:
    rows = library.rows(
        f"""SELECT tag FROM video_tags WHERE video_id = ?1 AND NOT {OF_USER}
        UNION SELECT name FROM speakers JOIN voices ON speaker_id = speakers.id WHERE video_id = ?1""",
        video.id,
    )
    own = {row["tag"] for row in rows}
    summaries = [passage.text for passage in passages.of_video(library, video.id, [PassageKind.SUMMARY])]
    return VideoMetadata.cleaned(
        title="" if metadata.title == video.title else metadata.title,
        description="" if metadata.description.startswith(tuple(summaries)) else metadata.description,
        tags=[tag for tag in metadata.tags if tag not in own],
        people=[name for name in metadata.people if name not in own],
        albums=metadata.albums,
    )


def _tags(metadata: VideoMetadata) -> set[tuple[TagKind, str]]:
    """Return kinds and names of the tags: albums are tags, too."""
    named = ((TagKind.PERSON, metadata.people), (TagKind.TAG, (*metadata.tags, *metadata.albums)))
    return {(kind, storable(name)) for kind, names in named for name in names}


def _stored_tags(library: Library, passage: Passage) -> set[tuple[TagKind, str]]:
    rows = library.rows("SELECT kind, tag FROM video_tags WHERE passage_id = ?", passage.id)
    return {(TagKind(row["kind"]), row["tag"]) for row in rows}
