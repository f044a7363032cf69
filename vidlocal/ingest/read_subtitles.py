"""Read the subtitles of a video, and read its sidecar files again after a change."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from vidlocal import sound_remarks, telemetry
from vidlocal.engines.base import SpeechEngine
from vidlocal.errors import MediaError, ToolError
from vidlocal.ingest.subtitle_coverage import cover_speech
from vidlocal.media import sidecars
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.files import read_stamp
from vidlocal.media.subtitles import cue_content, subtitle_sources
from vidlocal.media.subtitles.cues import merge_cues
from vidlocal.records import CAPTIONS_IN_VIDEO, Cue, FileStamp, Passage, PassageKind, Probe, SubtitleTrack
from vidlocal.store.content.sidecars import ENGINE
from vidlocal.telemetry import Reading

_BITMAP_NAMES = {
    "hdmv_pgs_subtitle": "PGS",
    "dvd_subtitle": "VobSub",
    "dvb_subtitle": "DVB",
    "dvb_teletext": "teletext",
    "arib_caption": "ARIB",
    "xsub": "XSUB",
}


@dataclass(frozen=True, slots=True)
class Subtitles:
    """Passages of the subtitles, readings of a camera, and a sentence for each unreadable file or track.

    `has_dialogue`: the subtitles make a transcription unnecessary. `stamps`: the sidecar files, as they were read.
    """

    passages: tuple[Passage, ...]
    readings: tuple[Reading, ...]
    notes: tuple[str, ...]
    has_dialogue: bool
    stamps: dict[Path, FileStamp]


@dataclass(frozen=True, slots=True)
class _SubtitleSource:
    """A sidecar file or a track. `name` stands in messages."""

    name: str
    is_partial: bool
    read: Callable[[], Sequence[Cue]]


@dataclass(slots=True)
class _Contents:
    """Contents of several sources. `readings`: those of the first source with any."""

    cues: list[Cue] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    has_dialogue: bool = False

    def add(self, other: "_Contents") -> None:
        self.cues += other.cues
        self.readings = self.readings or other.readings
        self.notes += other.notes
        self.has_dialogue |= other.has_dialogue


def read_subtitles(
    path: Path, probe: Probe, *, ffmpeg: Ffmpeg, on_track: Callable[[], None], engine: SpeechEngine | None = None
) -> Subtitles:
    """Read sidecar files and text tracks. `on_track` is called before each track, for up to minutes.

    With an `engine` to tell speech from other sounds, dialogue must cover the speech that is heard.
    """
    from_files = read_sidecars(path, duration=probe.duration)
    tracks = [track for track in probe.subtitles if track.is_text and track.codec != CAPTIONS_IN_VIDEO]
    read = _read([_track_source(path, track, probe, ffmpeg, on_track) for track in tracks], probe.duration)
    captions = [track for track in probe.subtitles if track.codec == CAPTIONS_IN_VIDEO]
    if captions and not (from_files.has_dialogue or read.has_dialogue):  # decodes the whole video
        in_frames = _read([_track_source(path, captions[0], probe, ffmpeg, on_track)], probe.duration)
        if not (in_frames.cues or in_frames.notes):
            in_frames.notes.append(f"{path.name}: closed captions without text by EIA-608; EIA-708 alone is not read.")
        read.add(in_frames)
    new = without_duplicates(_passages(merge_cues(read.cues, duration=probe.duration)), from_files.passages)
    unread = [_unread_note(path, track) for track in probe.subtitles if not track.is_text]
    lines = (*from_files.passages, *new)
    has_dialogue = from_files.has_dialogue or read.has_dialogue
    if has_dialogue and engine is not None:
        dialogue = [line for line in lines if line.kind is PassageKind.SUBTITLE]
        has_dialogue = cover_speech(dialogue, path, probe, engine=engine, ffmpeg=ffmpeg)
    return Subtitles(
        lines,
        from_files.readings or tuple(read.readings),
        (*from_files.notes, *read.notes, *unread),
        has_dialogue,
        from_files.stamps,
    )


def without_duplicates(texts: Sequence[Passage], existing: Sequence[Passage]) -> list[Passage]:
    """Drop passages equal in kind and text to an existing passage with a start within a second."""
    keys = {(passage.kind, passage.text, round(passage.start)) for passage in existing}
    return [
        passage
        for passage in texts
        if not any((passage.kind, passage.text, round(passage.start) + step) in keys for step in (-1, 0, 1))
    ]


def read_sidecars(path: Path, *, duration: float) -> Subtitles:
    """Read the sidecar files of a video."""
    files = sidecars.find_sidecars(path)
    stamps = _stamps(sidecars.find_watched_files(path))
    sources = [
        _SubtitleSource(file.name, sidecars.is_partial(file), partial(subtitle_sources.read_sidecar, file))
        for file in files
    ]
    read = _read(sources, duration)
    unread = [f"{file.name}: bitmap subtitles, not read." for file in sidecars.find_bitmap_sidecars(path)]
    passages = tuple(_passages(merge_cues(read.cues, duration=duration), ENGINE))
    return Subtitles(passages, tuple(read.readings), (*read.notes, *unread), read.has_dialogue, stamps)


def have_changed(path: Path, before: Mapping[Path, FileStamp]) -> bool:
    """Return True for new, missing or changed sidecar files of the video at `path` compared to `before`."""
    return _stamps(sidecars.find_watched_files(path)) != before


def _stamps(files: Sequence[Path]) -> dict[Path, FileStamp]:
    """Map readable `files` to their stamps."""
    stamps = {}
    for file in files:
        with suppress(MediaError):
            stamps[file] = read_stamp(file)
    return stamps


def _read(sources: Sequence[_SubtitleSource], duration: float) -> _Contents:
    contents = _Contents()
    for source in sources:
        try:
            cues = source.read()
        except (MediaError, ToolError) as error:
            contents.notes.append(str(error))
            continue
        if telemetry.is_telemetry(cues):
            contents.readings += telemetry.readings(cues) if not contents.readings else ()
            contents.notes.append(f"{source.name}: camera readings, not subtitles.")
            continue
        if cue_content.is_player_data(cues):
            contents.notes.append(f"{source.name}: data for players, not subtitles.")
            continue
        if duration and cues and cues[0].start >= duration:
            contents.notes.append(f"{source.name}: subtitles after the end of the video, not read.")
            continue
        contents.cues += cues
        contents.has_dialogue |= not source.is_partial and cue_content.covers_speech(cues, duration)
    return contents


def _track_source(
    path: Path, track: SubtitleTrack, probe: Probe, ffmpeg: Ffmpeg, on_track: Callable[[], None]
) -> _SubtitleSource:
    def read() -> Sequence[Cue]:
        on_track()
        return subtitle_sources.read_track(path, track, probe, ffmpeg=ffmpeg)

    return _SubtitleSource(f"{path.name}, subtitle track {track.index}", track.is_partial, read)


def _unread_note(path: Path, track: SubtitleTrack) -> str:
    kind = ", ".join(filter(None, (_BITMAP_NAMES.get(track.codec, track.codec), track.language, track.title)))
    return f"{path.name}: subtitle track {track.index} ({kind}) is not text and was not read."


def _passages(cues: Sequence[Cue], engine: str | None = None) -> list[Passage]:
    """Return the passages of cues; cues with nothing but names of sounds become sound passages."""
    return [
        Passage(cue.start, cue.end, kind, text, cue.language, engine=engine, speaker=cue.speaker)
        for cue in cues
        for kind, text in _kinds_and_texts(cue.text)
    ]


def _kinds_and_texts(text: str) -> list[tuple[PassageKind, str]]:
    sounds = sound_remarks.remarks(text)
    if sounds and not any(letter.isalnum() for letter in sound_remarks.without_remarks(text)):
        return [(PassageKind.SOUND, sound) for sound in sounds]
    return [(PassageKind.SUBTITLE, text)]
