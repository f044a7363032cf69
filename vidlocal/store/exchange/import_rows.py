"""Lines of an export, or of another program, into the library (the form is described in `store.everything`).

Nothing is stored twice: a video is known by its content_hash or its name, a passage by its video, kind, span and text.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

from vidlocal.records import TEXT_KINDS, JobKind, MediaKind
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
    words,
)
from vidlocal.store.queue import jobs
from vidlocal.store.queue.priorities import EMBED_PRIORITY
from vidlocal.store.staging import image_prefix
from vidlocal.store.values import now_utc, storable, stored_path

Line = Mapping[str, object]
_Key = tuple[str, float, float, str]

# A hash names a folder of pictures: nothing else may get there.
_CONTENT_HASH = re.compile(r"[0-9a-f]{64}|name:[0-9a-f]{64}")
_IMAGE_NAME = re.compile(r"[0-9A-Za-z_-]{1,40}\.jpg")
_MAX_DURATION_DIFFERENCE_S = 1.0


def placeholder_hash(name: str) -> str:
    """What stands for the content_hash of a video of which only the name is known: always the same for that name."""
    return "name:" + blake2b(unicodedata.normalize("NFC", name).encode("utf-8", "replace"), digest_size=32).hexdigest()


class Importer:
    """Takes lines in. `passages` and `videos` count what is new, `known` the passages that were there already."""

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
            self._note(row["id"], row["content_hash"], row["title"], row["duration"])

    def import_lines(self, lines: Sequence[tuple[int, object]]) -> list[tuple[int, str]]:
        """Store the lines (line number, parsed JSON) in one transaction; the numbers of bad ones, with reasons."""
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
        """Store what refers to passages by their number, now that all are there."""
        with self.library.writing() as connection:
            for video_id, passage_id, rests_on in self._citations:
                connection.executemany(
                    "INSERT OR IGNORE INTO grounds (passage_id, rests_on) VALUES (?, ?)",
                    [(passage_id, ground) for ground in self._ids(video_id, rests_on)],
                )
            for video_id, line, answer in self._sections:
                self._section(video_id, line, answer)

    # ------------------------------------------------------------ one line

    def _import_line(self, line: object) -> None:
        if not isinstance(line, dict):
            raise BadLine("is no JSON object")
        takers = {
            "passage": self._passage,
            "video": self._video,
            "frame": self._frame,
            "section": self._keep_section,
            "word": self._word,
        }
        taker = takers.get(str(line.get("type")))
        if taker is None:
            raise BadLine(f'has no "type" of {", ".join(takers)}')
        taker(line)

    def _video(self, line: Line) -> None:
        name = text(line, "name")
        given = optional(line, "content_hash", text)
        if given is not None and not _CONTENT_HASH.fullmatch(given):
            raise BadLine("has a content_hash that is none: 64 digits of 0-9 and a-f")
        duration = seconds(line, "duration")
        known = self._ids_by_hash.get(given or placeholder_hash(name))
        if known is None and given is None:
            known = next(
                (
                    key
                    for key, length in self._only_titled(name)
                    if abs(length - duration) <= _MAX_DURATION_DIFFERENCE_S
                ),
                None,
            )
        if known is None and given is not None:
            known = self._adopt_hash(name, given)
        self._ids_by_name[name] = (
            known if known is not None else self._add_video(line, name, given or placeholder_hash(name), duration)
        )

    def _adopt_hash(self, name: str, given: str) -> int | None:
        """The video of which so far only the name was known: it now has its hash."""
        video_id = self._ids_by_hash.pop(placeholder_hash(name), None)
        if video_id is not None:
            with self.library.writing() as connection:
                connection.execute("UPDATE videos SET content_hash = ? WHERE id = ?", (given, video_id))
            self._ids_by_hash[given] = video_id
        return video_id

    def _add_video(self, line: Line, name: str, content_hash: str, duration: float) -> int:
        title = optional(line, "title", text) or name
        kind = optional(line, "kind", text) or MediaKind.VIDEO
        if kind not in set(MediaKind):
            raise BadLine(f"has a kind of video that is none: {', '.join(MediaKind)}")
        values: dict[str, object] = {
            "duration": duration,
            "content_hash": content_hash,
            "path": _path(optional(line, "path", exact_text) or name),
            "title": title,
            "kind": kind,
            "codecs": optional(line, "codecs", text) or "",
            "added_at": optional(line, "added_at", text) or now_utc(),
            "excitement": optional(line, "excitement", number),
        }
        values |= {key: optional(line, key, integer) or 0 for key in _INTEGER_COLUMNS}
        values |= {key: optional(line, key, text) for key in ("recorded_at", "language", "event_type", "partial")}
        video_id = self._insert("videos", {column: values[column] for column in VIDEO_COLUMNS})
        self._note(video_id, content_hash, title, duration)
        self.videos += 1
        return video_id

    def _frame(self, line: Line) -> None:
        video_id = self._video_id(line)
        time = seconds(line, "time")
        frames = self._frame_ids_of(video_id)
        if time in frames:
            return
        same_as = optional(line, "same_as", number)
        facts = line.get("facts", {})
        if not isinstance(facts, dict) or (same_as is not None and same_as not in frames):
            raise BadLine("is a frame with facts that are none, or like a frame that was not named before it")
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
        """Where the picture of a frame is, or is to be: `check --repair` makes it again when the video is there."""
        picture = optional(line, "picture", text) or f"{position:06}.jpg"
        if not _IMAGE_NAME.fullmatch(picture):
            raise BadLine("has a picture that is not called like 000001.jpg")
        row = self.library.row("SELECT content_hash FROM videos WHERE id = ?", video_id)
        return f"{image_prefix(row['content_hash'] if row is not None else '')}/{picture}"

    def _passage(self, line: Line) -> None:
        video_id = self._video_id(line)
        kind, start, end = text(line, "kind"), seconds(line, "start"), seconds(line, "end")
        said = text(line, "text").strip()
        if kind not in _KINDS:
            raise BadLine(f"has a kind of passage that is none: {', '.join(TEXT_KINDS)}")
        if end < start:
            raise BadLine("ends before it starts")
        key = (kind, start, end, said)
        position = optional(line, "number", integer)
        rests_on, tags, chapter = numbers(line, "rests_on"), pairs(line, "tags"), _chapter(line)
        there = self._passage_ids_of(video_id)
        if key in there:
            self.existing += 1
        else:
            there[key] = self._insert("passages", self._row(line, video_id, key))
            self._add_details(video_id, there[key], tags, chapter)
            if rests_on:
                self._citations.append((video_id, there[key], rests_on))
            self.passages += 1
            self._changed.add(video_id)
        if position is not None:
            self._ids_by_number[video_id, position] = there[key]

    def _row(self, line: Line, video_id: int, key: _Key) -> dict[str, object]:
        values: dict[str, object] = dict(zip(("kind", "start", "end", "text"), key, strict=True))
        values |= {column: optional(line, column, text) for column in PASSAGE_COLUMNS if column not in values}
        values["created_at"] = values["created_at"] or now_utc()
        frame = optional(line, "frame", number)
        return {
            **values,
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
        for kind, tag in tags:
            self._insert("video_tags", {"video_id": video_id, "kind": kind, "tag": tag, "passage_id": passage_id})
        if chapter is not None:
            title, excitement = chapter
            row = {"video_id": video_id, "passage_id": passage_id, "title": title, "excitement": excitement}
            self._insert("chapters", row)

    def _keep_section(self, line: Line) -> None:
        answer = line.get("answer")
        if not isinstance(answer, dict):
            raise BadLine("is a section without an answer")
        seconds(line, "start"), seconds(line, "end"), integer(line, "number"), optional(line, "excitement", number)
        for name in ("fingerprint", "model", "digest", "prompt_version"):
            text(line, name)
        self._sections.append((self._video_id(line), line, answer))

    def _section(self, video_id: int, line: Line, answer: Mapping[str, object]) -> None:
        rests_on = self._ids(video_id, numbers(answer, "rests_on"))
        told = storable(json.dumps({**answer, "rests_on": rests_on}, ensure_ascii=False))
        row: dict[str, object] = {
            name: text(line, name) if isinstance(line.get(name), str) else line.get(name) for name in SECTION_COLUMNS
        }
        self._insert("sections", {**row, "video_id": video_id, "answer": told})

    def _word(self, line: Line) -> None:
        self._insert("vocabulary", {"form": text(line, "form"), "tag": text(line, "tag")})

    # ------------------------------------------------------------ what is there

    def _video_id(self, line: Line) -> int:
        """The video that a line is about."""
        name = text(line, "video")
        found = self._ids_by_name.get(name) or self._ids_by_hash.get(placeholder_hash(name))
        if found is None:
            alone = self._only_titled(name)
            if not alone:
                raise BadLine(f"is about {name!r}, which no line before it and no video of the library is called")
            found = alone[0][0]
        self._ids_by_name[name] = found
        return found

    def _only_titled(self, name: str) -> list[tuple[int, float]]:
        titled = self._videos_by_title.get(name, [])
        return titled if len(titled) == 1 else []

    def _note(self, video_id: int, content_hash: str, title: str, duration: float) -> None:
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
        found = (self._ids_by_number.get((video_id, position)) for position in positions)
        return [passage_id for passage_id in found if passage_id is not None]

    def _insert(self, table: str, row: Mapping[str, object]) -> int:
        """One new row, unless an equal one is there. Its id. Table and columns are our own words."""
        columns = ", ".join(f'"{column}"' for column in row)
        marks = ", ".join("?" * len(row))
        cursor = self.library.connection.execute(
            f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})", tuple(row.values())
        )
        return int(cursor.lastrowid or 0)

    def _queue_embedding(self) -> None:
        """Have the new passages embedded."""
        for video_id in sorted(self._changed):
            jobs.add(self.library, JobKind.EMBED, video_id, video_id, priority=EMBED_PRIORITY)
        self._changed.clear()


_KINDS = frozenset(TEXT_KINDS)
_INTEGER_COLUMNS = ("width_px", "height_px", "rotation", "size_bytes", "understood")


def _chapter(line: Line) -> tuple[str, float | None] | None:
    chapter = line.get("chapter")
    if chapter is None:
        return None
    if not isinstance(chapter, dict):
        raise BadLine("has a chapter that is none")
    return text(chapter, "title"), optional(chapter, "excitement", number)


def _path(text: str) -> str | bytes:
    """A path as the table of videos holds it; one that no file can have loses what makes it so."""
    try:
        return stored_path(Path(text.replace("\0", "\ufffd")))
    except UnicodeEncodeError:
        return storable(text)
