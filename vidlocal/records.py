"""Immutable value types shared by all packages. No I/O.

Times and durations are seconds as `float`, counted from the container's start_time as in a player.
"""

from dataclasses import dataclass
from enum import StrEnum

from vidlocal.geography import Place
from vidlocal.video_metadata import NO_METADATA, VideoMetadata


class PassageKind(StrEnum):
    """Kind of a passage. The values are stored and printed. `translation`: speech, translated to English.

    `metadata`: title, description, people and tags by another program. `picture` marks a frame found by image search,
    `title` a video found by its name: neither has a stored passage.
    """

    SPEECH = "speech"
    TRANSLATION = "translation"
    SOUND = "sound"
    SUBTITLE = "subtitle"
    SCREEN_TEXT = "screen_text"
    CHAPTER = "chapter"
    METADATA = "metadata"
    SCENE = "scene"
    ACTION = "action"
    SUMMARY = "summary"
    NOTE = "note"
    PICTURE = "picture"
    TITLE = "title"


TEXT_KINDS = tuple(kind for kind in PassageKind if kind not in (PassageKind.PICTURE, PassageKind.TITLE))


class MediaKind(StrEnum):
    """Kind of a media file. A photo is stored as a video with a single frame; audio has no frames."""

    VIDEO = "video"
    PHOTO = "photo"
    AUDIO = "audio"


class JobKind(StrEnum):
    """Kind of a job. The `target` of describe and watch jobs is a frame, of all other jobs a video."""

    TRANSCRIBE = "transcribe"
    SPEAKERS = "speakers"
    PEOPLE = "people"
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
    """Cause of a failed job. The values are stored and printed."""

    ANSWER = "answer"  # unusable answer of the model
    FILE = "file"  # the video or a frame of it cannot be read
    TOOL = "tool"  # a program or library failed
    CRASH = "crash"  # vidlocal ended several times during the job


class EnrichmentStatus(StrEnum):
    """Progress of a video's jobs. `enriched`: no job is queued or running."""

    PENDING = "pending"
    ENRICHING = "enriching"
    ENRICHED = "enriched"


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """An audio stream. `index` counts all streams of the file; `language` is the file's tag, ISO 639-2 or -1."""

    index: int
    codec: str
    language: str | None
    default: bool
    channels: int
    rate_hz: int


# Codec of a SubtitleTrack for the closed captions (ATSC A/53) within the frames of a video.
CAPTIONS_IN_VIDEO = "a53_cc"


@dataclass(frozen=True, slots=True)
class SubtitleTrack:
    """A subtitle stream. `is_text`: no bitmaps. `is_partial`: subtitles of foreign dialogue, signs or songs only."""

    index: int
    codec: str
    language: str | None
    title: str | None
    is_text: bool
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """Properties of a media file, read from the header and verified against the packets.

    `width_px` and `height_px` are the upright size with square pixels. `rotation` is in degrees clockwise, 0, 90, 180
    or 270. `start` is the container's start_time, already subtracted from all other times, such as that of
    the first key frame. `partial` is the reason if the file is truncated or damaged. `chapters` have titles as text.
    `metadata`: the XMP within the file.
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
    first_key_frame: float = 0.0
    audio: tuple[AudioTrack, ...] = ()
    subtitles: tuple[SubtitleTrack, ...] = ()
    recorded_at: str | None = None
    title: str | None = None
    partial: str | None = None
    chapters: tuple["Cue", ...] = ()
    place: Place | None = None
    camera: str | None = None
    metadata: VideoMetadata = NO_METADATA


@dataclass(frozen=True, slots=True)
class FileStamp:
    """File metadata, to detect changes without reading the file."""

    size_bytes: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Word:
    """A word in the spelling of its text, with its times."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Cue:
    """A timed text from a subtitle file or a speech model.

    `confidence`: mean probability of the words, 0 to 1, None if unknown. `words` are in the order of the text; some may
    be missing. `speaker`: name in the file.
    """

    start: float
    end: float
    text: str
    language: str | None = None
    confidence: float | None = None
    words: tuple[Word, ...] = ()
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A text about a span of a video, the unit of text search.

    `confidence`: mean probability of the words according to a speech model, 0 to 1. `speaker`: name of who says it.
    """

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
    confidence: float | None = None
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class TimedPassage:
    """A passage, and its words with times as far as these are known."""

    passage: Passage
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """A stored frame. `image` is relative to the library folder, None for a duplicate of `same_as`."""

    id: int
    video_id: int
    time: float
    shot: int
    image: str | None
    same_as: int | None = None


@dataclass(frozen=True, slots=True)
class FrameDraft:
    """A frame to be stored. `same_as` is the position of an earlier duplicate.

    `dhash` is 64 bits as an unsigned number. `rank` orders the representative frames of a video, 0 first, and is None
    for all others. `novelty` is the difference from earlier frames, 0 to 1.
    """

    time: float
    shot: int
    image: str | None
    dhash: int
    same_as: int | None = None
    rank: int | None = None
    novelty: float = 0.0


@dataclass(frozen=True, slots=True)
class Video:
    """A video of the library. `replaced_at`: time of finding another file under the last path."""

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
    replaced_at: str | None = None
    place: str | None = None
    camera: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job."""

    id: int
    kind: JobKind
    target: int
    video_id: int
    attempts: int


class TagKind(StrEnum):
    """Kind of a video tag. The values are stored and printed."""

    TAG = "tag"
    PERSON = "person"
    OBJECT = "object"
    PLACE = "place"
    KEYWORD = "keyword"


@dataclass(frozen=True, slots=True)
class Chapter:
    """A titled span of a video. `rests_on` are the ids of the cited passages."""

    start: float
    end: float
    title: str
    text: str
    citations: tuple[int, ...]
    excitement: float | None = None


@dataclass(frozen=True, slots=True)
class VideoTag:
    """A tag of a video in the library's vocabulary. `rests_on` are the ids of the cited passages."""

    kind: TagKind
    tag: str
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Engine, model and prompt of a generated text, to find stale texts."""

    engine: str
    model: str
    digest: str
    prompt_version: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage matching a query, or a frame found by image search (`frame_id` instead of `passage_id`).

    `score` is 0 to 1, comparable within a search only.
    """

    passage_id: int | None
    video_id: int
    start: float
    end: float
    kind: PassageKind
    text: str
    score: float
    frame_id: int | None = None
    speaker: str | None = None

    @property
    def key(self) -> int:
        """A number unique among the hits of a search."""
        return self.passage_id if self.passage_id is not None else -(self.frame_id or 0)


@dataclass(frozen=True, slots=True)
class SeenPerson:
    """A person on screen, from `start` to `end` in seconds."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Moment:
    """A span of a video with all hits, best first. `people`: names of visible people, as far as known."""

    video_id: int
    video_title: str
    video_path: str
    start: float
    end: float
    score: float
    kinds: tuple[PassageKind, ...]
    text: str
    hits: tuple[Hit, ...]
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A span of a video with `frame_count` similar frames."""

    video_id: int
    start: float
    end: float
    frame_count: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """Frames similar to `leader`, including `leader`. `occurrences` are in order of video and time."""

    leader: Frame
    frame_count: int
    occurrences: tuple[Occurrence, ...]

    @property
    def video_count(self) -> int:
        return len({occurrence.video_id for occurrence in self.occurrences})
