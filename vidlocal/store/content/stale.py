"""Descriptions worth making again: by another model, by an older prompt, or too poor to be found by."""

from collections.abc import Collection, Sequence

from vidlocal.records import JobKind, PassageKind
from vidlocal.store.content import frames, passages, understanding
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

# A sentence that names who, what and where is longer than that.
_SHORT_CHARACTERS = 40

# So many different frames of one video are not the same scene: the model was saying its set phrase.
_REPEATED = 3


def stale(library: Library, model: str, versions: Collection[str], videos: Sequence[int] | None = None) -> list[int]:
    """Frames whose description another model or another version of the prompt wrote. A repeat has none of its own."""
    rows = _described(library)
    wanted = None if videos is None else set(videos)
    return [
        row[0]
        for row in rows
        if (wanted is None or row[1] in wanted)
        and (row[3] is None or _full_name(row[3]) != _full_name(model) or row[4] not in versions)
    ]


def weak(library: Library, videos: Sequence[int] | None = None) -> list[int]:
    """Frames whose description is short, or the same as that of several other frames of its video."""
    rows = _described(library)
    wanted = None if videos is None else set(videos)
    told: dict[tuple[int, str], int] = {}
    for row in rows:
        told[row[1], row[2]] = told.get((row[1], row[2]), 0) + 1
    return [
        row[0]
        for row in rows
        if (wanted is None or row[1] in wanted)
        and (len(row[2]) < _SHORT_CHARACTERS or told[row[1], row[2]] >= _REPEATED)
    ]


def queue(library: Library, frame_ids: Sequence[int]) -> int:
    """Have frames described again; what is known of them stays until the new description is there. How many.

    Their videos are tagged and summed up again after that, as far as what they rest on has changed.
    """
    seen: set[int] = set()
    with library.writing():
        for frame_id in frame_ids:
            frame = frames.get(library, frame_id)
            if frame is not None:
                jobs.add(library, JobKind.DESCRIBE, frame_id, frame.video_id)
                seen.add(frame.video_id)
        for video_id in sorted(seen):
            understanding.queue_again(library, video_id)
    return len(frame_ids)


def watch_stale(library: Library, model: str, versions: Collection[str], videos: Sequence[int] | None = None) -> int:
    """Have strips watched again of which another model or another version of the prompt told. How many there are."""
    told = library.rows(
        "SELECT frame_id, video_id, model, prompt_version FROM passages WHERE kind = ? AND engine IS NOT ?",
        PassageKind.ACTION,
        passages.BY_HAND,
    )
    stale = [
        row
        for row in told
        if (videos is None or row["video_id"] in videos)
        and (_full_name(row["model"] or "") != _full_name(model) or row["prompt_version"] not in versions)
    ]
    with library.writing():
        for row in stale:
            jobs.add(library, JobKind.WATCH, row["frame_id"], row["video_id"])
    return len(stale)


def understand_stale(library: Library, model: str, version: str, videos: Sequence[int] | None = None) -> int:
    """Have videos tagged and summed up again that another model or version of the prompt read. How many there are."""
    read = library.rows("SELECT DISTINCT video_id, model, prompt_version FROM sections")
    stale = {
        row["video_id"]
        for row in read
        if (videos is None or row["video_id"] in videos)
        and (_full_name(row["model"]) != _full_name(model) or row["prompt_version"] != version)
    }
    for video_id in sorted(stale):
        understanding.queue_again(library, video_id)
    return len(stale)


def _described(library: Library) -> list[tuple[int, int, str, str | None, str | None]]:
    rows = library.rows(
        """SELECT frame_id, video_id, text, model, prompt_version FROM passages
        WHERE kind = ? AND frame_id IS NOT NULL AND engine IS NOT ?""",
        PassageKind.SCENE,
        passages.BY_HAND,
    )
    return [tuple(row) for row in rows]


def _full_name(model: str) -> str:
    return (model if ":" in model.rsplit("/", 1)[-1] else f"{model}:latest").lower()
