"""Generated texts with the name of a person, for forgetting people: summaries, actions and tags."""

import json
import re
from collections.abc import Collection, Sequence

from vidlocal.folding import fold
from vidlocal.records import JobKind, PassageKind
from vidlocal.store.content import understanding, vocabulary
from vidlocal.store.content.passages import BY_HAND
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

# A shorter word of a name, such as "de", is in many texts.
_MIN_WORD_CHARS = 3


def forget(library: Library, names: Collection[str], video_ids: Sequence[int]) -> None:
    """Delete generated texts of videos with any of these names, and requeue their jobs.

    What people wrote, said or corrected stays.
    """
    telling = _pattern(names)
    videos = json.dumps(list(video_ids))
    with library.writing() as connection:
        passages = library.rows(
            """SELECT id, video_id, frame_id, kind, text || char(10) || coalesce(
              (SELECT title FROM chapters WHERE passage_id = passages.id), '') AS text
            FROM passages WHERE kind IN (?, ?) AND coalesce(engine, '') <> ?
              AND video_id IN (SELECT value FROM json_each(?))""",
            PassageKind.SUMMARY,
            PassageKind.ACTION,
            BY_HAND,
            videos,
        )
        for row in passages:
            if telling.search(fold(row["text"])):
                connection.execute("DELETE FROM passages WHERE id = ?", (row["id"],))
                if row["kind"] == PassageKind.ACTION and row["frame_id"] is not None:
                    jobs.add(library, JobKind.WATCH, row["frame_id"], row["video_id"])
        for table, column in (("sections", "answer"), ("video_tags", "tag")):
            of_videos = library.rows(
                f"SELECT id, {column} AS text FROM {table} WHERE video_id IN (SELECT value FROM json_each(?))", videos
            )
            ids = [(row["id"],) for row in of_videos if telling.search(fold(_plain(row["text"])))]
            connection.executemany(f"DELETE FROM {table} WHERE id = ?", ids)
        vocabulary.delete_unused(library)
        for video_id in video_ids:
            understanding.requeue(library, video_id)


def _plain(text: str) -> str:
    """Return JSON without escapes, and other text unchanged."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text


def _pattern(names: Collection[str]) -> re.Pattern[str]:
    """Return an expression for folded text with a name, or a word of a name, except very short words."""
    words = {fold(name) for name in names}
    words |= {word for name in words for word in name.split() if len(word) >= _MIN_WORD_CHARS}
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(words)))})\b")
