"""The schema, as numbered steps. Append only: a released step never changes.

`PRAGMA user_version` holds the number of applied steps. It tells a current library (no import of this module) from an
older one (migrate) and a newer one (refuse).
"""

import sqlite3

from sqlite_utils import Database, Migrations

from vidlocal.folding import differing_fold

migrations = Migrations("vidlocal")

_TABLES = """
CREATE TABLE videos (
  id INTEGER PRIMARY KEY,
  content_hash TEXT NOT NULL UNIQUE,
  path TEXT NOT NULL,
  title TEXT NOT NULL,
  kind TEXT NOT NULL,
  duration REAL NOT NULL,
  width_px INTEGER NOT NULL,
  height_px INTEGER NOT NULL,
  codecs TEXT NOT NULL,
  rotation INTEGER NOT NULL,
  recorded_at TEXT,
  added_at TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  language TEXT,
  event_type TEXT,
  excitement REAL,
  partial TEXT,
  enrichment_status TEXT NOT NULL DEFAULT 'enriched'
);
CREATE TABLE copies (
  id INTEGER PRIMARY KEY,
  video_id INTEGER NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
  path TEXT NOT NULL UNIQUE,
  size_bytes INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  inode INTEGER NOT NULL
);
CREATE INDEX copies_of_video ON copies(video_id);
CREATE TABLE frames (
  id INTEGER PRIMARY KEY,
  video_id INTEGER NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
  time REAL NOT NULL,
  shot INTEGER NOT NULL,
  image TEXT,
  image_crc INTEGER, -- CRC-32 of the image file, as it was published
  dhash INTEGER NOT NULL,
  same_as INTEGER REFERENCES frames(id) ON DELETE CASCADE,
  rank INTEGER,
  novelty REAL NOT NULL DEFAULT 0,
  facts TEXT NOT NULL DEFAULT '{}',
  enriched_at TEXT,
  UNIQUE (video_id, time)
);
CREATE INDEX frames_same_as ON frames(same_as) WHERE same_as IS NOT NULL;
CREATE TABLE passages (
  id INTEGER PRIMARY KEY,
  video_id INTEGER NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
  frame_id INTEGER REFERENCES frames(id) ON DELETE CASCADE,
  start REAL NOT NULL,
  "end" REAL NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL,
  language TEXT,
  engine TEXT,
  model TEXT,
  digest TEXT,
  prompt_version TEXT,
  visible INTEGER NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL
);
CREATE INDEX passages_of_video ON passages(video_id, start);
CREATE INDEX passages_of_frame ON passages(frame_id) WHERE frame_id IS NOT NULL;
CREATE TABLE tags (
  id INTEGER PRIMARY KEY,
  frame_id INTEGER NOT NULL REFERENCES frames(id) ON DELETE CASCADE,
  tag TEXT NOT NULL,
  UNIQUE (frame_id, tag)
);
CREATE INDEX tags_by_tag ON tags(tag);
CREATE TABLE vectors (
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: the mirror of the vectors counts on it
  passage_id INTEGER NOT NULL REFERENCES passages(id) ON DELETE CASCADE,
  model TEXT NOT NULL,
  vector BLOB NOT NULL,
  UNIQUE (passage_id, model)
);
CREATE INDEX vectors_by_model ON vectors(model);
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  target INTEGER NOT NULL,
  video_id INTEGER NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
  state TEXT NOT NULL DEFAULT 'queued',
  priority REAL NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  losses INTEGER NOT NULL DEFAULT 0,
  not_before REAL NOT NULL DEFAULT 0,
  lease REAL NOT NULL DEFAULT 0,
  worker TEXT,
  last_error TEXT,
  fault TEXT,
  updated_at TEXT NOT NULL,
  UNIQUE (kind, target)
);
CREATE INDEX jobs_to_claim ON jobs(kind, state, priority DESC, id);
CREATE INDEX jobs_of_video ON jobs(video_id, state);
CREATE TABLE checkpoints (
  id INTEGER PRIMARY KEY,
  video_id INTEGER NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
  step TEXT NOT NULL,
  until REAL NOT NULL,
  UNIQUE (video_id, step)
);
CREATE TABLE searches (
  id INTEGER PRIMARY KEY,
  query TEXT NOT NULL,
  hits INTEGER NOT NULL,
  found TEXT NOT NULL DEFAULT '[]', -- [[video, start, end], ...]
  at TEXT NOT NULL
);
CREATE TABLE measures (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  value TEXT NOT NULL
);
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  started_at TEXT NOT NULL,
  ended_at TEXT NOT NULL,
  report TEXT NOT NULL
);
CREATE VIEW enriched_frames AS
SELECT frames.id AS frame_id, frames.video_id, frames.time, frames.shot, source.image,
  (SELECT text FROM passages WHERE frame_id = source.id AND kind = 'scene'
    ORDER BY id DESC LIMIT 1) AS local_description,
  (SELECT json_group_array(tag) FROM tags WHERE frame_id = source.id) AS local_tags,
  source.enriched_at
FROM frames JOIN frames AS source ON source.id = coalesce(frames.same_as, frames.id);
"""

# External-content indexes store the text once. remove_diacritics 2 folds accents (José = jose).
_TEXT_INDEX = """
CREATE VIRTUAL TABLE passage_words USING fts5(
  text, content='passages', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE passage_grams USING fts5(
  text, content='passages', content_rowid='id', tokenize='trigram');
CREATE VIRTUAL TABLE passage_vocabulary USING fts5vocab('passage_words', 'row');
CREATE TRIGGER passages_added AFTER INSERT ON passages BEGIN
  INSERT INTO passage_words(rowid, text) VALUES (new.id, new.text);
  INSERT INTO passage_grams(rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER passages_removed AFTER DELETE ON passages BEGIN
  INSERT INTO passage_words(passage_words, rowid, text) VALUES ('delete', old.id, old.text);
  INSERT INTO passage_grams(passage_grams, rowid, text) VALUES ('delete', old.id, old.text);
END;
CREATE TRIGGER passages_changed AFTER UPDATE OF text ON passages BEGIN
  INSERT INTO passage_words(passage_words, rowid, text) VALUES ('delete', old.id, old.text);
  INSERT INTO passage_grams(passage_grams, rowid, text) VALUES ('delete', old.id, old.text);
  INSERT INTO passage_words(rowid, text) VALUES (new.id, new.text);
  INSERT INTO passage_grams(rowid, text) VALUES (new.id, new.text);
END;
"""

# Enrichment status of a video by its jobs. {video} is an SQL expression for its id.
_STATUS = """CASE
  WHEN EXISTS (SELECT 1 FROM jobs WHERE video_id = {video} AND state = 'running')
    THEN 'enriching'
  WHEN NOT EXISTS (SELECT 1 FROM jobs WHERE video_id = {video} AND state = 'queued')
    THEN 'enriched'
  WHEN EXISTS (SELECT 1 FROM jobs
    WHERE video_id = {video} AND state = 'done' AND kind = 'describe') THEN 'enriching'
  ELSE 'pending' END"""
STATUS = _STATUS.format(video="videos.id")

# Kept by triggers, the status cannot be "enriched" while a job is queued.
_STATUS_OF = f"""
UPDATE videos SET enrichment_status = {_STATUS.format(video="{row}.video_id")}
WHERE id = {{row}}.video_id;
"""

_STATUS_TRIGGERS = f"""
CREATE TRIGGER jobs_added AFTER INSERT ON jobs BEGIN {_STATUS_OF.format(row="new")} END;
CREATE TRIGGER jobs_moved AFTER UPDATE OF state ON jobs WHEN new.state <> old.state
  BEGIN {_STATUS_OF.format(row="new")} END;
CREATE TRIGGER jobs_removed AFTER DELETE ON jobs BEGIN {_STATUS_OF.format(row="old")} END;
"""


def _run(database: Database, script: str) -> None:
    """Execute every statement of `script` in the caller's transaction (`executescript` would commit)."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            database.conn.execute(statement)
            statement = ""


@migrations()
def first_library(database: Database) -> None:
    """Create videos, frames, passages, the text index and the queue."""
    _run(database, _TABLES)
    _run(database, _TEXT_INDEX)
    _run(database, _STATUS_TRIGGERS)
    database.conn.execute("PRAGMA user_version = 1")


# Answers of the text model about a whole video. `grounds` are the citations of a summary; a tag has one row per citing
# passage. `understood` is the number of passages behind the current tags and summary.
_UNDERSTANDING = """
ALTER TABLE videos ADD COLUMN understood INTEGER NOT NULL DEFAULT 0;
CREATE TABLE sections (
  id INTEGER PRIMARY KEY,
  video_id INTEGER NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  start REAL NOT NULL,
  "end" REAL NOT NULL,
  fingerprint TEXT NOT NULL,
  answer TEXT NOT NULL,
  excitement REAL,
  model TEXT NOT NULL,
  digest TEXT NOT NULL,
  prompt_version TEXT NOT NULL,
  UNIQUE (video_id, number)
);
CREATE TABLE chapters (
  id INTEGER PRIMARY KEY,
  video_id INTEGER NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
  passage_id INTEGER NOT NULL UNIQUE REFERENCES passages(id) ON DELETE CASCADE,
  title TEXT NOT NULL,
  excitement REAL
);
CREATE INDEX chapters_of_video ON chapters(video_id);
CREATE TABLE grounds (
  id INTEGER PRIMARY KEY,
  passage_id INTEGER NOT NULL REFERENCES passages(id) ON DELETE CASCADE,
  rests_on INTEGER NOT NULL REFERENCES passages(id) ON DELETE CASCADE,
  UNIQUE (passage_id, rests_on)
);
CREATE INDEX grounds_by_passage ON grounds(rests_on);
CREATE TABLE video_tags (
  id INTEGER PRIMARY KEY,
  video_id INTEGER NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  tag TEXT NOT NULL,
  passage_id INTEGER NOT NULL REFERENCES passages(id) ON DELETE CASCADE,
  UNIQUE (video_id, kind, tag, passage_id)
);
CREATE INDEX video_tags_by_tag ON video_tags(tag);
CREATE INDEX video_tags_by_passage ON video_tags(passage_id);
CREATE INDEX passages_hidden ON passages(video_id) WHERE NOT visible;
CREATE TABLE vocabulary (
  id INTEGER PRIMARY KEY,
  form TEXT NOT NULL UNIQUE,
  tag TEXT NOT NULL
);
"""


_PLAN_TO_UNDERSTAND = """
INSERT INTO jobs (kind, target, video_id, updated_at)
  SELECT 'tag', id, id, strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now') FROM videos;
INSERT INTO jobs (kind, target, video_id, updated_at)
  SELECT 'summarise', id, id, strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now') FROM videos WHERE kind <> 'photo';
"""


@migrations()
def understanding(database: Database) -> None:
    """Create sections, chapters, video tags and the vocabulary."""
    _run(database, _UNDERSTANDING)
    _run(database, _PLAN_TO_UNDERSTAND)
    database.conn.execute("PRAGMA user_version = 2")


# Answers of the vision model when a search reranks frames.
_LOOKS = """
CREATE TABLE looks (
  id INTEGER PRIMARY KEY,
  frame_id INTEGER NOT NULL REFERENCES frames(id) ON DELETE CASCADE,
  digest TEXT NOT NULL,
  version TEXT NOT NULL,
  question TEXT NOT NULL,
  shows INTEGER NOT NULL,
  what TEXT NOT NULL,
  at TEXT NOT NULL,
  UNIQUE (frame_id, digest, version, question)
);
"""


@migrations()
def second_looks(database: Database) -> None:
    """Create the cache of second looks."""
    _run(database, _LOOKS)
    database.conn.execute("PRAGMA user_version = 3")


# Image embeddings of distinct frames: '<f4', unit length.
_FRAME_VECTORS = """
CREATE TABLE frame_vectors (
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice, so that what is newer than a copy can be told
  frame_id INTEGER NOT NULL REFERENCES frames(id) ON DELETE CASCADE,
  model TEXT NOT NULL,
  vector BLOB NOT NULL,
  UNIQUE (frame_id, model)
);
CREATE INDEX frame_vectors_by_model ON frame_vectors(model);
"""


@migrations()
def picture_vectors(database: Database) -> None:
    """Create frame vectors."""
    _run(database, _FRAME_VECTORS)
    database.conn.execute("PRAGMA user_version = 4")


# Text embeddings of image queries: loading the model for one query takes longer than the search.
_QUERY_VECTORS = """
CREATE TABLE query_vectors (
  id INTEGER PRIMARY KEY,
  model TEXT NOT NULL,
  query TEXT NOT NULL,
  vector BLOB NOT NULL,
  UNIQUE (model, query)
);
"""


@migrations()
def remembered_queries(database: Database) -> None:
    """Create the cache of query vectors."""
    _run(database, _QUERY_VECTORS)
    database.conn.execute("PRAGMA user_version = 5")


# Tables whose ids are remembered elsewhere: by an answer under way, by a printed moment, by past searches.
_NEVER_REUSED = ("videos", "frames", "passages", "jobs")


@migrations()
def unique_ids(database: Database) -> None:
    """Never use an id again after its row is deleted.

    AUTOINCREMENT changes no row, only the statement in the schema, so the tables need not be copied: a change of the
    kind that SQLite's documentation of ALTER TABLE allows with `writable_schema`.
    """
    connection = database.conn
    connection.execute("PRAGMA writable_schema = ON")
    for table in _NEVER_REUSED:
        connection.execute(
            """UPDATE sqlite_master SET sql = replace(sql, 'id INTEGER PRIMARY KEY,',
              'id INTEGER PRIMARY KEY AUTOINCREMENT,') WHERE type = 'table' AND name = ?""",
            (table,),
        )
    (version,) = connection.execute("PRAGMA schema_version").fetchone()
    connection.execute(f"PRAGMA schema_version = {version + 1}")
    connection.execute("PRAGMA writable_schema = RESET")
    for table in _NEVER_REUSED:
        connection.execute(
            f"INSERT INTO sqlite_sequence (name, seq) SELECT '{table}', coalesce(max(id), 0) FROM {table}"
        )
    connection.execute("PRAGMA user_version = 6")


# Text as the full-text indexes hold it, where it is not just lower(text). Vowel signs belong to their word.
_FOLDED_TEXT_INDEX = """
DROP TRIGGER passages_added;
DROP TRIGGER passages_removed;
DROP TABLE passage_vocabulary;
DROP TABLE passage_words;
DROP TABLE passage_grams;
CREATE VIEW passage_texts AS SELECT id, coalesce(folded, text) AS text FROM passages;
CREATE VIRTUAL TABLE passage_words USING fts5(
  text, content='passage_texts', content_rowid='id',
  tokenize="porter unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'");
CREATE VIRTUAL TABLE passage_grams USING fts5(
  text, content='passage_texts', content_rowid='id', tokenize='trigram');
CREATE VIRTUAL TABLE passage_vocabulary USING fts5vocab('passage_words', 'row');
CREATE TRIGGER passages_added AFTER INSERT ON passages BEGIN
  INSERT INTO passage_words(rowid, text) VALUES (new.id, coalesce(new.folded, new.text));
  INSERT INTO passage_grams(rowid, text) VALUES (new.id, coalesce(new.folded, new.text));
END;
CREATE TRIGGER passages_removed AFTER DELETE ON passages BEGIN
  INSERT INTO passage_words(passage_words, rowid, text) VALUES ('delete', old.id, coalesce(old.folded, old.text));
  INSERT INTO passage_grams(passage_grams, rowid, text) VALUES ('delete', old.id, coalesce(old.folded, old.text));
END;
CREATE TRIGGER passages_changed AFTER UPDATE OF text, folded ON passages BEGIN
  INSERT INTO passage_words(passage_words, rowid, text) VALUES ('delete', old.id, coalesce(old.folded, old.text));
  INSERT INTO passage_grams(passage_grams, rowid, text) VALUES ('delete', old.id, coalesce(old.folded, old.text));
  INSERT INTO passage_words(rowid, text) VALUES (new.id, coalesce(new.folded, new.text));
  INSERT INTO passage_grams(rowid, text) VALUES (new.id, coalesce(new.folded, new.text));
END;
INSERT INTO passage_words(passage_words) VALUES ('rebuild');
INSERT INTO passage_grams(passage_grams) VALUES ('rebuild');
"""


@migrations()
def folded_texts(database: Database) -> None:
    """Index folded texts, and rebuild the text indexes."""
    connection = database.conn
    connection.execute("DROP TRIGGER passages_changed")
    connection.execute("ALTER TABLE passages ADD COLUMN folded TEXT")
    texts = connection.execute("SELECT id, text FROM passages WHERE length(text) < length(CAST(text AS BLOB))")
    updates = ((folded, row_id) for row_id, text in texts if (folded := differing_fold(text)) is not None)
    connection.executemany("UPDATE passages SET folded = ? WHERE id = ?", list(updates))
    _run(database, _FOLDED_TEXT_INDEX)
    connection.execute("PRAGMA user_version = 7")


# Subtitle files beside a video, as they were read.
_SIDECARS = """
CREATE TABLE sidecars (
  id INTEGER PRIMARY KEY,
  video_id INTEGER NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
  path TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  UNIQUE (video_id, path)
);
"""


@migrations()
def sidecar_stamps(database: Database) -> None:
    """Create the stamps of subtitle files."""
    _run(database, _SIDECARS)
    database.conn.execute("PRAGMA user_version = 8")


@migrations()
def replaced_videos(database: Database) -> None:
    """Mark videos with a replaced file."""
    _run(database, "ALTER TABLE videos ADD COLUMN replaced_at TEXT;\n")
    _run(database, "CREATE INDEX videos_replaced ON videos(id) WHERE replaced_at IS NOT NULL;\n")
    database.conn.execute("PRAGMA user_version = 9")


# Vectors of lines embedded together (`content.windows`), from the first to the last passage: '<f4', unit length. A
# window reaches over at most 64 ids.
_WINDOWS = """
CREATE TABLE windows (
  id INTEGER PRIMARY KEY,
  passage_id INTEGER NOT NULL REFERENCES passages(id) ON DELETE CASCADE,
  last_id INTEGER NOT NULL,
  model TEXT NOT NULL,
  vector BLOB NOT NULL,
  UNIQUE (passage_id, last_id, model)
);
CREATE TRIGGER windows_removed AFTER DELETE ON passages BEGIN
  DELETE FROM windows WHERE passage_id BETWEEN old.id - 64 AND old.id AND last_id >= old.id;
END;
CREATE TRIGGER windows_changed AFTER UPDATE OF text ON passages BEGIN
  DELETE FROM windows WHERE passage_id BETWEEN old.id - 64 AND old.id AND last_id >= old.id;
END;
"""


@migrations()
def windows(database: Database) -> None:
    """Create the vectors of windows, and queue their embedding."""
    _run(database, _WINDOWS)
    database.conn.execute(
        """UPDATE jobs SET state = 'queued', attempts = 0, losses = 0, not_before = 0 WHERE kind = 'embed'
          AND state = 'done' AND video_id IN (
            SELECT video_id FROM passages WHERE kind IN ('speech', 'subtitle', 'screen_text'))"""
    )
    database.conn.execute("PRAGMA user_version = 10")


# Times of the words of a passage (`content.word_times`). Another text has other words.
_WORD_TIMES = """
ALTER TABLE passages ADD COLUMN confidence REAL;
CREATE TABLE word_times (
  passage_id INTEGER PRIMARY KEY REFERENCES passages(id) ON DELETE CASCADE,
  times BLOB NOT NULL
);
CREATE TRIGGER word_times_outdated AFTER UPDATE OF text ON passages BEGIN
  DELETE FROM word_times WHERE passage_id = new.id;
END;
"""


@migrations()
def word_times(database: Database) -> None:
    """Create the times of words, and the confidence of passages."""
    _run(database, _WORD_TIMES)
    database.conn.execute("PRAGMA user_version = 11")


# Parts of a new transcript, until it is whole and replaces the old one (`content.speech_drafts`).
_SPEECH_DRAFTS = """
CREATE TABLE speech_drafts (
  id INTEGER PRIMARY KEY,
  video_id INTEGER NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
  digest TEXT NOT NULL,
  texts TEXT NOT NULL
);
CREATE INDEX speech_drafts_of_video ON speech_drafts(video_id);
"""


@migrations()
def speech_drafts(database: Database) -> None:
    """Create the drafts of transcripts."""
    _run(database, _SPEECH_DRAFTS)
    database.conn.execute("PRAGMA user_version = 12")


# Reports count the jobs that ended since the last one by these numbers: a clock may be set back.
_JOB_ENDS = """
ALTER TABLE jobs ADD COLUMN end_number INTEGER; -- of the last end, done or failed; they only grow
CREATE INDEX jobs_by_end ON jobs(end_number) WHERE end_number IS NOT NULL;
CREATE TRIGGER jobs_number_ends AFTER UPDATE OF state ON jobs
WHEN new.state IN ('done', 'failed') AND old.state <> new.state BEGIN
  UPDATE jobs SET end_number = (SELECT coalesce(max(end_number), 0) + 1 FROM jobs) WHERE id = new.id;
END;
"""


@migrations()
def job_ends(database: Database) -> None:
    """Number the ends of jobs."""
    _run(database, _JOB_ENDS)
    database.conn.execute("PRAGMA user_version = 13")


@migrations()
def simplified_chinese(database: Database) -> None:
    """Index Chinese texts in simplified characters."""
    connection = database.conn
    texts = connection.execute("SELECT id, text, folded FROM passages WHERE text GLOB '*[\u3400-\U0003ffff]*'")
    updates = ((fold, row_id) for row_id, text, before in texts if (fold := differing_fold(text)) != before)
    connection.executemany("UPDATE passages SET folded = ? WHERE id = ?", list(updates))
    database.conn.execute("PRAGMA user_version = 14")


# Who speaks. A voice is a speaker in one video: of a diarization, with turns and a vector ('<f4', unit length), or a
# name in a transcript, as its label. Speakers reach over videos, and end with their last voice.
_SPEAKERS = """
CREATE TABLE speakers (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT -- NULL until it is known
);
CREATE TABLE voices (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  video_id INTEGER NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
  speaker_id INTEGER NOT NULL REFERENCES speakers(id) ON DELETE CASCADE,
  label TEXT,
  model TEXT,
  vector BLOB
);
CREATE INDEX voices_of_video ON voices(video_id);
CREATE INDEX voices_of_speaker ON voices(speaker_id);
CREATE TABLE turns (
  id INTEGER PRIMARY KEY,
  voice_id INTEGER NOT NULL REFERENCES voices(id) ON DELETE CASCADE,
  start REAL NOT NULL,
  "end" REAL NOT NULL
);
CREATE INDEX turns_of_voice ON turns(voice_id, start);
CREATE TABLE passage_speakers (
  passage_id INTEGER PRIMARY KEY REFERENCES passages(id) ON DELETE CASCADE,
  voice_id INTEGER NOT NULL REFERENCES voices(id) ON DELETE CASCADE
);
CREATE INDEX passages_of_voice ON passage_speakers(voice_id);
CREATE TABLE speaker_changes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  before TEXT NOT NULL -- JSON: names by speaker, speakers by voice
);
CREATE TRIGGER voices_unused AFTER DELETE ON passage_speakers BEGIN
  DELETE FROM voices WHERE id = old.voice_id AND NOT EXISTS (SELECT 1 FROM turns WHERE voice_id = old.voice_id)
    AND NOT EXISTS (SELECT 1 FROM passage_speakers WHERE voice_id = old.voice_id);
END;
CREATE TRIGGER speakers_unused AFTER DELETE ON voices BEGIN
  DELETE FROM speakers WHERE id = old.speaker_id
    AND NOT EXISTS (SELECT 1 FROM voices WHERE speaker_id = old.speaker_id);
END;
"""


@migrations()
def speakers(database: Database) -> None:
    """Create speakers, their voices and turns."""
    _run(database, _SPEAKERS)
    database.conn.execute("PRAGMA user_version = 15")


# The condition lets SQLite take the largest number from the index: the whole table was read for every ended job.
_JOB_ENDS_BY_INDEX = """
DROP TRIGGER jobs_number_ends;
CREATE TRIGGER jobs_number_ends AFTER UPDATE OF state ON jobs
WHEN new.state IN ('done', 'failed') AND old.state <> new.state BEGIN
  UPDATE jobs SET end_number =
    1 + coalesce((SELECT end_number FROM jobs WHERE end_number IS NOT NULL ORDER BY end_number DESC LIMIT 1), 0)
  WHERE id = new.id;
END;
"""


@migrations()
def job_ends_by_index(database: Database) -> None:
    """Number the ends of jobs by the index."""
    _run(database, _JOB_ENDS_BY_INDEX)
    database.conn.execute("PRAGMA user_version = 16")


_PLACES = """
ALTER TABLE videos ADD COLUMN latitude REAL;
ALTER TABLE videos ADD COLUMN longitude REAL;
ALTER TABLE videos ADD COLUMN place TEXT;
ALTER TABLE videos ADD COLUMN place_names TEXT; -- a name per line
ALTER TABLE videos ADD COLUMN camera TEXT;
"""


@migrations()
def places(database: Database) -> None:
    """Add the place and the camera of a recording."""
    _run(database, _PLACES)
    database.conn.execute("PRAGMA user_version = 17")


_TELEMETRY = """
CREATE TABLE telemetry (
  video_id INTEGER NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
  time REAL NOT NULL,
  readings TEXT NOT NULL, -- JSON: values by name
  PRIMARY KEY (video_id, time)
) WITHOUT ROWID;
"""


@migrations()
def telemetry(database: Database) -> None:
    """Create the table for readings of cameras."""
    _run(database, _TELEMETRY)
    database.conn.execute("PRAGMA user_version = 18")


_JUDGEMENTS = """
CREATE TABLE judgements (
  key BLOB PRIMARY KEY, -- hash of the model, the prompt, the query and the text
  probability REAL NOT NULL,
  at TEXT NOT NULL
) WITHOUT ROWID;
"""


@migrations()
def judgements(database: Database) -> None:
    """Create the cache of judged texts."""
    _run(database, _JUDGEMENTS)
    database.conn.execute("PRAGMA user_version = 19")


# Who is seen. A track is a face in a shot, on one or several frames (`faces`: boxes as fractions of the frame), with
# the mean of its vectors ('<f4', unit length) by one model. People reach over videos, and end with their last track.
# `person_vectors` caches the sum of the vectors of a person: the triggers delete it with every change.
_PEOPLE = """
CREATE TABLE people (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT, -- NULL until it is known
  is_hidden INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE face_tracks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  video_id INTEGER NOT NULL REFERENCES videos(id) ON DELETE CASCADE,
  person_id INTEGER REFERENCES people(id) ON DELETE CASCADE,
  start REAL NOT NULL,
  "end" REAL NOT NULL,
  quality REAL NOT NULL,
  model TEXT NOT NULL,
  vector BLOB NOT NULL,
  is_confirmed INTEGER NOT NULL DEFAULT 0 -- put there by hand
);
CREATE INDEX face_tracks_of_video ON face_tracks(video_id, start);
CREATE INDEX face_tracks_of_person ON face_tracks(person_id, quality DESC);
CREATE TABLE faces (
  id INTEGER PRIMARY KEY,
  track_id INTEGER NOT NULL REFERENCES face_tracks(id) ON DELETE CASCADE,
  frame_id INTEGER NOT NULL REFERENCES frames(id) ON DELETE CASCADE,
  x REAL NOT NULL,
  y REAL NOT NULL,
  width REAL NOT NULL,
  height REAL NOT NULL,
  quality REAL NOT NULL
);
CREATE INDEX faces_of_track ON faces(track_id, quality DESC);
CREATE INDEX faces_of_frame ON faces(frame_id);
CREATE TABLE face_exclusions (
  id INTEGER PRIMARY KEY,
  track_id INTEGER NOT NULL REFERENCES face_tracks(id) ON DELETE CASCADE,
  person_id INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
  UNIQUE (track_id, person_id)
);
CREATE INDEX face_exclusions_of_person ON face_exclusions(person_id);
CREATE TABLE person_vectors (
  id INTEGER PRIMARY KEY,
  person_id INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
  model TEXT NOT NULL,
  tracks INTEGER NOT NULL,
  vector BLOB NOT NULL,
  UNIQUE (person_id, model)
);
CREATE TABLE people_changes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  before TEXT NOT NULL -- JSON: people, their tracks and exclusions
);
CREATE TRIGGER face_tracks_added AFTER INSERT ON face_tracks WHEN new.person_id IS NOT NULL BEGIN
  DELETE FROM person_vectors WHERE person_id = new.person_id;
END;
CREATE TRIGGER face_tracks_moved AFTER UPDATE OF person_id, vector ON face_tracks BEGIN
  DELETE FROM person_vectors WHERE person_id IN (old.person_id, new.person_id);
END;
CREATE TRIGGER face_tracks_removed AFTER DELETE ON face_tracks BEGIN
  DELETE FROM person_vectors WHERE person_id = old.person_id;
  DELETE FROM people WHERE id = old.person_id
    AND NOT EXISTS (SELECT 1 FROM face_tracks WHERE person_id = old.person_id);
END;
CREATE TRIGGER faces_removed AFTER DELETE ON faces BEGIN
  DELETE FROM face_tracks WHERE id = old.track_id
    AND NOT EXISTS (SELECT 1 FROM faces WHERE track_id = old.track_id);
END;
"""


@migrations()
def people(database: Database) -> None:
    """Create people, and their faces."""
    _run(database, _PEOPLE)
    database.conn.execute("PRAGMA user_version = 20")


@migrations()
def speakers_are_people(database: Database) -> None:
    """Link speakers to people."""
    _run(
        database,
        """ALTER TABLE speakers ADD COLUMN person_id INTEGER REFERENCES people(id) ON DELETE SET NULL;
        CREATE INDEX speakers_of_person ON speakers(person_id) WHERE person_id IS NOT NULL;""",
    )
    database.conn.execute("PRAGMA user_version = 21")


@migrations()
def times_of_people(database: Database) -> None:
    """Index when people are seen: lists of people need not read the vectors."""
    _run(database, 'CREATE INDEX face_tracks_times ON face_tracks(person_id, video_id, start, "end");')
    database.conn.execute("PRAGMA user_version = 22")
