"""Key-value store for measured facts: speed of a model, abilities of a model, state of `vidlocal pause`."""

from vidlocal.store.database import Library

# Seconds per frame: the mean over the last described frames, used for estimates.
SECONDS_PER_FRAME = "seconds_per_frame"

# Tokens per second of generated captions, as the servers tell it: the mean of the last run.
CAPTION_TOKENS_PER_SECOND = "caption_tokens_per_second"

# Seconds per second of sound: the last transcription of two minutes or more, with any model.
SPEECH_PACE = "speech_pace"

# Seconds per unit of the stages of ingest, as JSON.
INGEST_PACE = "ingest_pace"

# Start of the pause (UTC, ISO 8601) while `vidlocal pause` is in effect.
PAUSED = "paused"

# Key of the model of the last frame vectors.
FRAME_VECTORS_MODEL = "pictures_model"

# Time (UTC, ISO 8601) at which the user agreed to face recognition in this library.
PEOPLE_CONSENT = "people_consent"

# Time (UTC, ISO 8601) of a deletion whose bytes are still in the library file.
PURGE_PENDING = "purge_pending"

YES, NO = "yes", "no"


def multi_image_key(digest: str) -> str:
    """Return the name of a fact: YES if the model with this digest takes several images in a request, else NO."""
    return f"several pictures at once: {digest}"


def schema_bounds_key(digest: str, server: str) -> str:
    """Return the name of a fact: YES if the model with this digest keeps the bounds of schemas on a server, else NO."""
    return f"schema bounds kept: {digest} on {server}"


def judge_key(digest: str) -> str:
    """Return the name of a fact: YES if the model with this digest answers the control questions, else NO."""
    return f"judges texts: {digest}"


def image_judge_key(digest: str, question: str) -> str:
    """Return the name of a fact: YES if the model with this digest tells plain images apart, else NO.

    `question`: version of the question it was asked.
    """
    return f"judges images: {digest}, {question}"


def speech_pace_key(model: str) -> str:
    """Return the name of a fact: transcription time of a Whisper model, in seconds per second of sound."""
    return f"speech pace: {model}"


def server_pace_key(address: str) -> str:
    """Return the name of a fact: duration of the last request about a frame on a server, in seconds."""
    return f"seconds per frame on {address}"


def get(library: Library, name: str) -> str | None:
    """Return the value of a fact."""
    row = library.row("SELECT value FROM measures WHERE name = ?", name)
    return None if row is None else str(row["value"])


def put(library: Library, name: str, value: str) -> None:
    """Store a fact, replacing an older value."""
    with library.writing() as connection:
        connection.execute(
            "INSERT INTO measures (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )


def delete(library: Library, name: str) -> None:
    """Delete a fact."""
    with library.writing() as connection:
        connection.execute("DELETE FROM measures WHERE name = ?", (name,))
