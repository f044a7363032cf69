"""Rows that contradict each other, or say what cannot be."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from vidlocal.records import JobKind, JobState, MediaKind, PassageKind
from vidlocal.store.check.finding import Category, Finding
from vidlocal.store.content import frames, passages
from vidlocal.store.database import Library
from vidlocal.store.migrations import STATUS
from vidlocal.store.queue import jobs

# Containers round their lengths, and sound often ends a moment after the picture.
_TOLERANCE_S = 1.0

Ids = Sequence[int]
Repair = Callable[[Library, int, Ids], None]


def _quoted(values: type[JobKind] | type[JobState] | type[PassageKind] | type[MediaKind]) -> str:
    return ", ".join(f"'{value}'" for value in values)


@dataclass(frozen=True, slots=True)
class _Rule:
    """`sql` selects the video and the row of whatever is wrong; `mend` gets the rows of one video.

    `sentence` has {number} and {title}.
    """

    message: str
    sql: str
    repair: Repair | None = None


def contradictions(library: Library) -> Iterator[Finding]:
    """One finding for each rule and video that breaks it. Mend each before asking for the next."""
    for rule in _RULES:
        broken: dict[int, list[int]] = {}
        for video_id, row_id in library.rows(rule.sql):
            broken.setdefault(video_id, []).append(row_id)
        for video_id, ids in broken.items():
            row = library.row("SELECT title FROM videos WHERE id = ?", video_id)
            title = "a video that is gone" if row is None else row["title"]
            mend = None if rule.repair is None else partial(rule.repair, library, video_id, ids)
            yield Finding(Category.ROWS, rule.message.format(number=f"{len(ids):,}", title=title), video_id, mend)


def statuses(library: Library) -> Iterator[Finding]:
    """Videos whose status is not what their jobs say. Looked at last: mending anything else may change it."""
    for row in library.rows(f"SELECT id, title FROM videos WHERE enrichment_status IS NOT {STATUS}"):
        sentence = f"The status of {row['title']} is not what its jobs say."
        yield Finding(Category.ROWS, sentence, row["id"], partial(_reset_status, library, row["id"]))


def unreadable_history(library: Library) -> Iterator[Finding]:
    """Small things that are kept beside the videos and that nobody can read."""
    for table, where in (("searches", "NOT json_valid(found)"), ("measures", _UNREADABLE_MEASURE)):
        ids = [row["id"] for row in library.rows(f"SELECT id FROM {table} WHERE {where}")]
        if ids:
            sentence = f"Rows of {table} that cannot be read: {len(ids):,}."
            yield Finding(Category.ROWS, sentence, repair=partial(_delete, table, library, 0, ids))


_UNREADABLE_MEASURE = "name = 'seconds_per_frame' AND NOT coalesce(CAST(value AS REAL) > 0, 0)"


def _reset_status(library: Library, video_id: int) -> None:
    with library.writing() as connection:
        connection.execute(f"UPDATE videos SET enrichment_status = {STATUS} WHERE id = ?", (video_id,))


def _update(sql: str, library: Library, video_id: int, ids: Ids) -> None:
    with library.writing() as connection:
        connection.executemany(sql, [(row_id,) for row_id in ids])


def _delete(table: str, library: Library, video_id: int, ids: Ids) -> None:
    _update(f"DELETE FROM {table} WHERE id = ?", library, video_id, ids)


def _describe_again(library: Library, video_id: int, ids: Ids) -> None:
    frames.describe_again(library, ids)


def _queue_embedding(library: Library, video_id: int, ids: Ids) -> None:
    jobs.add(library, JobKind.EMBED, video_id, video_id)


def _queue_frame_vectors(library: Library, video_id: int, ids: Ids) -> None:
    jobs.add(library, JobKind.PICTURES, video_id, video_id)


def _retarget(library: Library, video_id: int, ids: Ids) -> None:
    """A job about a whole video is about its own; where there is such a one already, one is enough."""
    _update("UPDATE OR IGNORE jobs SET target = video_id WHERE id = ?", library, video_id, ids)
    _update("DELETE FROM jobs WHERE id = ? AND target <> video_id", library, video_id, ids)


def _regenerate(library: Library, video_id: int, ids: Ids) -> None:
    """Forget passages, and queue the work that makes them."""
    wrong = ", ".join(map(str, ids))
    with library.writing() as connection:
        rows = connection.execute(f"SELECT kind, frame_id FROM passages WHERE id IN ({wrong})").fetchall()
        connection.execute(f"DELETE FROM passages WHERE id IN ({wrong})")
        for kind, frame_id in rows:
            if kind == PassageKind.SCENE and frame_id is not None:
                frames.describe_again(library, [frame_id])
            elif kind == PassageKind.ACTION and frame_id is not None:
                jobs.add(library, JobKind.WATCH, frame_id, video_id)
            else:
                _regenerate_kind(library, video_id, PassageKind(kind))


def _regenerate_kind(library: Library, video_id: int, kind: PassageKind) -> None:
    job = {PassageKind.SPEECH: JobKind.TRANSCRIBE, PassageKind.SCREEN_TEXT: JobKind.READ}.get(kind, JobKind.SUMMARISE)
    passages.delete_of_kind(library, video_id, kind)
    with library.writing() as connection:
        connection.execute("DELETE FROM checkpoints WHERE video_id = ? AND step = ?", (video_id, job))
    jobs.add(library, job, video_id, video_id)


_OUTSIDE = f"""duration > 0 AND (passages.start < 0 OR passages.start > duration + {_TOLERANCE_S})"""
_MADE_BY_JOBS = "('scene', 'action', 'speech', 'screen_text', 'summary')"

# What a repeat should point at: the last distinct frame of its video before it.
_ORIGINAL = """(SELECT id FROM frames AS original WHERE original.video_id = frames.video_id
  AND original.image IS NOT NULL AND original.time < frames.time ORDER BY original.time DESC LIMIT 1)"""

# In an order in which mending one never breaks another that was looked at before.
_RULES = (
    _Rule(
        "Frames of {title} that repeat nothing that is there: {number}.",
        """SELECT video_id, id FROM frames WHERE image IS NULL AND NOT EXISTS (
          SELECT 1 FROM frames AS original WHERE original.id = frames.same_as
            AND original.video_id = frames.video_id AND original.image IS NOT NULL)""",
        partial(_update, f"UPDATE frames SET same_as = {_ORIGINAL} WHERE id = ?"),
    ),
    _Rule(
        "Frames of {title} that have a picture and repeat another frame: {number}.",
        "SELECT video_id, id FROM frames WHERE image IS NOT NULL AND same_as IS NOT NULL",
        partial(_update, "UPDATE frames SET same_as = NULL WHERE id = ?"),
    ),
    _Rule(
        "Frames of {title} whose facts cannot be read: {number}.",
        "SELECT video_id, id FROM frames WHERE NOT json_valid(facts)",
        partial(_update, "UPDATE frames SET facts = '{}' WHERE id = ?"),
    ),
    _Rule(
        "Frames of {title} that lie outside the video: {number}.",
        f"""SELECT videos.id, frames.id FROM frames JOIN videos ON videos.id = video_id
        WHERE time < 0 OR (duration > 0 AND time > duration + {_TOLERANCE_S})""",
    ),
    _Rule(
        "{title} is of an unknown kind.",
        f"SELECT id, id FROM videos WHERE kind NOT IN ({_quoted(MediaKind)})",
    ),
    _Rule(
        "Passages of {title} that are of an unknown kind: {number}.",
        f"SELECT video_id, id FROM passages WHERE kind NOT IN ({_quoted(PassageKind)})",
    ),
    _Rule(
        "Passages of {title} that are about frames of another video: {number}.",
        """SELECT passages.video_id, passages.id FROM passages JOIN frames ON frames.id = frame_id
        WHERE frames.video_id <> passages.video_id""",
        partial(_delete, "passages"),
    ),
    _Rule(
        "Passages of {title} that lie outside the video: {number}.",
        f"""SELECT video_id, passages.id FROM passages JOIN videos ON videos.id = video_id
        WHERE passages.kind IN {_MADE_BY_JOBS} AND {_OUTSIDE}""",
        _regenerate,
    ),
    _Rule(
        "Subtitles or notes outside {title}: {number}. For new subtitles: vidlocal rm, then ingest.",
        f"""SELECT video_id, passages.id FROM passages JOIN videos ON videos.id = video_id
        WHERE passages.kind IN ('subtitle', 'note') AND {_OUTSIDE}""",
    ),
    _Rule(
        "Passages of {title} that end after the video does: {number}.",
        f"""SELECT video_id, passages.id FROM passages JOIN videos ON videos.id = video_id
        WHERE duration > 0 AND "end" > duration + {_TOLERANCE_S} AND passages.start <= duration + {_TOLERANCE_S}""",
        partial(
            _update,
            """UPDATE passages SET "end" = max(start, (SELECT duration FROM videos WHERE id = video_id))
            WHERE id = ?""",
        ),
    ),
    _Rule(
        "Passages of {title} that end before they begin: {number}.",
        'SELECT video_id, id FROM passages WHERE "end" < start',
        partial(_update, 'UPDATE passages SET "end" = start WHERE id = ?'),
    ),
    _Rule(
        "Jobs of {title} that are of an unknown kind: {number}.",
        f"SELECT video_id, id FROM jobs WHERE kind NOT IN ({_quoted(JobKind)})",
        partial(_delete, "jobs"),
    ),
    _Rule(
        "Jobs of {title} that are in an unknown state: {number}.",
        f"SELECT video_id, id FROM jobs WHERE state NOT IN ({_quoted(JobState)})",
        partial(_update, "UPDATE jobs SET state = 'queued' WHERE id = ?"),
    ),
    _Rule(
        "Jobs of {title} that look at frames that are not there: {number}.",
        """SELECT jobs.video_id, jobs.id FROM jobs LEFT JOIN frames
          ON frames.id = target AND frames.video_id = jobs.video_id AND image IS NOT NULL
        WHERE jobs.kind IN ('describe', 'watch') AND frames.id IS NULL""",
        partial(_delete, "jobs"),
    ),
    _Rule(
        "Jobs of {title} that are about another video: {number}.",
        "SELECT video_id, id FROM jobs WHERE kind NOT IN ('describe', 'watch') AND target <> video_id",
        _retarget,
    ),
    _Rule(
        "Frames of {title} that are neither described nor queued: {number}.",
        """SELECT video_id, id FROM frames WHERE image IS NOT NULL AND enriched_at IS NULL AND NOT EXISTS (
          SELECT 1 FROM jobs WHERE kind = 'describe' AND target = frames.id AND state <> 'done')""",
        _describe_again,
    ),
    _Rule(
        "Frames of {title} that count as described without a description: {number}.",
        """SELECT video_id, id FROM frames WHERE image IS NOT NULL AND enriched_at IS NOT NULL AND NOT EXISTS (
          SELECT 1 FROM passages WHERE frame_id = frames.id AND kind = 'scene')""",
        _describe_again,
    ),
    _Rule(
        "Passages of {title} that have no vector, and are to get none: {number}.",
        """SELECT video_id, id FROM passages WHERE EXISTS (SELECT 1 FROM vectors)
          AND NOT EXISTS (SELECT 1 FROM vectors WHERE passage_id = passages.id)
          AND NOT EXISTS (
            SELECT 1 FROM jobs WHERE kind = 'embed' AND target = passages.video_id AND state <> 'done')""",
        _queue_embedding,
    ),
    _Rule(
        "Pictures of {title} that have no vector, and are to get none: {number}.",
        """SELECT video_id, id FROM frames WHERE EXISTS (SELECT 1 FROM frame_vectors) AND image IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM frame_vectors WHERE frame_id = frames.id)
          AND EXISTS (
            SELECT 1 FROM frames AS others JOIN frame_vectors ON frame_id = others.id
            WHERE others.video_id = frames.video_id)
          AND NOT EXISTS (
            SELECT 1 FROM jobs WHERE kind = 'pictures' AND target = frames.video_id AND state <> 'done')""",
        _queue_frame_vectors,
    ),
)
