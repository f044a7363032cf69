"""Verify a library, from database pages to source files, and repair findings on request."""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from vidlocal.errors import MediaError, VidlocalError
from vidlocal.ingest.sampling import encode_frame
from vidlocal.media import files
from vidlocal.media.decoded_frame import DecodedFrame
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.frames import read_frames_at
from vidlocal.media.probe.prober import Prober
from vidlocal.records import FileStamp, MediaKind, Video
from vidlocal.signals.features import extract_features
from vidlocal.store.check import database, images, people, rows, vectors
from vidlocal.store.check.finding import Category, Finding
from vidlocal.store.check.images import DamagedImage
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.text import pluralize

# Encoding at low quality changes at most 4 bits of the hash (see `signals.similarity`).
_MAX_HASH_DISTANCE_BITS = 8


@dataclass(frozen=True, slots=True)
class CheckTools:
    """Programs to restore images from videos. `ffmpeg`: configured program, None for the default."""

    ffmpeg: str | None
    prober: Prober


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A finding, with the result of the repair: done, or an error."""

    finding: Finding
    repaired: bool = False
    error: str | None = None


def check(
    library: Library,
    tools: CheckTools,
    *,
    repair: bool,
    on_category: Callable[[Category], None] = lambda category: None,
) -> Iterator[CheckResult]:
    """Yield all findings. With `repair` each is repaired at once, as later checks rely on earlier checks.

    Ends after damaged pages of the file. Source files are never written. Raises StoreError if the database is damaged
    beyond repair.
    """
    for category, find in _checks(tools):
        on_category(category)
        is_sound = True
        for finding in find(library):
            result = _repair(finding) if repair and not finding.is_note else CheckResult(finding)
            is_sound = is_sound and result.repaired
            yield result
        if find is database.pages and not is_sound:
            return


def _checks(tools: CheckTools) -> Sequence[tuple[Category, Callable[[Library], Iterator[Finding]]]]:
    """All checks, in order: each relies on the previous checks."""
    return (
        (Category.DATABASE, database.pages),
        (Category.DATABASE, database.schema),
        (Category.TEXT_INDEX, database.text_indexes),
        (Category.ROWS, database.orphan_rows),
        (Category.ROWS, images.unnamed),
        (Category.ROWS, rows.contradictions),
        (Category.ROWS, people.contradictions),
        (Category.ROWS, rows.unreadable_history),
        (Category.IMAGES, partial(_damaged_images, tools=tools)),
        (Category.LEFTOVERS, images.leftovers),
        (Category.LEFTOVERS, images.unfinished_purge),
        (Category.VECTORS, vectors.unusable),
        (Category.VECTORS, vectors.caches),
        (Category.VECTORS, people.unusable_vectors),
        (Category.SOURCES, _sources),
        (Category.ROWS, rows.statuses),
    )


def _repair(finding: Finding) -> CheckResult:
    if finding.repair is None:
        return CheckResult(finding)
    try:
        finding.repair()
    except VidlocalError as error:
        return CheckResult(finding, error=str(error))
    return CheckResult(finding, repaired=True)


def is_complete_jpeg(jpeg: bytes) -> bool:
    """True for a JPEG with a decodable end. Decoded at an eighth of the size: reads all bytes, computes little."""
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
            image.draft("RGB", (1, 1))
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
    return True


def _damaged_images(library: Library, *, tools: CheckTools) -> Iterator[Finding]:
    for video in videos.every(library):
        damaged = images.damaged(library, video.id, is_whole=is_complete_jpeg)
        if damaged:
            missing = sum(image.is_missing for image in damaged)
            message = f"{video.title}: {missing:,} missing and {len(damaged) - missing:,} damaged images."
            yield Finding(Category.IMAGES, message, video.id, partial(_restore, library, tools, video, damaged))


def _restore(library: Library, tools: CheckTools, video: Video, damaged: Sequence[DamagedImage]) -> None:
    """Restore images from the source. Raises MediaError if the file is gone or changed, or a frame is not found."""
    source = files.find_source(videos.stamps(library, video.id), video.content_hash)
    if source is None:
        raise MediaError(f"{video.path}: not found or changed. Run: vidlocal ingest NEW_PATH, then repair again.")
    times = list(dict.fromkeys(image.frame.time for image in damaged))
    restored = 0
    for frame in _decode(tools, source, video, times):
        nearest = min(damaged, key=lambda image: abs(image.frame.time - frame.time))
        decoded = Image.fromarray(frame.rgb)
        distance_bits = (extract_features(decoded).dhash ^ nearest.dhash).bit_count()
        if distance_bits <= _MAX_HASH_DISTANCE_BITS:
            images.restore(library, nearest.frame, encode_frame(decoded))
            restored += 1
    if restored < len(damaged):
        raise MediaError(f"{source.name}: {pluralize(len(damaged) - restored, 'frame')} not found in the video.")


def _decode(tools: CheckTools, source: Path, video: Video, times: Sequence[float]) -> Iterator[DecodedFrame]:
    if video.kind is MediaKind.PHOTO:
        yield tools.prober.read_photo(source)
        return
    probe = tools.prober.probe(source)
    yield from read_frames_at(source, probe, times, ffmpeg=find_ffmpeg(tools.ffmpeg), prober=tools.prober)


def _sources(library: Library) -> Iterator[Finding]:
    """Check the source files. A missing file is only a note: the drive may come back."""
    for video in videos.every(library):
        existing = {path: stamp for path, stamp in videos.stamps(library, video.id).items() if os.path.exists(path)}
        if not existing:
            message = f"{video.path}: not found. Moved, or on a disconnected drive."
            yield Finding(Category.SOURCES, message, video.id, is_note=True)
        elif (path := files.preferred_path(existing)) is not None and not os.path.exists(Path(video.path)):
            repair = partial(videos.set_path, library, video.id, path)
            yield Finding(Category.SOURCES, f"{video.path}: not found. The same file is at {path}.", video.id, repair)
        for path, stamp in existing.items():
            yield from _source(library, video, path, stamp)


def _source(library: Library, video: Video, path: Path, before: FileStamp) -> Iterator[Finding]:
    """Compare a file with the stamp at ingest. Inodes are ignored: on some drives these change with each mount."""
    try:
        now = files.read_stamp(path)
        if (now.size_bytes, now.mtime_ns) == (before.size_bytes, before.mtime_ns):
            return
        if files.has_same_content(path, before, video.content_hash):
            message = f"{path}: new modification time, same content."
            repair = partial(videos.add_copy, library, video.id, path, now)
            yield Finding(Category.SOURCES, message, video.id, repair)
            return
    except MediaError as error:
        yield Finding(Category.SOURCES, str(error), video.id, is_note=True)
        return
    message = f"{path}: changed since it was ingested. To index the new content, run: vidlocal ingest"
    yield Finding(Category.SOURCES, message, video.id)
