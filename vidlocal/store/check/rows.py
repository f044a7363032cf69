"""Checks rows for contradictions and impossible values."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from vidlocal.job_specs import PER_FRAME_KINDS
from vidlocal.records import JobKind, JobState, MediaKind, PassageKind
from vidlocal.store.check.finding import Category, Finding
from vidlocal.store.content import frames, passages
from vidlocal.store.database import Library
from vidlocal.store.migrations import STATUS
from vidlocal.store.queue import jobs
from vidlocal.store.values import sql_list

# Containers round durations, and audio often ends shortly after video.
TOLERANCE_S = 1.0

Ids = Sequence[int]
Repair = Callable[[Library, int, Ids], None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with a repair. `sql` selects (video id, row id) of violations; `message` has {number} and {title}."""

    message: str
    sql: str
    repair: Repair | None = None


def contradictions(library: Library) -> Iterator[Finding]:
    """Find violations by rule and video. Repair each finding before requesting the next."""
    yield from find_violations(library, _RULES)


def find_violations(library: Library, rules: Sequence[Rule]) -> Iterator[Finding]:
    """Find violations of rules by rule and video, in the order of the rules."""
    for rule in rules:
        violations: dict[int, list[int]] = {}
        for video_id, row_id in library.rows(rule.sql):
            violations.setdefault(video_id, []).append(row_id)
        for video_id, ids in violations.items():
            row = library.row("SELECT title FROM videos WHERE id = ?", video_id)
            title = "deleted video" if row is None else row["title"]
            repair = None if rule.repair is None else partial(rule.repair, library, video_id, ids)
            yield Finding(Category.ROWS, rule.message.format(number=f"{len(ids):,}", title=title), video_id, repair)


def statuses(library: Library) -> Iterator[Finding]:
    """Find videos with another status than the states of their jobs imply. Call last: other repairs change jobs."""
    for row in library.rows(f"SELECT id, title FROM videos WHERE enrichment_status IS NOT {STATUS}"):
        message = f"{row['title']}: wrong enrichment status."
        yield Finding(Category.ROWS, message, row["id"], partial(_reset_status, library, row["id"]))


def unreadable_history(library: Library) -> Iterator[Finding]:
    """Find past searches, facts and changes with invalid values."""
    invalid = (
        ("searches", "NOT json_valid(found)"),
        ("measures", _UNREADABLE_MEASURE),
        ("speaker_changes", "NOT json_valid(before)"),
        ("people_changes", "NOT json_valid(before)"),
    )
    for table, where in invalid:
        ids = [row["id"] for row in library.rows(f"SELECT id FROM {table} WHERE {where}")]
        if ids:
            message = f"Unreadable rows of {table}: {len(ids):,}."
            yield Finding(Category.ROWS, message, repair=partial(delete_rows, table, library, 0, ids))


_UNREADABLE_MEASURE = (
    "name IN ('seconds_per_frame', 'caption_tokens_per_second') AND NOT coalesce(CAST(value AS REAL) > 0, 0)"
)


def _reset_status(library: Library, video_id: int) -> None:
    with library.writing() as connection:
        connection.execute(f"UPDATE videos SET enrichment_status = {STATUS} WHERE id = ?", (video_id,))


def update_rows(sql: str, library: Library, video_id: int, ids: Ids) -> None:
    """Execute a statement for each id."""
    with library.writing() as connection:
        connection.executemany(sql, [(row_id,) for row_id in ids])


def delete_rows(table: str, library: Library, video_id: int, ids: Ids) -> None:
    """Delete rows by id."""
    update_rows(f"DELETE FROM {table} WHERE id = ?", library, video_id, ids)


def _describe_again(library: Library, video_id: int, ids: Ids) -> None:
    frames.describe_again(library, ids)


def _queue_embedding(library: Library, video_id: int, ids: Ids) -> None:
    jobs.add(library, JobKind.EMBED, video_id, video_id)


def _queue_frame_vectors(library: Library, video_id: int, ids: Ids) -> None:
    jobs.add(library, JobKind.PICTURES, video_id, video_id)


def _retarget(library: Library, video_id: int, ids: Ids) -> None:
    """Point jobs about a whole video to their video, and delete duplicates."""
    update_rows("UPDATE OR IGNORE jobs SET target = video_id WHERE id = ?", library, video_id, ids)
    update_rows("DELETE FROM jobs WHERE id = ? AND target <> video_id", library, video_id, ids)


def _regenerate(library: Library, video_id: int, ids: Ids) -> None:
    """Delete passages and queue the jobs to generate them again."""
    id_list = ", ".join(map(str, ids))
    with library.writing() as connection:
        rows = connection.execute(f"SELECT kind, frame_id FROM passages WHERE id IN ({id_list})").fetchall()
        connection.execute(f"DELETE FROM passages WHERE id IN ({id_list})")
        for kind, frame_id in rows:
            if kind == PassageKind.SCENE and frame_id is not None:
                frames.describe_again(library, [frame_id])
            elif kind == PassageKind.ACTION and frame_id is not None:
                jobs.add(library, JobKind.WATCH, frame_id, video_id)
            else:
                _regenerate_kind(library, video_id, PassageKind(kind))


def _regenerate_kind(library: Library, video_id: int, kind: PassageKind) -> None:
    job = {
        PassageKind.SPEECH: JobKind.TRANSCRIBE,
        PassageKind.TRANSLATION: JobKind.TRANSCRIBE,
        PassageKind.SOUND: JobKind.TRANSCRIBE,
        PassageKind.SCREEN_TEXT: JobKind.READ,
    }.get(kind, JobKind.SUMMARISE)
    if job is JobKind.TRANSCRIBE:
        passages.delete_transcript(library, video_id)
    else:
        passages.delete_of_kind(library, video_id, kind)
    with library.writing() as connection:
        connection.execute("DELETE FROM checkpoints WHERE video_id = ? AND step = ?", (video_id, job))
    jobs.add(library, job, video_id, video_id)


_OUTSIDE = f"""duration > 0 AND (passages.start < 0 OR passages.start > duration + {TOLERANCE_S})"""
_MADE_BY_JOBS = "('scene', 'action', 'speech', 'translation', 'screen_text', 'summary')"

# The original of a repeat: the last distinct frame of its video before it.
_ORIGINAL = """(SELECT id FROM frames AS original WHERE original.video_id = frames.video_id
  AND original.image IS NOT NULL AND original.time < frames.time ORDER BY original.time DESC LIMIT 1)"""

# In this order, a repair never violates an earlier rule.
_RULES = (
    Rule(
        "{title}: {number} frames repeat a missing frame.",
        """SELECT video_id, id FROM frames WHERE image IS NULL AND NOT EXISTS (
          SELECT 1 FROM frames AS original WHERE original.id = frames.same_as
            AND original.video_id = frames.video_id AND original.image IS NOT NULL)""",
        partial(update_rows, f"UPDATE frames SET same_as = {_ORIGINAL} WHERE id = ?"),
    ),
    Rule(
        "{title}: {number} frames have an image and repeat another frame.",
        "SELECT video_id, id FROM frames WHERE image IS NOT NULL AND same_as IS NOT NULL",
        partial(update_rows, "UPDATE frames SET same_as = NULL WHERE id = ?"),
    ),
    Rule(
        "{title}: {number} frames have unreadable facts.",
        "SELECT video_id, id FROM frames WHERE NOT json_valid(facts)",
        partial(update_rows, "UPDATE frames SET facts = '{}' WHERE id = ?"),
    ),
    Rule(
        "{title}: {number} frames are outside the video.",
        f"""SELECT videos.id, frames.id FROM frames JOIN videos ON videos.id = video_id
        WHERE time < 0 OR (duration > 0 AND time > duration + {TOLERANCE_S})""",
    ),
    Rule(
        "{title}: unknown kind of video.",
        f"SELECT id, id FROM videos WHERE kind NOT IN {sql_list(MediaKind)}",
    ),
    Rule(
        "{title}: {number} passages are of an unknown kind.",
        f"SELECT video_id, id FROM passages WHERE kind NOT IN {sql_list(PassageKind)}",
    ),
    Rule(
        "{title}: {number} passages refer to frames of another video.",
        """SELECT passages.video_id, passages.id FROM passages JOIN frames ON frames.id = frame_id
        WHERE frames.video_id <> passages.video_id""",
        partial(delete_rows, "passages"),
    ),
    Rule(
        "{title}: {number} passages are outside the video.",
        f"""SELECT video_id, passages.id FROM passages JOIN videos ON videos.id = video_id
        WHERE passages.kind IN {_MADE_BY_JOBS} AND {_OUTSIDE}""",
        _regenerate,
    ),
    Rule(
        "{title}: {number} subtitles or notes are outside the video. For new subtitles run: vidlocal rm, then ingest",
        f"""SELECT video_id, passages.id FROM passages JOIN videos ON videos.id = video_id
        WHERE passages.kind IN ('subtitle', 'note') AND {_OUTSIDE}""",
    ),
    Rule(
        "{title}: {number} passages end after the video.",
        f"""SELECT video_id, passages.id FROM passages JOIN videos ON videos.id = video_id
        WHERE duration > 0 AND "end" > duration + {TOLERANCE_S} AND passages.start <= duration + {TOLERANCE_S}""",
        partial(
            update_rows,
            """UPDATE passages SET "end" = max(start, (SELECT duration FROM videos WHERE id = video_id))
            WHERE id = ?""",
        ),
    ),
    Rule(
        "{title}: {number} passages end before their start.",
        'SELECT video_id, id FROM passages WHERE "end" < start',
        partial(update_rows, 'UPDATE passages SET "end" = start WHERE id = ?'),
    ),
    Rule(
        "{title}: {number} jobs are of an unknown kind.",
        f"SELECT video_id, id FROM jobs WHERE kind NOT IN {sql_list(JobKind)}",
        partial(delete_rows, "jobs"),
    ),
    Rule(
        "{title}: {number} jobs are in an unknown state.",
        f"SELECT video_id, id FROM jobs WHERE state NOT IN {sql_list(JobState)}",
        partial(update_rows, "UPDATE jobs SET state = 'queued' WHERE id = ?"),
    ),
    Rule(
        "{title}: {number} jobs refer to missing frames.",
        f"""SELECT jobs.video_id, jobs.id FROM jobs LEFT JOIN frames
          ON frames.id = target AND frames.video_id = jobs.video_id AND image IS NOT NULL
        WHERE jobs.kind IN {sql_list(PER_FRAME_KINDS)} AND frames.id IS NULL""",
        partial(delete_rows, "jobs"),
    ),
    Rule(
        "{title}: {number} jobs refer to another video.",
        f"SELECT video_id, id FROM jobs WHERE kind NOT IN {sql_list(PER_FRAME_KINDS)} AND target <> video_id",
        _retarget,
    ),
    Rule(
        "{title}: {number} frames are neither described nor queued.",
        """SELECT video_id, id FROM frames WHERE image IS NOT NULL AND enriched_at IS NULL AND NOT EXISTS (
          SELECT 1 FROM jobs WHERE kind = 'describe' AND target = frames.id AND state <> 'done')""",
        _describe_again,
    ),
    Rule(
        "{title}: {number} frames are marked as described without a description.",
        """SELECT video_id, id FROM frames WHERE image IS NOT NULL AND enriched_at IS NOT NULL AND NOT EXISTS (
          SELECT 1 FROM passages WHERE frame_id = frames.id AND kind = 'scene')""",
        _describe_again,
    ),
    Rule(
        "{title}: {number} passages have no vector and no queued job.",
        """SELECT video_id, id FROM passages WHERE EXISTS (SELECT 1 FROM vectors)
          AND NOT EXISTS (SELECT 1 FROM vectors WHERE passage_id = passages.id)
          AND NOT EXISTS (
            SELECT 1 FROM jobs WHERE kind = 'embed' AND target = passages.video_id AND state <> 'done')""",
        _queue_embedding,
    ),
    Rule(
        "{title}: {number} images have no vector and no queued job.",
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
