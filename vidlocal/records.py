"""The values that travel through vidlocal. No I/O, nothing mutable.

Times and durations are seconds as `float`; zero is the container's start_time, as a player shows it.
"""

import json
from dataclasses import dataclass, field, fields
from enum import StrEnum


class PassageKind(StrEnum):
    """What a passage of text is. The values are stored and printed.

    `picture` is a frame that is found by how it looks; there is no text and no stored passage of that.
    """

    SPEECH = "speech"
    SUBTITLE = "subtitle"
    SCREEN_TEXT = "screen_text"
    SCENE = "scene"
    ACTION = "action"
    SUMMARY = "summary"
    NOTE = "note"
    PICTURE = "picture"


TEXT_KINDS = tuple(kind for kind in PassageKind if kind is not PassageKind.PICTURE)


class MediaKind(StrEnum):
    """A photo is a video with one frame, audio has no frames."""

    VIDEO = "video"
    PHOTO = "photo"
    AUDIO = "audio"


class JobKind(StrEnum):
    """One sort of pending work. `target` of a describe or watch job is a frame, of the others a video."""

    TRANSCRIBE = "transcribe"
    READ = "read"
    PICTURES = "pictures"
    DESCRIBE = "describe"
    WATCH = "watch"
    TAG = "tag"
    SUMMARISE = "summarise"
    EMBED = "embed"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Fault(StrEnum):
    """What a job failed on. The values are stored and printed."""

    ANSWER = "answer"  # the model's answer was of no use
    FILE = "file"  # the video or a picture of it cannot be read
    TOOL = "tool"  # a program or library we need failed on it
    CRASH = "crash"  # the whole program ended while at work on it, again and again


class EnrichmentStatus(StrEnum):
    """`enriched`: no job of the video is queued or running."""

    PENDING = "pending"
    ENRICHING = "enriching"
    ENRICHED = "enriched"


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """`index` counts all streams of the file; `language` is as tagged in the file, ISO 639-2 or -1."""

    index: int
    codec: str
    language: str | None
    default: bool
    channels: int
    rate_hz: int


@dataclass(frozen=True, slots=True)
class SubtitleTrack:
    """`is_text` is false for bitmap subtitles (DVD, Blu-ray), which carry no words."""

    index: int
    codec: str
    language: str | None
    title: str | None
    is_text: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """What a media file says of itself, checked against its packets.

    `width_px`, `height_px` are of the upright picture with square pixels. `rotation` is in degrees
    clockwise, 0, 90, 180 or 270. `start` is the container's start_time; every other time has it
    subtracted already. `partial` is a reason when the file ends before its header says.
    """

    kind: MediaKind
    duration: float
    start: float = 0.0
    width_px: int = 0
    height_px: int = 0
    container: str = ""
    video_codec: str | None = None
    video_index: int | None = None
    rotation: int = 0
    sample_aspect: float = 1.0
    frame_rate_hz: float = 0.0
    hdr: str | None = None
    audio: tuple[AudioTrack, ...] = ()
    subtitles: tuple[SubtitleTrack, ...] = ()
    recorded_at: str | None = None
    title: str | None = None
    partial: str | None = None


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What tells, without reading it, that a file is unchanged."""

    size_bytes: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Cue:
    """A span of text as a subtitle file or a speech model gives it."""

    start: float
    end: float
    text: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """One piece of text about a span of a video: the only thing that is ever searched."""

    start: float
    end: float
    kind: PassageKind
    text: str
    language: str | None = None
    engine: str | None = None
    model: str | None = None
    prompt_version: str | None = None
    frame_id: int | None = None
    video_id: int | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """A stored frame. `image` is relative to the library folder and None for a repeat of `same_as`."""

    id: int
    video_id: int
    time: float
    shot: int
    image: str | None
    same_as: int | None = None


@dataclass(frozen=True, slots=True)
class FrameDraft:
    """A frame that is not in the library yet. `same_as` is the position of the frame it repeats.

    `dhash` is 64 bits as an unsigned number. `rank` orders the representative frames of a video,
    0 first, and is None for the others. `novelty` is 0 to 1, the difference from what came before.
    """

    time: float
    shot: int
    image: str | None
    dhash: int
    same_as: int | None = None
    rank: int | None = None
    novelty: float = 0.0
    facts: dict[str, object] = field(default_factory=dict)

    def facts_json(self) -> str:
        return json.dumps(self.facts, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Video:
    """A video as the library knows it."""

    id: int
    content_hash: str
    path: str
    title: str
    kind: MediaKind
    duration: float
    width_px: int
    height_px: int
    codecs: str
    recorded_at: str | None
    added_at: str
    size_bytes: int
    language: str | None
    partial: str | None
    enrichment_status: EnrichmentStatus


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed piece of deep work. `lease` is the wall-clock time at which it may be claimed again."""

    id: int
    kind: JobKind
    target: int
    video_id: int
    attempts: int
    lease: float


@dataclass(frozen=True, slots=True)
class SceneAnswer:
    """What the vision model says of one frame. `excitement` is 0 to 1."""

    description: str
    tags: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    people_count: int | None = None
    relationships: tuple[str, ...] = ()
    emotions: tuple[str, ...] = ()
    setting: str = ""
    visible_text: str = ""
    event_type: str = ""
    excitement: float | None = None

    def facts_json(self) -> str:
        """What the answer says beyond its description, as stored with the frame."""
        names = (field.name for field in fields(self) if field.name not in ("description", "tags"))
        said = {name: getattr(self, name) for name in names}
        return json.dumps(
            {name: value for name, value in said.items() if value not in (None, "", ())}, ensure_ascii=False
        )


@dataclass(frozen=True, slots=True)
class ActionAnswer:
    """What the vision model says of several frames in order. `action` is empty when nothing happens."""

    action: str
    tags: tuple[str, ...] = ()


class TagKind(StrEnum):
    """What a tag of a video names. The values are stored and printed."""

    TAG = "tag"
    PERSON = "person"
    OBJECT = "object"
    PLACE = "place"
    KEYWORD = "keyword"


@dataclass(frozen=True, slots=True)
class SectionAnswer:
    """What the text model makes of the notes on one part of a video. `excitement` is 0 to 1.

    `words` are tags, people, objects, places and keywords, as the model words them; `rests_on` the ids of the
    passages it names as its grounds, all of them among those it was given.
    """

    title: str
    summary: str
    citations: tuple[int, ...]
    words: tuple[tuple[TagKind, str], ...] = ()
    event_type: str = ""
    excitement: float | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a video's timeline and what the text model made of it.

    `fingerprint` tells what it was made of: the same notes, asked in the same way, need not be asked about again.
    """

    number: int
    start: float
    end: float
    fingerprint: str
    answer: SectionAnswer


@dataclass(frozen=True, slots=True)
class ChaptersAnswer:
    """What the text model makes of the sections of a video.

    `chapters` are titles with the position of the first section of each, the first of them 0; `rests_on` the
    positions of the sections that the summary rests on.
    """

    summary: str
    chapters: tuple[tuple[str, int], ...]
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """A titled span of a video. `rests_on` are ids of passages."""

    start: float
    end: float
    title: str
    text: str
    citations: tuple[int, ...]
    excitement: float | None = None


@dataclass(frozen=True, slots=True)
class VideoTag:
    """What is in a video, in the library's own vocabulary, and the ids of the passages that say so."""

    kind: TagKind
    tag: str
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who made a piece of text: so that a better model can redo exactly what is stale."""

    engine: str
    model: str
    digest: str
    prompt_version: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that matches a query, or a frame that looks like it: that one has no `passage_id`, but a `frame_id`.

    `score` is 0 to 1, comparable within one search only.
    """

    passage_id: int | None
    video_id: int
    start: float
    end: float
    kind: PassageKind
    text: str
    score: float
    frame_id: int | None = None

    @property
    def key(self) -> int:
        """What tells it from the other hits of a search."""
        return self.passage_id if self.passage_id is not None else -(self.frame_id or 0)


@dataclass(frozen=True, slots=True)
class Moment:
    """A span of a video with the hits that justify it, best hit first."""

    video_id: int
    video_title: str
    video_path: str
    start: float
    end: float
    score: float
    kinds: tuple[PassageKind, ...]
    text: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class PassageExplanation:
    """What found a passage. Ranks count from 1; None where that way did not find it.

    `coverage` is how much of the query's words it holds, 0 to 1; `z` how many standard deviations its `cosine` lies
    above that of passages in general. The two weights add up to what it was ranked by; a passage that has no vector
    is weighed as one of usual nearness.
    """

    words_rank: int | None
    coverage: float | None
    words_weight: float
    meaning_rank: int | None
    cosine: float | None
    z: float | None
    meaning_weight: float


@dataclass(frozen=True, slots=True)
class FrameExplanation:
    """What found a frame: its place among the pictures, from 1, and how its `cosine` stands out, as in `Why`."""

    rank: int
    cosine: float
    z: float


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A stretch of a video with `pictures` frames that look alike."""

    video_id: int
    start: float
    end: float
    frame_count: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """Frames that look like `leader`, itself among them: how many, and where, in order of video and time."""

    leader: Frame
    frame_count: int
    occurrences: tuple[Occurrence, ...]

    @property
    def video_count(self) -> int:
        return len({take.video_id for take in self.occurrences})


@dataclass(frozen=True, slots=True)
class SecondLook:
    """What the vision model saw at `time` of a video when it was asked whether that shows what was looked for."""

    time: float
    matches: bool
    description: str
