"""Imports lines of an export, or of another program, into the library (format: `export_rows`).

Nothing is stored twice: a video is identified by content hash or name, a passage by video, kind, span and text.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

from vidlocal.folding import differing_fold
from vidlocal.records import TEXT_KINDS, JobKind, MediaKind
from vidlocal.store.content import speakers, telemetry, word_times
from vidlocal.store.database import Library
from vidlocal.store.exchange.export_rows import FRAME_COLUMNS, PASSAGE_COLUMNS, SECTION_COLUMNS, VIDEO_COLUMNS
from vidlocal.store.exchange.validation import (
    BadLine,
    exact_text,
    integer,
    number,
    numbers,
    optional,
    pairs,
    seconds,
    text,
    timed_words,
    words,
)
from vidlocal.store.queue import jobs
from vidlocal.store.queue.priorities import EMBED_PRIORITY
from vidlocal.store.staging import image_prefix
from vidlocal.store.values import now_utc, storable, stored_path
from vidlocal.telemetry import Reading

Line = Mapping[str, object]
_Key = tuple[str, float, float, str]

# A hash becomes a folder name: anything else might lead elsewhere.
_CONTENT_HASH = re.compile(r"[0-9a-f]{64}|name:[0-9a-f]{64}")
_IMAGE_NAME = re.compile(r"[0-9A-Za-z_-]{1,40}\.jpg")
_MAX_DURATION_DIFFERENCE_S = 1.0

_PASSAGE_KINDS = frozenset(TEXT_KINDS)
_INTEGER_COLUMNS = ("width_px", "height_px", "rotation", "size_bytes", "understood")


def placeholder_hash(name: str) -> str:
    """Return the content hash of a video known only by name: always the same for the same name."""
    return "name:" + blake2b(unicodedata.normalize("NFC", name).encode("utf-8", "replace"), digest_size=32).hexdigest()


class Importer:
    """Imports lines. Counts new `videos` and `passages`, and `existing` passages."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.videos = self.passages = self.existing = 0
        self._ids_by_name: dict[str, int] = {}
        self._ids_by_hash: dict[str, int] = {}
        self._videos_by_title: dict[str, list[tuple[int, float]]] = {}
        self._passage_ids: dict[int, dict[_Key, int]] = {}
        self._frame_ids: dict[int, dict[float, int]] = {}
        self._ids_by_number: dict[tuple[int, int], int] = {}
        self._citations: list[tuple[int, int, tuple[int, ...]]] = []
        self._sections: list[tuple[int, Line, Mapping[str, object]]] = []
        self._changed: set[int] = set()
        for row in library.rows("SELECT id, content_hash, title, duration FROM videos"):
            self._remember_video(row["id"], row["content_hash"], row["title"], row["duration"])

    def import_lines(self, lines: Sequence[tuple[int, object]]) -> list[tuple[int, str]]:
        """Store lines (line number, parsed JSON) in a transaction. Returns the numbers of bad lines with reasons."""
        bad = []
        with self.library.writing():
            for line_number, line in lines:
                try:
                    self._import_line(line)
                except BadLine as reason:
                    bad.append((line_number, str(reason)))
            self._queue_embedding()
        return bad

    def finish(self) -> None:
        """Store the citations and sections after all lines, because these refer to passages by number."""
        with self.library.writing() as connection:
            for video_id, passage_id, cited in self._citations:
                connection.executemany(
                    "INSERT OR IGNORE INTO grounds (passage_id, rests_on) VALUES (?, ?)",
                    [(passage_id, cited_id) for cited_id in self._ids(video_id, cited)],
                )
            for video_id, line, answer in self._sections:
                self._store_section(video_id, line, answer)

    # ------------------------------------------------------------ a line

    def _import_line(self, line: object) -> None:
        if not isinstance(line, dict):
            raise BadLine("not a JSON object")
        importers = {
            "passage": self._import_passage,
            "video": self._import_video,
            "frame": self._import_frame,
            "section": self._import_section,
            "reading": self._import_reading,
            "person": self._check_person,
            "word": self._import_word,
        }
        importer = importers.get(str(line.get("type")))
        if importer is None:
            raise BadLine(f"type is not one of {', '.join(importers)}")
        importer(line)

    def _import_video(self, line: Line) -> None:
        name = text(line, "name")
        content_hash = optional(line, "content_hash", text)
        if content_hash is not None and not _CONTENT_HASH.fullmatch(content_hash):
            raise BadLine("content_hash is not 64 digits of 0-9 and a-f")
        duration = seconds(line, "duration")
        video_id = self._ids_by_hash.get(content_hash or placeholder_hash(name))
        if video_id is None and content_hash is None:
            video_id = self._same_title(name, duration)
        if video_id is None and content_hash is not None:
            video_id = self._adopt_hash(name, content_hash)
        if video_id is None:
            video_id = self._add_video(line, name, content_hash or placeholder_hash(name), duration)
        self._ids_by_name[name] = video_id

    def _same_title(self, name: str, duration: float) -> int | None:
        """Return the only video with this title and a duration equal within 1 s."""
        titled = self._only_titled(name)
        if titled is None or abs(titled[1] - duration) > _MAX_DURATION_DIFFERENCE_S:
            return None
        return titled[0]

    def _adopt_hash(self, name: str, content_hash: str) -> int | None:
        """Set the content hash of the video known only by this name. Returns the id."""
        video_id = self._ids_by_hash.pop(placeholder_hash(name), None)
        if video_id is not None:
            with self.library.writing() as connection:
                connection.execute("UPDATE videos SET content_hash = ? WHERE id = ?", (content_hash, video_id))
            self._ids_by_hash[content_hash] = video_id
        return video_id

    def _add_video(self, line: Line, name: str, content_hash: str, duration: float) -> int:
        title = optional(line, "title", text) or name
        kind = optional(line, "kind", text) or MediaKind.VIDEO
        if kind not in set(MediaKind):
            raise BadLine(f"kind is not one of {', '.join(MediaKind)}")
        values: dict[str, object] = {
            "duration": duration,
            "content_hash": content_hash,
            "path": _path(optional(line, "path", exact_text) or name),
            "title": title,
            "kind": kind,
            "codecs": optional(line, "codecs", text) or "",
            "added_at": optional(line, "added_at", text) or now_utc(),
        }
        values |= {column: optional(line, column, number) for column in ("excitement", "latitude", "longitude")}
        values |= {column: optional(line, column, integer) or 0 for column in _INTEGER_COLUMNS}
        values |= {
            column: optional(line, column, text)
            for column in ("recorded_at", "language", "event_type", "partial", "place", "place_names", "camera")
        }
        video_id = self._insert("videos", {column: values[column] for column in VIDEO_COLUMNS})
        self._remember_video(video_id, content_hash, title, duration)
        self.videos += 1
        return video_id

    def _import_frame(self, line: Line) -> None:
        video_id = self._video_id(line)
        time = seconds(line, "time")
        frames = self._frame_ids_of(video_id)
        if time in frames:
            return
        same_as = optional(line, "same_as", number)
        if same_as is not None and same_as not in frames:
            raise BadLine("same_as is not the time of a frame on an earlier line")
        facts = line.get("facts", {})
        if not isinstance(facts, dict):
            raise BadLine("facts is not a JSON object")
        values: dict[str, object] = {
            "time": time,
            "shot": optional(line, "shot", integer) or 0,
            "image_crc": optional(line, "image_crc", integer),
            "dhash": optional(line, "dhash", integer) or 0,
            "rank": optional(line, "rank", integer),
            "novelty": optional(line, "novelty", number) or 0.0,
            "enriched_at": optional(line, "enriched_at", text),
        }
        tags = words(line, "tags")
        row = {column: values[column] for column in FRAME_COLUMNS}
        if same_as is None:
            row["image"] = self._image(line, video_id, len(frames))
        row |= {"video_id": video_id, "same_as": None if same_as is None else frames[same_as]}
        frames[time] = self._insert("frames", {**row, "facts": storable(json.dumps(facts, ensure_ascii=False))})
        for tag in tags:
            self._insert("tags", {"frame_id": frames[time], "tag": storable(tag)})

    def _image(self, line: Line, video_id: int, position: int) -> str:
        """Return the path of the image of a frame. `check --repair` creates the file from the video."""
        picture = optional(line, "picture", text) or f"{position:06}.jpg"
        if not _IMAGE_NAME.fullmatch(picture):
            raise BadLine("picture is not a name like 000001.jpg")
        row = self.library.row("SELECT content_hash FROM videos WHERE id = ?", video_id)
        return f"{image_prefix(row['content_hash'] if row is not None else '')}/{picture}"

    def _import_passage(self, line: Line) -> None:
        video_id = self._video_id(line)
        kind, start, end = text(line, "kind"), seconds(line, "start"), seconds(line, "end")
        content = text(line, "text").strip()
        if kind not in _PASSAGE_KINDS:
            raise BadLine(f"kind is not one of {', '.join(TEXT_KINDS)}")
        if end < start:
            raise BadLine("end is before start")
        key = (kind, start, end, content)
        position = optional(line, "number", integer)
        cited, tags, chapter = numbers(line, "rests_on"), pairs(line, "tags"), _chapter(line)
        timed, speaker = timed_words(line, "words"), optional(line, "speaker", text)
        passage_ids = self._passage_ids_of(video_id)
        if key in passage_ids:
            self.existing += 1
        else:
            passage_ids[key] = self._insert("passages", self._passage_row(line, video_id, key))
            self._add_details(video_id, passage_ids[key], tags, chapter)
            word_times.put(self.library, passage_ids[key], content, start, timed)
            if cited:
                self._citations.append((video_id, passage_ids[key], cited))
            self.passages += 1
            self._changed.add(video_id)
        if speaker is not None and speaker.strip():
            speakers.label(self.library, video_id, passage_ids[key], speaker)
        if position is not None:
            self._ids_by_number[video_id, position] = passage_ids[key]

    def _passage_row(self, line: Line, video_id: int, key: _Key) -> dict[str, object]:
        values: dict[str, object] = dict(zip(("kind", "start", "end", "text"), key, strict=True))
        values["confidence"] = optional(line, "confidence", number)
        values |= {column: optional(line, column, text) for column in PASSAGE_COLUMNS if column not in values}
        values["created_at"] = values["created_at"] or now_utc()
        frame = optional(line, "frame", number)
        return {
            **values,
            "folded": differing_fold(key[3]),
            "video_id": video_id,
            "frame_id": None if frame is None else self._frame_ids_of(video_id).get(frame),
            "visible": line.get("hidden") is not True,
        }

    def _add_details(
        self,
        video_id: int,
        passage_id: int,
        tags: Sequence[tuple[str, str]],
        chapter: tuple[str, float | None] | None,
    ) -> None:
        """Store tags and chapter of a passage."""
        for kind, tag in tags:
            self._insert("video_tags", {"video_id": video_id, "kind": kind, "tag": tag, "passage_id": passage_id})
        if chapter is not None:
            title, excitement = chapter
            row = {"video_id": video_id, "passage_id": passage_id, "title": title, "excitement": excitement}
            self._insert("chapters", row)

    def _import_section(self, line: Line) -> None:
        """Validate a section for `finish`."""
        answer = line.get("answer")
        if not isinstance(answer, dict):
            raise BadLine("no answer")
        seconds(line, "start"), seconds(line, "end"), integer(line, "number"), optional(line, "excitement", number)
        for name in ("fingerprint", "model", "digest", "prompt_version"):
            text(line, name)
        self._sections.append((self._video_id(line), line, answer))

    def _store_section(self, video_id: int, line: Line, answer: Mapping[str, object]) -> None:
        cited = self._ids(video_id, numbers(answer, "rests_on"))
        stored = storable(json.dumps({**answer, "rests_on": cited}, ensure_ascii=False))
        row: dict[str, object] = {
            name: text(line, name) if isinstance(line.get(name), str) else line.get(name) for name in SECTION_COLUMNS
        }
        self._insert("sections", {**row, "video_id": video_id, "answer": stored})

    def _import_reading(self, line: Line) -> None:
        """Store a reading, unless the video has a reading of this time."""
        readings = line.get("values")
        if not isinstance(readings, dict):
            raise BadLine("values is not a JSON object")
        reading = Reading(seconds(line, "time"), {str(name): str(value) for name, value in readings.items()})
        telemetry.add(self.library, self._video_id(line), [reading])

    def _check_person(self, line: Line) -> None:
        """Check a person. Nothing is stored: people are known by their faces, which are not exported."""
        self._video_id(line)
        text(line, "name")
        seconds(line, "start")
        seconds(line, "end")

    def _import_word(self, line: Line) -> None:
        self._insert("vocabulary", {"form": text(line, "form"), "tag": text(line, "tag")})

    # ------------------------------------------------------------ existing rows

    def _video_id(self, line: Line) -> int:
        """Return the id of the video of a line."""
        name = text(line, "video")
        video_id = self._ids_by_name.get(name) or self._ids_by_hash.get(placeholder_hash(name))
        if video_id is None:
            titled = self._only_titled(name)
            if titled is None:
                raise BadLine(f"video {name!r} is neither on an earlier line nor in the library")
            video_id = titled[0]
        self._ids_by_name[name] = video_id
        return video_id

    def _only_titled(self, title: str) -> tuple[int, float] | None:
        """Return id and duration of the only video with this title."""
        titled = self._videos_by_title.get(title, [])
        return titled[0] if len(titled) == 1 else None

    def _remember_video(self, video_id: int, content_hash: str, title: str, duration: float) -> None:
        self._ids_by_hash[content_hash] = video_id
        self._videos_by_title.setdefault(title, []).append((video_id, duration))

    def _passage_ids_of(self, video_id: int) -> dict[_Key, int]:
        if video_id not in self._passage_ids:
            rows = self.library.rows('SELECT id, kind, start, "end", text FROM passages WHERE video_id = ?', video_id)
            self._passage_ids[video_id] = {
                (row["kind"], row["start"], row["end"], row["text"]): row["id"] for row in rows
            }
        return self._passage_ids[video_id]

    def _frame_ids_of(self, video_id: int) -> dict[float, int]:
        if video_id not in self._frame_ids:
            rows = self.library.rows("SELECT id, time FROM frames WHERE video_id = ?", video_id)
            self._frame_ids[video_id] = {row["time"]: row["id"] for row in rows}
        return self._frame_ids[video_id]

    def _ids(self, video_id: int, positions: Sequence[int]) -> list[int]:
        """Return the ids of the passages with these numbers. Skips unknown numbers."""
        ids = (self._ids_by_number.get((video_id, position)) for position in positions)
        return [passage_id for passage_id in ids if passage_id is not None]

    def _insert(self, table: str, row: Mapping[str, object]) -> int:
        """Insert a row unless a unique constraint forbids. Returns the id. Names come from this module only."""
        columns = ", ".join(f'"{column}"' for column in row)
        marks = ", ".join("?" * len(row))
        cursor = self.library.connection.execute(
            f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})", tuple(row.values())
        )
        return int(cursor.lastrowid or 0)

    def _queue_embedding(self) -> None:
        """Queue the embedding of new passages."""
        for video_id in sorted(self._changed):
            jobs.add(self.library, JobKind.EMBED, video_id, video_id, priority=EMBED_PRIORITY)
        self._changed.clear()


def _chapter(line: Line) -> tuple[str, float | None] | None:
    chapter = line.get("chapter")
    if chapter is None:
        return None
    if not isinstance(chapter, dict):
        raise BadLine("chapter is not a JSON object")
    return text(chapter, "title"), optional(chapter, "excitement", number)


def _path(path: str) -> str | bytes:
    """Convert a path to a column value. Characters impossible in file names are replaced."""
    try:
        return stored_path(Path(path.replace("\0", "\ufffd")))
    except UnicodeEncodeError:
        return storable(path)
