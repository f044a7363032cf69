"""Passages, the searchable texts of videos, and their vectors."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from vidlocal.folding import differing_fold
from vidlocal.records import JobKind, Passage, PassageKind, Word
from vidlocal.store.content import speakers, word_times
from vidlocal.store.database import Library
from vidlocal.store.index.speaker_names import PASSAGE_SPEAKER
from vidlocal.store.queue import jobs
from vidlocal.store.queue.priorities import EMBED_PRIORITY
from vidlocal.store.values import RowReader, now_utc, storable

if TYPE_CHECKING:
    from vidlocal.store.values import Vectors

# Engine of passages written by the user. Jobs that replace passages keep these.
BY_HAND = "you"

_read = RowReader(Passage, computed={"speaker": PASSAGE_SPEAKER}, kind=PassageKind)


def add(
    library: Library,
    video_id: int,
    passages: Sequence[Passage],
    *,
    digest: str | None = None,
    visible: bool = True,
    words: Sequence[Sequence[Word]] = (),
) -> list[int]:
    """Store passages of a video and queue their embedding. Returns the ids.

    `words`: the timed words of each passage, if known.

    `digest` identifies the model file of `Passage.model`. Skips blank texts, and passages of a model for a span whose
    text of the same kind was corrected by hand. Without `visible`, search does not find them until `publish`.
    """
    ids: list[int] = []
    with library.writing() as connection:
        corrected = _corrected_spans(library, video_id, passages)
        for position, passage in enumerate(passages):
            text = storable(passage.text.strip())
            span = (passage.start, max(passage.start, passage.end), passage.kind)
            if not text or (passage.engine != BY_HAND and span in corrected):
                continue
            cursor = connection.execute(
                """INSERT INTO passages (video_id, frame_id, start, "end", kind, text, folded, language, engine,
                  model, digest, prompt_version, visible, created_at, confidence)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                (
                    video_id,
                    passage.frame_id,
                    passage.start,
                    max(passage.start, passage.end),
                    passage.kind,
                    text,
                    differing_fold(text),
                    passage.language,
                    passage.engine,
                    passage.model,
                    digest,
                    passage.prompt_version,
                    visible,
                    now_utc(),
                    passage.confidence,
                ),
            )
            ids.append(int(cursor.lastrowid or 0))
            if words:
                word_times.put(library, ids[-1], text, passage.start, words[position])
            if passage.speaker:
                speakers.label(library, video_id, ids[-1], passage.speaker)
        if ids:
            speakers.assign(library, video_id, ids)
            jobs.add(library, JobKind.EMBED, video_id, video_id, priority=EMBED_PRIORITY)
    return ids


def of_video(library: Library, video_id: int, kinds: Iterable[PassageKind] | None = None) -> list[Passage]:
    """List the visible passages of a video in order of time, of some kinds or all."""
    sql = f"SELECT {_read.columns} FROM passages WHERE video_id = ? AND visible ORDER BY start, id"
    rows = library.rows(sql, video_id)
    included = set(PassageKind if kinds is None else kinds)
    return [passage for passage in map(_read, rows) if passage.kind in included]


def between(library: Library, video_id: int, start: float, end: float, kinds: Iterable[PassageKind]) -> list[Passage]:
    """List the visible passages of some kinds overlapping a span of a video, in order of time."""
    names = ", ".join(f"'{PassageKind(kind)}'" for kind in kinds)
    rows = library.rows(
        f"""SELECT {_read.columns} FROM passages WHERE video_id = ? AND start <= ? AND "end" >= ? AND visible
          AND kind IN ({names}) ORDER BY start, id""",
        video_id,
        end,
        start,
    )
    return [_read(row) for row in rows]


def written_by_hand(library: Library, kinds: Iterable[PassageKind]) -> list[Passage]:
    """List the passages of some kinds written or corrected by the user, in order of video and time."""
    names = ", ".join(f"'{PassageKind(kind)}'" for kind in kinds)
    where = f"engine = ? AND kind IN ({names})"
    rows = library.rows(f"SELECT {_read.columns} FROM passages WHERE {where} ORDER BY video_id, start, id", BY_HAND)
    return [_read(row) for row in rows]


def delete_of_kind(library: Library, video_id: int, kind: PassageKind) -> None:
    """Delete the passages of a kind before a job stores new passages; texts of the user stay."""
    with library.writing() as connection:
        connection.execute(
            "DELETE FROM passages WHERE video_id = ? AND kind = ? AND engine IS NOT ?", (video_id, kind, BY_HAND)
        )


def main_language(library: Library, video_id: int) -> str | None:
    """Return the language of most of the speech of a video, None without any."""
    row = library.row(
        """SELECT language FROM passages WHERE video_id = ? AND kind = 'speech' AND language IS NOT NULL
          GROUP BY language ORDER BY sum("end" - start) DESC, count(*) DESC LIMIT 1""",
        video_id,
    )
    return None if row is None else str(row["language"])


def delete_transcript(library: Library, video_id: int) -> None:
    """Delete the speech, translations and sounds of a speech model, except texts of the user."""
    with library.writing() as connection:
        connection.execute(
            """DELETE FROM passages WHERE video_id = ? AND engine IS NOT ?
              AND (kind IN ('speech', 'translation') OR (kind = 'sound' AND model IS NOT NULL))""",
            (video_id, BY_HAND),
        )


def get(library: Library, passage_id: int) -> Passage | None:
    """Return a passage by id."""
    row = library.row(f"SELECT {_read.columns} FROM passages WHERE id = ?", passage_id)
    return None if row is None else _read(row)


def rewrite(library: Library, passage: Passage, text: str) -> None:
    """Replace the text of a passage by the user's own, for good, and queue the embedding."""
    text = storable(text.strip())
    with library.writing() as connection:
        connection.execute(
            """UPDATE passages SET text = ?, folded = ?, engine = ?, model = NULL, digest = NULL, prompt_version = NULL,
              visible = 1 WHERE id = ?""",
            (text, differing_fold(text), BY_HAND, passage.id),
        )
        connection.execute("DELETE FROM vectors WHERE passage_id = ?", (passage.id,))
        if passage.video_id is not None:
            jobs.add(library, JobKind.EMBED, passage.video_id, passage.video_id, priority=EMBED_PRIORITY)


def delete(library: Library, passage: Passage) -> None:
    """Delete a passage with all vectors and index entries."""
    with library.writing() as connection:
        connection.execute("DELETE FROM passages WHERE id = ?", (passage.id,))


def requeue_for_model(library: Library, model: str) -> None:
    """Queue the embedding of all videos if the library has vectors, but none of this model."""
    row = library.row(
        "SELECT count(*), coalesce(sum(model LIKE ? OR model LIKE ?), 0) FROM (SELECT DISTINCT model FROM vectors)",
        f"{model}@%",
        f"{model}:latest@%",
    )
    if row is None or not row[0] or row[1]:
        return
    with library.writing():
        for (video_id,) in library.rows("SELECT DISTINCT video_id FROM passages"):
            jobs.add(library, JobKind.EMBED, video_id, video_id, priority=EMBED_PRIORITY)


def publish(library: Library, digests: Iterable[str]) -> int:
    """Make the unverified passages of these models visible to search. Returns the number of passages."""
    with library.writing() as connection:
        return sum(
            connection.execute("UPDATE passages SET visible = 1 WHERE NOT visible AND digest = ?", (digest,)).rowcount
            for digest in digests
        )


def has_unverified(library: Library) -> bool:
    """Return True if any passage waits for the verification of a model."""
    return library.row("SELECT 1 FROM passages WHERE NOT visible LIMIT 1") is not None


def unverified_frames(library: Library) -> list[int]:
    """List the ids of the frames with an unverified description."""
    rows = library.rows(
        "SELECT DISTINCT frame_id FROM passages WHERE NOT visible AND kind = ? AND frame_id IS NOT NULL",
        PassageKind.SCENE,
    )
    return [row["frame_id"] for row in rows]


def count(library: Library) -> int:
    """Count the visible passages."""
    return library.number("SELECT count(*) FROM passages WHERE visible")


def without_vector(library: Library, video_id: int, model_key: str, *, limit: int) -> list[tuple[int, str]]:
    """List ids and texts of passages without a vector of this model."""
    rows = library.rows(
        """SELECT id, text FROM passages WHERE video_id = ? AND NOT EXISTS (
          SELECT 1 FROM vectors WHERE passage_id = passages.id AND model = ?) ORDER BY id LIMIT ?""",
        video_id,
        model_key,
        limit,
    )
    return [(row["id"], row["text"]) for row in rows]


def store_vectors(library: Library, model_key: str, ids: Sequence[int], vectors: "Vectors") -> None:
    """Store the vectors of passages: float32, n x d, unit rows, in the order of `ids`. Skips deleted passages."""
    with library.writing() as connection:
        for passage_id, vector in zip(ids, vectors, strict=True):
            connection.execute(
                """INSERT INTO vectors (passage_id, model, vector) SELECT id, ?, ? FROM passages WHERE id = ?
                ON CONFLICT (passage_id, model) DO UPDATE SET vector = excluded.vector""",
                (model_key, vector.astype("<f4").tobytes(), passage_id),
            )


def _corrected_spans(library: Library, video_id: int, passages: Sequence[Passage]) -> set[tuple[float, float, str]]:
    """Return start, end and kind of passages corrected by hand, in the time of the given passages.

    One query: the passages of a file may all begin at the same moment.
    """
    starts = [passage.start for passage in passages]
    sql = 'SELECT start, "end", kind FROM passages WHERE video_id = ? AND start BETWEEN ? AND ? AND engine = ?'
    rows = library.rows(sql, video_id, min(starts, default=0.0), max(starts, default=0.0), BY_HAND)
    return {(row["start"], row["end"], row["kind"]) for row in rows}
