"""`vidlocal similar`."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal import settings
from vidlocal.cli.note import video_and_time
from vidlocal.cli.ui import console as output
from vidlocal.cli.ui import options
from vidlocal.errors import EngineError, ModelMissing, UsageError
from vidlocal.records import Frame, Moment, Video
from vidlocal.render import results
from vidlocal.settings import Settings
from vidlocal.store.content import frame_vectors, frames, videos
from vidlocal.store.database import Library
from vidlocal.store.index import frame_index
from vidlocal.text import pluralize

if TYPE_CHECKING:
    from vidlocal.engines.base import Vectors

HASH, VECTORS = "perceptual hash", "picture vectors"

_BY_HASH = (
    "Compared by perceptual hash: it knows the same picture again, and near copies of it, "
    "not the same things seen from elsewhere."
)
_SET_UP = "For those, run: vidlocal setup --pictures, then vidlocal enrich --only pictures"


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found, by what, and a sentence about that; empty when there is nothing to say."""

    moments: tuple[Moment, ...]
    by: str
    notice: str


def command(
    where: Annotated[
        str | None,
        typer.Argument(metavar="[VIDEO[@TIME]]", help="A moment, like wedding@1:02:03, or a whole video."),
    ] = None,
    image: Annotated[str | None, typer.Option("--image", metavar="PICTURE", help="A picture file instead.")] = None,
    limit: options.Limit = 10,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Find what looks like a moment, a picture or a whole video.

    Pictures are compared by what they show, once `vidlocal enrich --only pictures` has turned them into vectors. Before
    that it goes by perceptual hash: the same picture is found again, cut, copied or scaled, but not the same things
    seen from elsewhere. Piped, it prints tab-separated lines: path, start, end, score, kinds, text.
    """
    if (where is None) == (image is None):
        raise UsageError("Say what to look for: vidlocal similar wedding@1:02:03, or --image PICTURE.")
    chosen = settings.load()
    with Library.open(chosen.home) as library:
        if image is not None:
            found = _like_a_picture(library, chosen, Path(image), limit)
        else:
            found = _like(library, chosen, where or "", limit)
    _print(image or where or "", found, json=json)
    nothing = "" if found.moments else "Nothing looks like that."
    sentence = " ".join(part for part in (nothing, found.notice) if part)
    if sentence:
        output.notice(sentence, quiet=quiet)


def _like(library: Library, chosen: Settings, where: str, limit: int) -> _Found:
    video = _whole_video(library, where)
    if video is not None:
        return _like_a_video(library, video, limit)
    video, time = video_and_time(library, where)
    frame = frames.shown_at(library, video.id, time)
    if frame is None:
        raise UsageError(f"{video.title} has no pictures.")
    return _like_a_frame(library, chosen, frame, limit)


def _whole_video(library: Library, where: str) -> Video | None:
    """The video that is meant; None where a time is named. Names of files may have an @ in them."""
    try:
        return videos.resolve(library, where)
    except UsageError:
        if "@" in where:
            return None
        raise


def _like_a_frame(library: Library, chosen: Settings, frame: Frame, limit: int) -> _Found:
    from vidlocal.enrich.workers.describe import picture
    from vidlocal.search import similar

    known = frame_index.vector_of(library, frame.same_as or frame.id)
    missing = ""
    if known is None and frame_vectors.keys(library):
        known, missing = _embedded(library, chosen, picture(library, frame))
    if known is None:
        moments = similar.by_hash(library, frames.dhash(library, frame), limit=limit, besides=frame)
        return _Found(moments, HASH, f"{_BY_HASH} {missing or _SET_UP}")
    key, vector = known
    moments = similar.by_vector(library, frame_index.prepare(library, key), vector, limit=limit, besides=frame)
    return _Found(moments, VECTORS, _unseen(library, key))


def _like_a_picture(library: Library, chosen: Settings, path: Path, limit: int) -> _Found:
    from vidlocal.export.thumbnail import as_jpeg
    from vidlocal.search import similar

    image = similar.picture_of(path)
    known, missing = None, ""
    if frame_vectors.keys(library):
        known, missing = _embedded(library, chosen, as_jpeg(image))
    if known is None:
        moments = similar.by_hash(library, similar.hash_of(image), limit=limit)
        return _Found(moments, HASH, f"{_BY_HASH} {missing or _SET_UP}")
    key, vector = known
    moments = similar.by_vector(library, frame_index.prepare(library, key), vector, limit=limit)
    return _Found(moments, VECTORS, _unseen(library, key))


def _like_a_video(library: Library, video: Video, limit: int) -> _Found:
    from vidlocal.search import similar

    for key in reversed(frame_vectors.keys(library)):
        moments = similar.videos_like(library, frame_index.prepare(library, key), video.id, limit=limit)
        if moments is not None:
            return _Found(moments, VECTORS, _unseen(library, key))
    if not frames.coverage(library, video.id).total:
        raise UsageError(f"{video.title} has no pictures.")
    raise ModelMissing(
        f"Whole videos are compared by the vectors of their pictures, and {video.title} has none yet. "
        "Make them with: vidlocal setup --pictures, then vidlocal enrich --only pictures. "
        f"A moment is compared without: vidlocal similar {video.id}@1:00"
    )


def _embedded(library: Library, chosen: Settings, jpeg: bytes) -> "tuple[tuple[str, Vectors] | None, str]":
    """The model key and vector of a picture; where it could not be had, None and a sentence."""
    from vidlocal.app.clip_engine import open_pictures

    with ExitStack() as stack:
        engine = open_pictures(stack, chosen)
        if isinstance(engine, str):
            return None, engine
        if engine.key not in frame_vectors.keys(library):
            return None, "The library's vectors are of another model. Make them anew: vidlocal enrich --only pictures"
        try:
            return (engine.key, engine.embed_pictures([jpeg])[0]), ""
        except EngineError as error:
            return None, str(error)


def _unseen(library: Library, key: str) -> str:
    """A sentence about the pictures that could not be compared."""
    left = frame_index.unseen(library, key)
    if not left:
        return ""
    return f"Not compared, having no vector: {pluralize(left, 'picture')}. Go on with: vidlocal enrich --only pictures"


def _print(asked: str, found: _Found, *, json: bool) -> None:
    if json:
        output.document({**results.to_document(asked, found.moments), "by": found.by})
    elif not output.on_terminal():
        for moment in found.moments:
            output.line(results.to_tsv(moment))
    elif found.moments:
        from vidlocal.render import table

        console = output.console()
        console.print(table.moments(found.moments, (), width=console.width))
