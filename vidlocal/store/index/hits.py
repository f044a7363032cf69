"""Reads for search: hits, their videos, and a consistent snapshot of the library."""

import json
import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from vidlocal.folding import fold
from vidlocal.geography import GeoPoint, distance_km
from vidlocal.moments import VideoRef
from vidlocal.records import Hit, PassageKind
from vidlocal.store.database import Library
from vidlocal.store.index.search_filter import NO_FILTER, SearchFilter
from vidlocal.store.index.speaker_names import PASSAGE_SPEAKER

# One look-up in the index per tag, not per row: a library has far fewer tags than tagged frames.
_DISTINCT_TAGS = """WITH RECURSIVE distinct_tags(tag) AS (
  SELECT min(tag) FROM {0} UNION ALL
  SELECT (SELECT min(tag) FROM {0} WHERE tag > distinct_tags.tag) FROM distinct_tags WHERE tag IS NOT NULL)
SELECT tag FROM distinct_tags WHERE tag IS NOT NULL"""


@contextmanager
def snapshot(library: Library) -> Iterator[None]:
    """Read a consistent state of the library throughout the block, despite concurrent writes."""
    if library.connection.in_transaction:
        yield
        return
    library.row("BEGIN")
    try:
        yield
    finally:
        library.connection.rollback()


def read(library: Library, scores: Mapping[int, float], search_filter: SearchFilter = NO_FILTER) -> list[Hit]:
    """Return the visible passages of `scores` (by passage id) matching a filter as hits, in the same order.

    Skips deleted passages, and those of videos whose file was replaced.
    """
    condition, values = search_filter.condition()
    rows = library.rows(
        f"""SELECT id, video_id, start, "end", kind, text, {PASSAGE_SPEAKER} AS speaker FROM passages
        WHERE visible AND id IN (SELECT value FROM json_each(?))
          AND video_id NOT IN (SELECT id FROM videos WHERE replaced_at IS NOT NULL){condition}""",
        json.dumps(list(scores)),
        *values,
    )
    hits = {
        row["id"]: Hit(
            passage_id=row["id"],
            video_id=row["video_id"],
            start=row["start"],
            end=row["end"],
            kind=PassageKind(row["kind"]),
            text=row["text"],
            score=scores[row["id"]],
            speaker=row["speaker"],
        )
        for row in rows
    }
    return [hits[passage_id] for passage_id in scores if passage_id in hits]


def replaced_videos(library: Library) -> frozenset[int]:
    """Return the ids of videos with a replaced file."""
    rows = library.rows("SELECT id FROM videos WHERE replaced_at IS NOT NULL")
    return frozenset(row["id"] for row in rows)


def list_ids(library: Library, search_filter: SearchFilter, *, limit: int) -> list[int]:
    """List at most `limit` ids of visible passages matching a filter, in order of video and time."""
    condition, values = search_filter.condition()
    sql = f"SELECT id FROM passages WHERE visible{condition} ORDER BY video_id, start, id LIMIT ?"
    return [row["id"] for row in library.rows(sql, *values, limit)]


def videos_named(library: Library, text: str) -> frozenset[int]:
    """Return the ids of the videos with this text in title or file name, or with this number as id."""
    part = fold(text)
    if not part:
        return frozenset()
    return frozenset(
        row["id"]
        for row in _name_candidates(library, part)
        if str(row["id"]) == text
        or part in fold(row["title"])
        or part in fold(os.path.basename(os.fsdecode(row["path"])))
    )


def videos_at(library: Library, text: str) -> frozenset[int]:
    """Return the ids of the videos recorded in a city or country, or seen at a kind of place, such as a beach.

    A name may go on after the text: `new york` finds New York City.
    """
    part = fold(text)
    if not part:
        return frozenset()
    recorded = library.rows("SELECT id, place_names FROM videos WHERE place_names IS NOT NULL")
    named = {
        row["id"] for row in recorded if any(_begins_with(fold(name), part) for name in row["place_names"].splitlines())
    }
    tags = library.rows("SELECT DISTINCT video_id, tag FROM video_tags WHERE kind = 'place'")
    return frozenset(named | {row["video_id"] for row in tags if _begins_with(fold(row["tag"]), part)})


def videos_near(library: Library, point: GeoPoint, radius_km: float) -> frozenset[int]:
    """Return the ids of the videos recorded within a distance of a point."""
    rows = library.rows(
        "SELECT id, latitude, longitude FROM videos WHERE latitude IS NOT NULL AND longitude IS NOT NULL"
    )
    return frozenset(
        row["id"] for row in rows if distance_km(point, GeoPoint(row["latitude"], row["longitude"])) <= radius_km
    )


def videos_by_camera(library: Library, text: str) -> frozenset[int]:
    """Return the ids of the videos recorded with a camera with this text in maker or model."""
    part = fold(text)
    rows = library.rows("SELECT id, camera FROM videos WHERE camera IS NOT NULL") if part else ()
    return frozenset(row["id"] for row in rows if part in fold(row["camera"]))


def list_videos(library: Library, search_filter: SearchFilter, *, limit: int) -> list[sqlite3.Row]:
    """Select id, title, path and duration of at most `limit` videos matching a filter on whole videos, by id."""
    condition, values = search_filter.condition()
    return library.rows(
        f"""SELECT id, title, path, duration FROM videos WHERE replaced_at IS NULL AND id IN (
          SELECT video_id FROM (SELECT id AS video_id, 0.0 AS start FROM videos) AS passages WHERE true{condition})
        ORDER BY id LIMIT ?""",
        *values,
        limit,
    )


def _begins_with(name: str, part: str) -> bool:
    """Return True if a name begins with whole words."""
    return name == part or name.startswith((f"{part} ", f"{part}-", f"{part},"))


def tag_spellings(library: Library, tag: str) -> frozenset[str]:
    """Return all tags with the same folded form as `tag`, and the tags of such synonyms."""
    folded = fold(tag)
    names = [row["tag"] for table in ("tags", "video_tags") for row in library.rows(_DISTINCT_TAGS.format(table))]
    synonyms = library.rows("SELECT form, tag FROM vocabulary")
    return frozenset(stored for form, stored in (*zip(names, names, strict=True), *synonyms) if fold(form) == folded)


def _name_candidates(library: Library, text: str) -> list[sqlite3.Row]:
    """Preselect videos in SQL, in a tenth of the time for 280,000 titles.

    SQLite folds only ASCII case: titles and paths with other letters are always selected.
    """
    columns = "SELECT id, title, path FROM videos"
    if not text.isascii():
        return library.rows(columns)
    return library.rows(
        f"""{columns} WHERE instr(lower(title), ?1) OR instr(lower(path), ?1) OR CAST(id AS TEXT) = ?1
          OR length(title) < length(CAST(title AS BLOB)) OR length(path) < length(CAST(path AS BLOB))
          OR typeof(path) = 'blob'""",
        text,
    )


def videos_with_words(library: Library, terms: Sequence[str]) -> list[sqlite3.Row]:
    """Select id, title, path and duration of videos with all terms (folded) in title or path.

    Videos with other than ASCII letters are always selected, since SQLite folds ASCII case only.
    """
    condition = " AND ".join("(instr(lower(title), ?) OR instr(lower(path), ?))" for _ in terms) or "0"
    return library.rows(
        f"""SELECT id, title, path, duration FROM videos WHERE replaced_at IS NULL AND ({condition}
          OR length(title) < length(CAST(title AS BLOB)) OR length(path) < length(CAST(path AS BLOB))
          OR typeof(path) = 'blob') ORDER BY id""",
        *(term for term in terms for _ in range(2)),
    )


def video_refs(library: Library, video_ids: Collection[int]) -> dict[int, VideoRef]:
    """Return titles and paths of videos by id."""
    rows = library.rows(
        "SELECT id, title, path FROM videos WHERE id IN (SELECT value FROM json_each(?))",
        json.dumps(sorted(video_ids)),
    )
    return {row["id"]: VideoRef(row["title"], os.fsdecode(row["path"])) for row in rows}
