"""The page docs/schema.md: tables of the library from the database itself, their relations, and useful queries."""

import re
import sqlite3

from vidlocal.store.database import SCHEMA_VERSION
from vidlocal.store.schema import current

HEAD = f"""# Schema

This page is generated from the database: `python docs/generate.py`. Schema version {SCHEMA_VERSION}.

A library is one SQLite file, `library.db` in the data directory, and a folder of JPEG images beside it. Open it with
any SQLite tool, such as `sqlite3`, Datasette or sqlite-utils; reading is safe at any time, also during `enrich`. Change
nothing but tables of your own: those vidlocal leaves alone.

Times and durations are seconds of the video. `*_at` are UTC, ISO 8601. Vectors are little-endian float32, unit length.
"""

TABLES = {
    "videos": "One row per file content. `enrichment_status` follows the jobs by triggers.",
    "sidecars": "Subtitle and metadata files beside a video, with the stamps to recognise a change.",
    "copies": "Every path of a video, with the stamp to recognise an unchanged file.",
    "frames": "Sampled frames. `same_as`: the earlier frame this one nearly repeats; then `image` is NULL. "
    "`facts`: JSON answers of the vision model.",
    "passages": "Text about a span of a video: the only thing full-text search reads. `folded`: the text as the "
    "full-text indexes hold it, unless that is lower(text). `visible` is 0 until the canary check after a description.",
    "word_times": "Times of the words of transcribed passages, packed (see vidlocal/store/content/word_times.py).",
    "speech_drafts": "Parts of a new transcript, JSON, until it is whole and replaces the old one.",
    "speakers": "Who speaks, over all videos. `name` is NULL until it is known. Deleted with the last voice.",
    "voices": "A speaker in one video: by turns, with the vector of `model`, or by a name in a transcript (`label`).",
    "turns": "Spans in which a voice speaks.",
    "passage_speakers": "The voice that says a passage.",
    "speaker_changes": "The last names, merges and splits of speakers, for `vidlocal speakers undo`.",
    "judgements": "Cache of `search --deep`: probability of a text matching a query, by a model. No words.",
    "telemetry": "Readings of a drone or a dashcam, one per second: values by name, as JSON.",
    "people": "Who is seen, over all videos. `name` is NULL until it is known. Deleted with the last track.",
    "face_tracks": "A face in a shot, with the vector of `model`. `is_confirmed`: given to its person by hand.",
    "faces": "The faces of a track on frames: boxes as fractions of the frame.",
    "face_exclusions": "People whom a face is not, as said by hand.",
    "person_vectors": "Cached sums of the vectors of people.",
    "people_changes": "The last changes of people by hand, for `vidlocal people undo`.",
    "vectors": "Embeddings of passages by model (`name@digest`).",
    "windows": "Embeddings of neighbouring lines together, from passage to passage, by model.",
    "frame_vectors": "CLIP embeddings of frames by model.",
    "jobs": "The queue: `queued`, `running` (leased by a process), `done`, `failed`.",
    "checkpoints": "Position of interrupted jobs within a video.",
    "tags": "Tags of single frames.",
    "video_tags": "Tags of videos, each with a passage that mentions it. Those of `metadata`: by other programs.",
    "vocabulary": "Canonical tag of each normalized word.",
    "sections": "Answers of the text model about parts of a video, the basis of tags and summaries.",
    "chapters": "Titled spans of a video; the text is a passage.",
    "grounds": "Passages cited by a summary or chapter.",
    "searches": "Search history, for the order of the deep pass.",
    "query_vectors": "Cached CLIP embeddings of queries.",
    "looks": "Cached answers of `search --look`.",
    "runs": "Stored reports of the deep pass, JSON.",
    "measures": "Key-value facts, such as the measured seconds per frame.",
    "passage_words": "Full-text index of words (FTS5, Porter stemmer).",
    "passage_grams": "Full-text index of trigrams, for scripts without spaces and parts of words.",
    "passage_vocabulary": "Terms of the word index, for spelling.",
}

QUERIES = (
    (
        "Everything said about weddings",
        "SELECT title, start, text FROM passages JOIN videos ON videos.id = video_id "
        "WHERE passages.kind = 'speech' AND text LIKE '%wedding%' ORDER BY title, start",
    ),
    (
        "Full-text search",
        "SELECT title, start, passages.text FROM passage_words JOIN passages ON passages.id = passage_words.rowid "
        "JOIN videos ON videos.id = video_id WHERE passage_words MATCH 'bride aisle' "
        "ORDER BY passage_words.rank LIMIT 10",
    ),
    (
        "Hours of video per year",
        "SELECT substr(recorded_at, 1, 4) AS year, round(sum(duration) / 3600, 1) AS hours "
        "FROM videos GROUP BY year ORDER BY year",
    ),
    (
        "Progress per video",
        "SELECT title, sum(state = 'done') AS done, count(*) AS jobs FROM jobs "
        "JOIN videos ON videos.id = video_id GROUP BY video_id ORDER BY done * 1.0 / jobs",
    ),
    (
        "Most frequent tags",
        "SELECT tag, count(DISTINCT video_id) AS videos FROM video_tags GROUP BY tag ORDER BY videos DESC LIMIT 20",
    ),
    (
        "Failed jobs and reasons",
        "SELECT title, jobs.kind, last_error FROM jobs JOIN videos ON videos.id = video_id WHERE state = 'failed'",
    ),
    (
        "Notes and corrections by people",
        "SELECT title, start, text FROM passages JOIN videos ON videos.id = video_id "
        "WHERE engine = 'you' ORDER BY passages.created_at DESC",
    ),
    (
        "Files with several copies",
        "SELECT title, group_concat(copies.path, ' | ') AS paths FROM copies "
        "JOIN videos ON videos.id = video_id GROUP BY video_id HAVING count(*) > 1",
    ),
    (
        "Images of a video with their captions",
        "SELECT time, image, local_description FROM enriched_frames WHERE video_id = 1 ORDER BY time",
    ),
    (
        "Words spoken per language",
        "SELECT language, sum(length(text) - length(replace(text, ' ', '')) + 1) AS words "
        "FROM passages WHERE kind = 'speech' GROUP BY language ORDER BY words DESC",
    ),
)

_REFERENCE = re.compile(r"^\s*(\w+) .*REFERENCES (\w+)\((\w+)\)", re.M)


def schema_page() -> str:
    """Build the page. Raises SystemExit for an undescribed table or a failing query."""
    schema = current()
    tables = {name: sql for (kind, name), sql in sorted(schema.items()) if kind == "table" and not _is_shadow(name)}
    missing = sorted(tables.keys() ^ TABLES.keys())
    if missing:
        raise SystemExit(f"docs/schema_page.py describes other tables than there are: {', '.join(missing)}")
    parts = [HEAD, "## Tables\n", "| table | content |", "| --- | --- |"]
    parts += [f"| [{name}](#{name}) | {TABLES[name]} |" for name in TABLES]
    parts += ["", "## Relations\n"]
    parts += [
        f"- `{name}.{column}` → `{target}.{key}`"
        for name in TABLES
        for column, target, key in _REFERENCE.findall(tables[name])
    ]
    parts += ["", "## Useful queries\n"]
    for title, query in QUERIES:
        _require_valid(schema, query)
        parts += [f"{title}:\n", f"```sql\n{query};\n```\n"]
    for name in TABLES:
        parts += [f"## {name}\n", f"{TABLES[name]}\n", f"```sql\n{tables[name]};\n```\n"]
    view = schema["view", "enriched_frames"]
    parts += ["## enriched_frames\n", "View of frames with their captions.\n", f"```sql\n{view};\n```\n"]
    return "\n".join(parts)


def _is_shadow(name: str) -> bool:
    """True for the tables FTS5 keeps behind an index."""
    return name.endswith(("_config", "_data", "_docsize", "_idx"))


def _require_valid(schema: dict[tuple[str, str], str], query: str) -> None:
    connection = sqlite3.connect(":memory:")
    try:
        for (kind, name), sql in sorted(schema.items(), key=lambda item: item[0][0] != "table"):
            if kind in ("table", "view") and not _is_shadow(name):
                connection.execute(sql)
        connection.execute(query)
    except sqlite3.Error as error:
        raise SystemExit(f"A query of docs/schema_page.py fails: {error}: {query}") from error
    finally:
        connection.close()
