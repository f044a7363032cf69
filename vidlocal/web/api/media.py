"""Pictures, films and subtitles, by id only."""

import re
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.responses import FileResponse, Response, StreamingResponse

from vidlocal.app.export.run import TRANSCRIPT_KINDS, Format, passage_clips, render_clips
from vidlocal.app.video_details import read_details
from vidlocal.errors import MediaError, UsageError
from vidlocal.export.sources import verified_path
from vidlocal.export.thumbnail import encode_jpeg, frame_thumbnail
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.filenames import sanitize_name
from vidlocal.records import MediaKind, PassageKind, Video
from vidlocal.render.captions import chapter_track
from vidlocal.store.content import frame_images, frames
from vidlocal.store.database import Library
from vidlocal.web.api.videos import get_video
from vidlocal.web.errors import NotFound
from vidlocal.web.operations import Call
from vidlocal.web.playback.commands import piece_command
from vidlocal.web.playback.pieces import MAX_PIECE_S, Piece
from vidlocal.web.playback.sources import SourceKind, play_sources

# A frame never changes, and its number is never used again.
_KEEP = {"cache-control": "private, max-age=31536000, immutable"}
_RANGE = re.compile(r"bytes=(?:\d{1,18}-\d{0,18}|-\d{1,18})")

TRACKS = {
    "speech": (PassageKind.SPEECH, PassageKind.SOUND),
    "translation": (PassageKind.TRANSLATION,),
    "subtitles": (PassageKind.SUBTITLE,),
    "captions": (PassageKind.SCENE, PassageKind.ACTION),
}


def frame_image(library: Library, call: Call) -> Response:
    """Send a stored frame as JPEG."""
    frame = frames.get(library, call["frame"])
    if frame is None:
        raise NotFound(f"No frame {call['frame']}.")
    if call["width"] is None:
        return Response(frame_images.read(library, frame), media_type="image/jpeg", headers=_KEEP)
    image = frame_thumbnail(library, frame, width_px=call["width"])
    if image is None:
        raise MediaError(f"Frame {frame.id} cannot be read. Run: vidlocal check --repair")
    return Response(encode_jpeg(image), media_type="image/jpeg", headers=_KEEP)


async def playback(call: Call) -> object:
    """List the ways to play a video in a browser, cheapest first."""
    video, path = await call.services.libraries.run(partial(_source, call=call))
    if video.kind is MediaKind.PHOTO:
        return {"kind": video.kind, "duration": 0, "codecs": video.codecs, "sources": []}
    formats = await call.services.prober.formats(path)
    return {
        "kind": video.kind,
        "duration": video.duration,
        "codecs": video.codecs,
        "sources": [{"kind": source.kind, "type": source.type} for source in play_sources(formats)],
    }


async def film(call: Call) -> Response:
    """Send the file of a video; answers to byte ranges."""
    _, path = await call.services.libraries.run(partial(_source, call=call))
    formats = await call.services.prober.formats(path)
    source = play_sources(formats)[0]
    media_type = source.type.partition(";")[0] if source.kind is SourceKind.FILE else "application/octet-stream"
    _drop_odd_range(call)
    return FileResponse(path, media_type=media_type, stat_result=path.stat())


async def piece(call: Call) -> Response:
    """Send a part of a video as fragmented MP4 with the times of the whole, made on the fly."""
    start, end, kind = call["start"], call["end"], SourceKind(call["kind"])
    if not start < end <= start + MAX_PIECE_S:
        raise UsageError(f"end: not after start, or more than {MAX_PIECE_S:g} s after it.")
    video, path = await call.services.libraries.run(partial(_source, call=call))
    formats = await call.services.prober.formats(path)
    if kind not in (source.kind for source in play_sources(formats)):
        raise UsageError(f"{path.name}: cannot be played in this way.")
    ffmpeg = find_ffmpeg(call.services.load().ffmpeg)
    command = piece_command(path, formats, kind, start, end, ffmpeg=ffmpeg)
    requested = Piece(path, video.content_hash, command, kind, start, end)
    cached = call.services.pieces.cached(requested)
    if cached is not None:
        return FileResponse(cached, media_type="video/mp4")
    parts = call.services.pieces.stream(requested)
    first = await anext(parts, b"")  # an error before the first part becomes a sentence

    async def all_parts() -> AsyncIterator[bytes]:
        yield first
        async for part in parts:
            yield part

    return StreamingResponse(all_parts(), media_type="video/mp4")


def track(library: Library, call: Call) -> Response:
    """Send speech, subtitles, captions or chapters of a video as WebVTT."""
    video = get_video(library, call)
    if call["kind"] == "chapters":
        text = chapter_track(read_details(library, video).chapters)
    else:
        clips = list(passage_clips(library, video, TRACKS[call["kind"]], with_words=True))
        text = "".join(render_clips(clips, Format.VTT, video.title, None, notify=lambda sentence: None))
    return Response(text, media_type="text/vtt; charset=utf-8")


def subtitles(library: Library, call: Call) -> Response:
    """Download speech and subtitles of a video as SRT, VTT or text."""
    video, form = get_video(library, call), Format(call["format"])
    clips = list(passage_clips(library, video, TRANSCRIPT_KINDS))
    text = "".join(render_clips(clips, form, video.title, None, notify=lambda sentence: None))
    return _download(text, f"{sanitize_name(Path(video.path).stem)}.{form}")


def _download(text: str, name: str) -> Response:
    response = Response(text, media_type="text/plain; charset=utf-8")
    file = FileResponse("", filename=name, stat_result=None)  # for its rules of naming
    response.headers["content-disposition"] = file.headers["content-disposition"]
    return response


def _source(library: Library, call: Call) -> tuple[Video, Path]:
    """Return the video of the path and its unchanged file. Raises NotFound, MediaError."""
    video = get_video(library, call)
    return video, verified_path(library, video)


def _drop_odd_range(call: Call) -> None:
    """Ignore the header Range unless it is a single plain range (allowed by RFC 9110): send the whole file instead."""
    headers = MutableHeaders(scope=call.request.scope)
    value = headers.get("range")
    if value is None:
        return
    first, _, last = value.partition("=")[2].partition("-")
    if not _RANGE.fullmatch(value) or (first and last and int(first) > int(last)):
        del headers["range"]
