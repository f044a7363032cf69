"""New transcripts of already transcribed videos: the old transcript stays until the new is complete.

A draft is a row per finished part, so that an interrupted transcription goes on. `checkpoints` hold its position.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

from vidlocal.records import JobKind, Passage, PassageKind, TimedPassage, Word
from vidlocal.store.content import passages, understanding
from vidlocal.store.database import Library
from vidlocal.store.queue import checkpoints, jobs

STEP = "transcribe again"

# A new passage with this much of its time in a corrected one says the same.
_MIN_COVERED = 0.5


def request(library: Library, video_id: int, *, priority: float = 0.0) -> None:
    """Queue a video to be transcribed again, from its start."""
    with library.writing() as connection:
        connection.execute("DELETE FROM speech_drafts WHERE video_id = ?", (video_id,))
        checkpoints.put(library, video_id, STEP, 0.0)
        jobs.add(library, JobKind.TRANSCRIBE, video_id, video_id, priority=priority)


def is_requested(library: Library, video_id: int) -> bool:
    """Return True from `request` to `publish`."""
    return library.row("SELECT 1 FROM checkpoints WHERE video_id = ? AND step = ?", video_id, STEP) is not None


def start(library: Library, video_id: int, digest: str) -> float:
    """Return the resume position of a draft, in seconds: 0.0 after a draft of another model."""
    with library.writing() as connection:
        others = connection.execute(
            "DELETE FROM speech_drafts WHERE video_id = ? AND digest <> ?", (video_id, digest)
        ).rowcount
        if others:
            checkpoints.put(library, video_id, STEP, 0.0)
    return checkpoints.get(library, video_id, STEP)


def add(library: Library, video_id: int, digest: str, texts: Sequence[TimedPassage], *, until: float) -> None:
    """Store the next part of a draft, up to `until` seconds."""
    document = json.dumps([asdict(text) for text in texts], ensure_ascii=False)
    with library.writing() as connection:
        connection.execute(
            "INSERT INTO speech_drafts (video_id, digest, texts) VALUES (?, ?, ?)", (video_id, digest, document)
        )
        checkpoints.put(library, video_id, STEP, until)


def publish(library: Library, video_id: int, *, step: str) -> None:
    """Replace the transcript of a video by its draft. Texts written or corrected by the user stay.

    The position of the draft becomes that of `step`.
    """
    with library.writing() as connection:
        rows = library.rows("SELECT digest, texts FROM speech_drafts WHERE video_id = ? ORDER BY id", video_id)
        passages.delete_transcript(library, video_id)
        corrected = [
            (passage.start, passage.end)
            for passage in passages.of_video(library, video_id, [PassageKind.SPEECH])
            if passage.engine == passages.BY_HAND
        ]
        for row in rows:
            texts = [text for text in map(_read, json.loads(row["texts"])) if not _is_covered(text.passage, corrected)]
            passages.add(
                library,
                video_id,
                [text.passage for text in texts],
                digest=row["digest"],
                words=[text.words for text in texts],
            )
        connection.execute("DELETE FROM speech_drafts WHERE video_id = ?", (video_id,))
        checkpoints.put(library, video_id, step, checkpoints.get(library, video_id, STEP))
        checkpoints.clear(library, video_id, STEP)
        understanding.requeue(library, video_id)


def _read(values: dict[str, dict[str, object]]) -> TimedPassage:
    passage = Passage(**values["passage"])  # type: ignore[arg-type]
    return TimedPassage(passage, tuple(Word(**word) for word in values["words"]))  # type: ignore[arg-type]


def _is_covered(passage: Passage, spans: Sequence[tuple[float, float]]) -> bool:
    if passage.kind == PassageKind.TRANSLATION:  # a corrected line is still to be found in English
        return False
    covered = sum(max(0.0, min(passage.end, end) - max(passage.start, start)) for start, end in spans)
    return covered > _MIN_COVERED * (passage.end - passage.start)
