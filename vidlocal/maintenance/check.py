"""A library looked through from the file's pages to the videos it was made of, and mended where the rest says how."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from vidlocal.errors import MediaError, VidlocalError
from vidlocal.ingest.sampling import JPEG_QUALITY
from vidlocal.media import files
from vidlocal.media.decoded_frame import DecodedFrame
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.frames import read_frames_at
from vidlocal.media.probe import Prober
from vidlocal.records import MediaKind, Video
from vidlocal.signals.features import extract_features
from vidlocal.store.check import database, images, rows, vectors
from vidlocal.store.check.finding import Category, Finding
from vidlocal.store.check.images import DamagedImage
from vidlocal.store.content import videos
from vidlocal.store.database import Library

# Re-encoded at low quality a picture differs from itself by at most 4 bits (see `signals.similarity`).
_SAME_BITS = 8


@dataclass(frozen=True, slots=True)
class CheckTools:
    """What takes a lost image from its video again. `ffmpeg` is the one that is configured, None for the usual."""

    ffmpeg: str | None
    prober: Prober


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A finding, whether it was mended, and the sentence of what stood in the way."""

    finding: Finding
    repaired: bool = False
    error: str | None = None


def check(
    library: Library, tools: CheckTools, *, repair: bool, on_category: Callable[[Category], None] = lambda part: None
) -> Iterator[CheckResult]:
    """Everything that is not as it should be, mended at once with `repair`: what comes later relies on it.

    Where pages of the file are torn, nothing else is looked at. No source is ever written to. Raises StoreError
    when the database itself is beyond use.
    """
    for part, look in _looks(tools):
        on_category(part)
        is_sound = True
        for finding in look(library):
            checked = _mended(finding) if repair and not finding.is_note else CheckResult(finding)
            is_sound = is_sound and checked.repaired
            yield checked
        if look is database.pages and not is_sound:
            return


def _looks(tools: CheckTools) -> Sequence[tuple[Category, Callable[[Library], Iterator[Finding]]]]:
    """Each looks at what those after it take for granted."""
    return (
        (Category.DATABASE, database.pages),
        (Category.DATABASE, database.schema),
        (Category.TEXT_INDEX, database.text_indexes),
        (Category.ROWS, database.orphan_rows),
        (Category.ROWS, images.unnamed),
        (Category.ROWS, rows.contradictions),
        (Category.ROWS, rows.unreadable_history),
        (Category.IMAGES, partial(_lost_images, tools=tools)),
        (Category.LEFTOVERS, images.leftovers),
        (Category.VECTORS, vectors.unusable),
        (Category.VECTORS, vectors.caches),
        (Category.SOURCES, _sources),
        (Category.ROWS, rows.statuses),
    )


def _mended(finding: Finding) -> CheckResult:
    if finding.repair is None:
        return CheckResult(finding)
    try:
        finding.repair()
    except VidlocalError as error:
        return CheckResult(finding, error=str(error))
    return CheckResult(finding, repaired=True)


def is_complete_jpeg(jpeg: bytes) -> bool:
    """Whether a JPEG can be decoded to its end. At an eighth of its size: all of it is read, little is computed."""
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
            image.draft("RGB", (1, 1))
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
    return True


def _lost_images(library: Library, *, tools: CheckTools) -> Iterator[Finding]:
    for video in videos.every(library):
        lost = images.damaged(library, video.id, is_whole=is_complete_jpeg)
        if lost:
            missing = sum(one.is_missing for one in lost)
            sentence = f"Images of {video.title}: {missing:,} missing, {len(lost) - missing:,} damaged."
            mend = partial(_restore, library, tools, video, lost)
            yield Finding(Category.IMAGES, sentence, video.id, mend)


def _restore(library: Library, tools: CheckTools, video: Video, lost: Sequence[DamagedImage]) -> None:
    """Take images from the source again. MediaError when it is gone or has changed, or does not show them any more."""
    source = _unchanged(library, video)
    if source is None:
        raise MediaError(
            f"{video.path} is not there or has changed. Ingest it from where it is now, then repair again."
        )
    wanted = {one.frame.time: one for one in lost}
    restored = 0
    for picture in _pictures(tools, source, video, list(wanted)):
        one = min(lost, key=lambda one: abs(one.frame.time - picture.time))
        image = Image.fromarray(picture.rgb)
        if (extract_features(image).dhash ^ one.dhash).bit_count() <= _SAME_BITS:
            images.restore(library, one.frame, _jpeg(image))
            restored += 1
    if restored < len(lost):
        raise MediaError(f"{len(lost) - restored:,} of them {source.name} does not show (any more) when it is decoded.")


def _pictures(tools: CheckTools, source: Path, video: Video, times: Sequence[float]) -> Iterator[DecodedFrame]:
    if video.kind is MediaKind.PHOTO:
        yield tools.prober.read_photo(source)
        return
    probe = tools.prober.probe(source)
    yield from read_frames_at(source, probe, times, ffmpeg=find_ffmpeg(tools.ffmpeg), prober=tools.prober)


def _jpeg(image: Image.Image) -> bytes:
    held = io.BytesIO()
    image.save(held, "JPEG", quality=JPEG_QUALITY)
    return held.getvalue()


def _unchanged(library: Library, video: Video) -> Path | None:
    """A file that holds the video now, if there is one."""
    for path in videos.paths(library, video.id):
        try:
            stamp = files.read_stamp(path)
        except MediaError:
            continue
        known = videos.unchanged_at(library, path, stamp)
        if known is not None and known.id == video.id:
            return path
        if known is None and stamp.size_bytes == video.size_bytes and files.content_hash(path) == video.content_hash:
            return path
    return None


def _sources(library: Library) -> Iterator[Finding]:
    """What became of the files. One that is away may come back: that is no damage."""
    for video in videos.every(library):
        there = {path: stamp for path, stamp in videos.stamps(library, video.id).items() if path.exists()}
        if not there:
            sentence = f"{video.path} is not there now: moved, or its drive is not plugged in."
            yield Finding(Category.SOURCES, sentence, video.id, is_note=True)
        for path, stamp in there.items():
            yield from _source(library, video, path, stamp.size_bytes, stamp.mtime_ns)


def _source(library: Library, video: Video, path: Path, size_bytes: int, mtime_ns: int) -> Iterator[Finding]:
    """Nothing for a file whose size and time are as they were; inodes of some drives change with every mount."""
    try:
        now = files.read_stamp(path)
        if (now.size_bytes, now.mtime_ns) == (size_bytes, mtime_ns):
            return
        if now.size_bytes == size_bytes and files.content_hash(path) == video.content_hash:
            mend = partial(videos.add_copy, library, video.id, path, now)
            yield Finding(Category.SOURCES, f"{path} was touched, and is the same file.", video.id, mend)
            return
    except MediaError as error:
        yield Finding(Category.SOURCES, str(error), video.id, is_note=True)
        return
    sentence = f"{path} has changed since it was taken in. Take in what it is now with: vidlocal ingest"
    yield Finding(Category.SOURCES, sentence, video.id)
