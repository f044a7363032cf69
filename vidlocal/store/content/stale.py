"""Outdated or poor answers of models: frames, sequences and videos worth doing again."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from vidlocal.records import JobKind, PassageKind
from vidlocal.store.content import frames, passages, understanding
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs
from vidlocal.text import full_model_name

# A sentence with who, what and where is longer.
_MIN_CHARACTERS = 40

# Below this mean probability of the words, a transcript is often wrong: of clear speech it is 0.85 to 0.95.
MIN_CONFIDENCE = 0.6

# The same description for this many distinct frames is boilerplate.
_MIN_REPEATS = 3


class _Description(NamedTuple):
    frame_id: int
    video_id: int
    text: str
    model: str | None
    prompt_version: str | None


def stale_frames(
    library: Library, model: str, versions: Collection[str], videos: Sequence[int] | None = None
) -> list[int]:
    """List the frames described by another model or prompt version. Repeats have no description of their own."""
    return [
        description.frame_id
        for description in _descriptions(library, videos)
        if not _is_same_model(description.model, model) or description.prompt_version not in versions
    ]


def weak_frames(library: Library, videos: Sequence[int] | None = None) -> list[int]:
    """List the frames with a short description, or a description shared with several frames of the video."""
    descriptions = _descriptions(library, videos)
    counts: dict[tuple[int, str], int] = {}
    for description in descriptions:
        key = description.video_id, description.text
        counts[key] = counts.get(key, 0) + 1
    return [
        description.frame_id
        for description in descriptions
        if len(description.text) < _MIN_CHARACTERS or counts[description.video_id, description.text] >= _MIN_REPEATS
    ]


def requeue_frames(library: Library, frame_ids: Sequence[int]) -> int:
    """Queue frames to be described again; the old description stays until then. Returns the number of frames.

    Queues tags and summary of their videos too, which are made again as far as their citations changed.
    """
    video_ids: set[int] = set()
    with library.writing():
        for frame_id in frame_ids:
            frame = frames.get(library, frame_id)
            if frame is not None:
                jobs.add(library, JobKind.DESCRIBE, frame_id, frame.video_id)
                video_ids.add(frame.video_id)
        for video_id in sorted(video_ids):
            understanding.requeue(library, video_id)
    return len(frame_ids)


def requeue_stale_sequences(
    library: Library, model: str, versions: Collection[str], videos: Sequence[int] | None = None
) -> int:
    """Queue the sequences watched by another model or prompt version. Returns the number of sequences."""
    rows = library.rows(
        "SELECT frame_id, video_id, model, prompt_version FROM passages WHERE kind = ? AND engine IS NOT ?",
        PassageKind.ACTION,
        passages.BY_HAND,
    )
    stale = [
        row
        for row in rows
        if (videos is None or row["video_id"] in videos)
        and (not _is_same_model(row["model"], model) or row["prompt_version"] not in versions)
    ]
    with library.writing():
        for row in stale:
            jobs.add(library, JobKind.WATCH, row["frame_id"], row["video_id"])
    return len(stale)


def requeue_stale_summaries(library: Library, model: str, version: str, videos: Sequence[int] | None = None) -> int:
    """Queue tags and summary of videos read by another model or prompt version. Returns the number of videos."""
    rows = library.rows("SELECT DISTINCT video_id, model, prompt_version FROM sections")
    stale = {
        row["video_id"]
        for row in rows
        if (videos is None or row["video_id"] in videos)
        and (not _is_same_model(row["model"], model) or row["prompt_version"] != version)
    }
    for video_id in sorted(stale):
        understanding.requeue(library, video_id)
    return len(stale)


def stale_transcripts(
    library: Library, model: str, version: str, videos: Sequence[int] | None = None
) -> tuple[int, ...]:
    """List the videos transcribed by another model, or by another version of the preparation of the audio."""
    rows = library.rows(
        "SELECT DISTINCT video_id, model, prompt_version FROM passages WHERE kind = ? AND digest IS NOT NULL",
        PassageKind.SPEECH,
    )
    return tuple(
        sorted(
            {
                row["video_id"]
                for row in rows
                if (videos is None or row["video_id"] in videos)
                and (row["model"] != model or (row["prompt_version"] or "").split(",")[0] != version)
            }
        )
    )


def weak_transcripts(library: Library, model: str, videos: Sequence[int] | None = None) -> tuple[int, ...]:
    """List the videos with speech of low confidence by another model, the weakest first."""
    rows = library.rows(
        """SELECT video_id FROM passages WHERE kind = ? AND digest IS NOT NULL AND model <> ? GROUP BY video_id
          HAVING avg(confidence) < ? ORDER BY avg(confidence)""",
        PassageKind.SPEECH,
        model,
        MIN_CONFIDENCE,
    )
    return tuple(row["video_id"] for row in rows if videos is None or row["video_id"] in videos)


def untranslated(library: Library, videos: Sequence[int] | None = None) -> tuple[int, ...]:
    """List videos with untranslated speech in other languages than English."""
    rows = library.rows(
        """SELECT DISTINCT video_id FROM passages AS speech WHERE kind = ? AND digest IS NOT NULL AND language <> 'en'
          AND NOT EXISTS (SELECT 1 FROM passages WHERE video_id = speech.video_id AND kind = ?) ORDER BY video_id""",
        PassageKind.SPEECH,
        PassageKind.TRANSLATION,
    )
    return tuple(row["video_id"] for row in rows if videos is None or row["video_id"] in videos)


def _descriptions(library: Library, videos: Sequence[int] | None) -> list[_Description]:
    rows = library.rows(
        """SELECT frame_id, video_id, text, model, prompt_version FROM passages
        WHERE kind = ? AND frame_id IS NOT NULL AND engine IS NOT ?""",
        PassageKind.SCENE,
        passages.BY_HAND,
    )
    included = None if videos is None else set(videos)
    return [_Description._make(row) for row in rows if included is None or row["video_id"] in included]


def _is_same_model(stored: str | None, model: str) -> bool:
    return full_model_name(stored or "") == full_model_name(model)
