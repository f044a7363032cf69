"""Files beside the videos for other programs: planned from the library, and written."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from vidlocal.app.export.run import TRANSCRIPT_KINDS, passage_clips
from vidlocal.app.video_details import read_details
from vidlocal.errors import UsageError
from vidlocal.export import sidecars
from vidlocal.export.sidecars import Sidecar, VideoTexts
from vidlocal.records import PassageKind, Video
from vidlocal.render.sidecar_files import VideoNotes
from vidlocal.settings.sidecar_formats import SidecarFormat
from vidlocal.store.content import metadata, passages, people, speakers, videos
from vidlocal.store.database import Library

_SUBTITLE_FORMATS = {SidecarFormat.VTT, SidecarFormat.SRT}


def plan_sidecars(
    library: Library, selection: Sequence[Video], formats: Sequence[SidecarFormat], *, with_people: bool = False
) -> Iterator[Sidecar]:
    """Yield the sidecars of videos with their planned actions, video by video.

    `with_people`: with the names of those who are seen.
    """
    names = _named_speakers(library)
    if with_people:
        for video in selection:
            names.setdefault(video.id, []).extend(name for name, _ in people.screen_time(library, video.id))
    with_clips = not _SUBTITLE_FORMATS.isdisjoint(formats)
    texts = (read_texts(library, video, names.get(video.id, ()), with_clips=with_clips) for video in selection)
    return sidecars.plan(texts, formats, (Path(video.path) for video in videos.every(library)))


def write_sidecars(planned: Sequence[Sidecar]) -> tuple[list[Sidecar], list[str]]:
    """Write new and changed files. Returns the written paths, and a sentence for each failure."""
    written, errors = [], []
    for sidecar in planned:
        if sidecar.is_written:
            try:
                sidecars.write(sidecar)
            except UsageError as error:
                errors.append(str(error))
            else:
                written.append(sidecar)
    return written, errors


def read_texts(library: Library, video: Video, names: Sequence[str], *, with_clips: bool) -> VideoTexts:
    """Read the texts about a video. `names`: of its speakers and people."""
    details = read_details(library, video)
    of_chapters = {chapter.text for chapter in details.chapters}
    named = tuple(dict.fromkeys((*names, *metadata.people(library, video.id))))
    summaries = [passage.text for passage in passages.of_video(library, video.id, [PassageKind.SUMMARY])]
    notes = VideoNotes(
        title=video.title,
        duration=video.duration,
        recorded_at=video.recorded_at,
        summary="\n\n".join(text for text in summaries if text not in of_chapters),
        tags=tuple(dict.fromkeys(tag.tag for tag in details.tags if tag.tag not in named)),
        people=named,
        chapters=details.chapters,
    )
    clips = tuple(passage_clips(library, video, TRANSCRIPT_KINDS)) if with_clips else ()
    return VideoTexts(video, notes, clips)


def _named_speakers(library: Library) -> dict[int, list[str]]:
    """Map videos to the names of their speakers."""
    names: dict[int, list[str]] = {}
    for speaker in speakers.every(library):
        if speaker.is_named:
            for video_id in speakers.videos_of(library, speaker.id):
                names.setdefault(video_id, []).append(speaker.name)
    return names
