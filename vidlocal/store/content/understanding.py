"""Sections, chapters, summary and tags of a video, and their jobs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from vidlocal.job_specs import AFTER_FRAMES_KINDS, PER_FRAME_KINDS
from vidlocal.model_answers import Section, SectionAnswer
from vidlocal.records import Chapter, JobKind, MediaKind, Passage, PassageKind, Provenance, TagKind, VideoTag
from vidlocal.store.content import passages, sequences
from vidlocal.store.content.metadata import OF_USER
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs
from vidlocal.store.values import sql_list, storable

# Input of the text model: everything except its own summaries.
EVIDENCE = (
    PassageKind.SCENE,
    PassageKind.ACTION,
    PassageKind.SPEECH,
    PassageKind.SUBTITLE,
    PassageKind.SCREEN_TEXT,
    PassageKind.NOTE,
)

# Tags and summary are updated when a video has 25 % more passages and no queued frames, or twice as many passages.
_MIN_GROWTH = 1.25
_MIN_GROWTH_WHILE_QUEUED = 2.0


def queue(library: Library, video_id: int) -> None:
    """Queue the watch jobs, the tags and, except for a photo, the summary of a video.

    Existing (imported) tags and summaries are not queued.
    """
    with library.writing():
        sequences.queue(library, video_id)
        row = library.row(
            f"""SELECT kind, EXISTS (
                SELECT 1 FROM video_tags WHERE video_id = videos.id AND NOT {OF_USER}) AS is_tagged,
              EXISTS (SELECT 1 FROM passages WHERE video_id = videos.id AND kind = ?) AS is_summed_up
            FROM videos WHERE id = ?""",
            PassageKind.SUMMARY,
            video_id,
        )
        if row is not None and not row["is_tagged"]:
            jobs.add(library, JobKind.TAG, video_id, video_id)
        if row is not None and row["kind"] != MediaKind.PHOTO and not row["is_summed_up"]:
            jobs.add(library, JobKind.SUMMARISE, video_id, video_id)


def requeue(library: Library, video_id: int) -> None:
    """Queue tags and summary of a video again. Unchanged sections are not sent to the model again."""
    with library.writing():
        for row in library.rows(
            "SELECT kind FROM jobs WHERE video_id = ? AND kind IN (?, ?)", video_id, JobKind.TAG, JobKind.SUMMARISE
        ):
            jobs.add(library, JobKind(row["kind"]), video_id, video_id)


def requeue_grown(library: Library) -> int:
    """Queue tags and summary of the videos with many new passages. Returns the number of videos.

    Failed jobs stay failed until they are retried.
    """
    rows = library.rows(
        f"""WITH finished AS (
          SELECT id, understood, (SELECT count(*) FROM passages
            WHERE video_id = videos.id AND visible AND kind IN {_EVIDENCE_SQL}) AS passages
          FROM videos WHERE NOT EXISTS (
            SELECT 1 FROM jobs
            WHERE video_id = videos.id AND kind IN {sql_list(AFTER_FRAMES_KINDS)} AND state <> 'done'))
        SELECT id FROM finished WHERE passages > understood AND passages >= understood * CASE WHEN EXISTS (
          SELECT 1 FROM jobs WHERE video_id = finished.id AND kind IN {sql_list(PER_FRAME_KINDS)}
            AND state IN ('queued', 'running')) THEN ? ELSE ? END""",
        _MIN_GROWTH_WHILE_QUEUED,
        _MIN_GROWTH,
    )
    for row in rows:
        requeue(library, row["id"])
    return len(rows)


def evidence(library: Library, video_id: int) -> list[Passage]:
    """List the input of the text model about a video, in order of time."""
    return passages.of_video(library, video_id, EVIDENCE)


def frame_excitement(library: Library, video_id: int) -> list[tuple[float, float]]:
    """List times and excitement (0 to 1) of the frames with a value from the vision model."""
    rows = library.rows(
        """SELECT time, json_extract(facts, '$.excitement') AS value FROM frames
        WHERE video_id = ? AND value IS NOT NULL ORDER BY time""",
        video_id,
    )
    return [(row["time"], float(row["value"])) for row in rows]


# ------------------------------------------------------------ sections


def sections(library: Library, video_id: int) -> dict[int, Section]:
    """Return the stored sections of a video by number."""
    rows = library.rows(
        'SELECT number, start, "end", fingerprint, answer FROM sections WHERE video_id = ? ORDER BY number', video_id
    )
    return {
        row["number"]: Section(row["number"], row["start"], row["end"], row["fingerprint"], _answer(row["answer"]))
        for row in rows
    }


def store_section(library: Library, video_id: int, section: Section, provenance: Provenance) -> None:
    """Store a section, replacing the section with the same number."""
    with library.writing() as connection:
        connection.execute(
            """INSERT INTO sections (video_id, number, start, "end", fingerprint, answer, excitement, model, digest,
              prompt_version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (video_id, number) DO UPDATE SET start = excluded.start, "end" = excluded."end",
              fingerprint = excluded.fingerprint, answer = excluded.answer, excitement = excluded.excitement,
              model = excluded.model, digest = excluded.digest, prompt_version = excluded.prompt_version""",
            (
                video_id,
                section.number,
                section.start,
                section.end,
                section.fingerprint,
                storable(_to_json(section.answer)),
                section.answer.excitement,
                provenance.model,
                provenance.digest,
                provenance.prompt_version,
            ),
        )


def delete_other_sections(library: Library, video_id: int, numbers: Iterable[int]) -> None:
    """Delete all sections of a video except these."""
    included = ", ".join(str(int(number)) for number in numbers)
    with library.writing() as connection:
        connection.execute(f"DELETE FROM sections WHERE video_id = ? AND number NOT IN ({included})", (video_id,))


# ------------------------------------------------------------ tags


def store_tags(
    library: Library, video_id: int, video_tags: Sequence[VideoTag], *, event_type: str, excitement: float | None
) -> None:
    """Replace tags of the model, event type and excitement (0 to 1). Nest `jobs.finish` in the same transaction."""
    with library.writing() as connection:
        connection.execute(f"DELETE FROM video_tags WHERE video_id = ? AND NOT {OF_USER}", (video_id,))
        connection.executemany(
            """INSERT OR IGNORE INTO video_tags (video_id, kind, tag, passage_id)
            SELECT ?, ?, ?, id FROM passages WHERE id = ? AND video_id = ?""",
            [
                (video_id, tag.kind, storable(tag.tag), passage_id, video_id)
                for tag in video_tags
                for passage_id in tag.citations
            ],
        )
        connection.execute(
            "UPDATE videos SET event_type = ?, excitement = ?, understood = ? WHERE id = ?",
            (storable(event_type) or None, excitement, _count_evidence(library, video_id), video_id),
        )


def add_frame_tags(library: Library, tags_: Iterable[tuple[int, str]]) -> None:
    """Add tags to frames: pairs of frame id and tag."""
    with library.writing() as connection:
        connection.executemany(
            "INSERT OR IGNORE INTO tags (frame_id, tag) VALUES (?, ?)",
            [(frame_id, storable(tag)) for frame_id, tag in tags_],
        )


def tags(library: Library, video_id: int) -> list[VideoTag]:
    """List the tags of a video, most citations first."""
    rows = library.rows(
        """SELECT kind, tag, json_group_array(passage_id) AS grounds FROM video_tags WHERE video_id = ?
        GROUP BY kind, tag ORDER BY count(*) DESC, kind, tag""",
        video_id,
    )
    return [VideoTag(TagKind(row["kind"]), row["tag"], tuple(sorted(json.loads(row["grounds"])))) for row in rows]


def event_of(library: Library, video_id: int) -> tuple[str | None, float | None]:
    """Return event type and excitement (0 to 1) of a video."""
    row = library.row("SELECT event_type, excitement FROM videos WHERE id = ?", video_id)
    return (None, None) if row is None else (row["event_type"], row["excitement"])


def frame_words(library: Library, video_id: int) -> list[tuple[TagKind, str, int]]:
    """List tags, objects and places named in frames of a video, with the id of the citing passage."""
    rows = library.rows(
        """SELECT passages.id AS passage_id, tags.tag AS word, 'tag' AS kind FROM tags
          JOIN passages ON passages.frame_id = tags.frame_id AND passages.kind = 'scene' AND visible
          WHERE passages.video_id = ?1
        UNION ALL SELECT passages.id, named.value, 'object' FROM passages
          JOIN frames ON frames.id = passages.frame_id, json_each(frames.facts, '$.objects') AS named
          WHERE passages.video_id = ?1 AND passages.kind = 'scene' AND visible
        UNION ALL SELECT passages.id, json_extract(frames.facts, '$.setting'), 'place' FROM passages
          JOIN frames ON frames.id = passages.frame_id
          WHERE passages.video_id = ?1 AND passages.kind = 'scene' AND visible
            AND json_extract(frames.facts, '$.setting') IS NOT NULL
        ORDER BY 1""",
        video_id,
    )
    return [(TagKind(row["kind"]), str(row["word"]), row["passage_id"]) for row in rows]


def frame_events(library: Library, video_id: int) -> list[str]:
    """List the event types named by the vision model in frames of a video."""
    rows = library.rows(
        "SELECT json_extract(facts, '$.event_type') AS event FROM frames WHERE video_id = ? AND event IS NOT NULL",
        video_id,
    )
    return [str(row["event"]).lower() for row in rows]


# ------------------------------------------------------------ summary and chapters


def store_summary(
    library: Library, video_id: int, whole: Chapter, parts: Sequence[Chapter], provenance: Provenance
) -> None:
    """Replace summary and chapters of a video. Nest `jobs.finish` in the same transaction."""
    with library.writing() as connection:
        passages.delete_of_kind(library, video_id, PassageKind.SUMMARY)
        for chapter in (whole, *parts):
            passage = Passage(
                start=chapter.start,
                end=chapter.end,
                kind=PassageKind.SUMMARY,
                text=chapter.text,
                engine=provenance.engine,
                model=provenance.model,
                prompt_version=provenance.prompt_version,
            )
            for passage_id in passages.add(library, video_id, [passage], digest=provenance.digest):
                connection.executemany(
                    "INSERT OR IGNORE INTO grounds (passage_id, rests_on) SELECT ?, id FROM passages WHERE id = ?",
                    [(passage_id, ground) for ground in chapter.citations],
                )
                if chapter is not whole:
                    connection.execute(
                        "INSERT INTO chapters (video_id, passage_id, title, excitement) VALUES (?, ?, ?, ?)",
                        (video_id, passage_id, storable(chapter.title), chapter.excitement),
                    )
        connection.execute(
            "UPDATE videos SET understood = ? WHERE id = ?", (_count_evidence(library, video_id), video_id)
        )


def chapters(library: Library, video_id: int) -> list[Chapter]:
    """List the chapters of a video in order of time: none without summary, or for a short video."""
    rows = library.rows(
        """SELECT passages.start, passages."end", title, text, excitement,
          (SELECT json_group_array(rests_on) FROM grounds WHERE passage_id = passages.id) AS grounds
        FROM chapters JOIN passages ON passages.id = passage_id WHERE chapters.video_id = ? ORDER BY passages.start""",
        video_id,
    )
    return [
        Chapter(row[0], row[1], row["title"], row["text"], tuple(sorted(json.loads(row["grounds"]))), row["excitement"])
        for row in rows
    ]


_EVIDENCE_SQL = sql_list(EVIDENCE)


def _count_evidence(library: Library, video_id: int) -> int:
    return library.number(
        f"SELECT count(*) FROM passages WHERE video_id = ? AND visible AND kind IN {_EVIDENCE_SQL}", video_id
    )


def _to_json(answer: SectionAnswer) -> str:
    """Serialize an answer; the key `rests_on` is part of the file format."""
    data = asdict(answer)
    data["rests_on"] = data.pop("citations")
    return json.dumps(data, ensure_ascii=False)


def _answer(stored: str) -> SectionAnswer:
    values = json.loads(stored)
    words = tuple((TagKind(kind), word) for kind, word in values.pop("words"))
    return SectionAnswer(words=words, citations=tuple(values.pop("rests_on")), **values)
