"""Metadata of a video by other programs: added to its properties, and stored."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from vidlocal.media.metadata.recording_date import with_date
from vidlocal.media.metadata.recording_place import with_place
from vidlocal.records import Probe, Video
from vidlocal.store.content import metadata, videos
from vidlocal.store.database import Library
from vidlocal.video_metadata import CatalogEntry, VideoMetadata

TaggedSpans = Mapping[str, Sequence[metadata.TaggedSpan]]


def with_metadata(path: Path, probe: Probe, beside: VideoMetadata) -> Probe:
    """Add date, place and camera from sidecars, or the file's XMP, where its own tags are empty."""
    merged = beside.merged(probe.metadata)
    dated = with_date(path, probe, merged)
    return replace(with_place(path, dated, merged), camera=probe.camera or merged.camera)


def store_metadata(library: Library, video_id: int, probe: Probe, beside: VideoMetadata, spans: TaggedSpans) -> None:
    """Store metadata of a new video, and tagged spans by signal. The title of a sidecar becomes its title."""
    video = videos.get(library, video_id)
    if video is None:
        return
    with library.writing():
        metadata.replace(library, video, metadata.IN_FILE, probe.metadata)
        _store_beside(library, video, beside)
        for signal, of_signal in spans.items():
            metadata.add_spans(library, video_id, signal, of_signal)


def refresh_metadata(library: Library, video: Video, path: Path, beside: VideoMetadata) -> bool:
    """Store the metadata of changed sidecars. Returns True for a difference."""
    with library.writing():
        _add_missing_facts(library, video, path, beside)
        return _store_beside(library, video, beside)


def store_catalog_entry(library: Library, video: Video, entry: CatalogEntry) -> bool:
    """Store the metadata of a video from a catalog. Returns True for a difference."""
    with library.writing():
        _add_missing_facts(library, video, Path(video.path), entry.metadata)
        return metadata.replace(library, video, entry.source, entry.metadata)


def _add_missing_facts(library: Library, video: Video, path: Path, beside: VideoMetadata) -> None:
    facts = Probe(video.kind, video.duration, recorded_at=video.recorded_at, camera=video.camera)
    videos.add_missing_facts(library, video.id, with_metadata(path, facts, beside))


def _store_beside(library: Library, video: Video, beside: VideoMetadata) -> bool:
    is_new_title = beside.title not in ("", video.title)
    if is_new_title:
        videos.set_title(library, video.id, beside.title)
        video = replace(video, title=beside.title)
    return metadata.replace(library, video, metadata.BESIDE_FILE, beside) or is_new_title
