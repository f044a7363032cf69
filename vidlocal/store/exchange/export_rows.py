"""Exports library rows as JSON-ready lines for `import_rows`.

    {"type": "video", "name": "wedding", "duration": 55.2, "content_hash": ..., "path": ..., ...}
    {"type": "frame", "video": "wedding", "time": 2.0, "picture": "000001.jpg", "tags": ["dance"], ...}
    {"type": "passage", "video": "wedding", "number": 1, "kind": "speech", "start": 0.3, "end": 2.1, "text": "...", ...}
    {"type": "section", "video": "wedding", "number": 0, ...}
    {"type": "reading", "video": "wedding", "time": 3.0, "values": {"iso": "100"}}
    {"type": "person", "video": "wedding", "name": "Anna", "start": 2.0, "end": 8.5}
    {"type": "word", "form": "dances", "tag": "dance"}

A passage is identified by its `number` within its video, a frame by its time: ids differ between libraries. Values that
are null are left out. Named people are exported on request only. Not exported: images and vectors (recreated from file
and text), faces, voices (but the names of speakers), the queue, and paths of copies.
"""

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from vidlocal.records import Video
from vidlocal.store.content import people, telemetry, word_times
from vidlocal.store.database import Library
from vidlocal.store.index.speaker_names import PASSAGE_SPEAKER

Line = dict[str, object]

VIDEO_COLUMNS = (
    *("duration", "content_hash", "path", "title", "kind", "width_px", "height_px", "codecs", "rotation"),
    *("recorded_at", "added_at", "size_bytes", "language", "event_type", "excitement", "partial", "understood"),
    *("latitude", "longitude", "place", "place_names", "camera"),
)
FRAME_COLUMNS = ("time", "shot", "image_crc", "dhash", "rank", "novelty", "enriched_at")
PASSAGE_COLUMNS = (
    *("kind", "start", "end", "text", "language", "engine", "model", "digest", "prompt_version", "confidence"),
    "created_at",
)
SECTION_COLUMNS = ("number", "start", "end", "fingerprint", "excitement", "model", "digest", "prompt_version")


def names(videos: Sequence[Video]) -> dict[int, str]:
    """Return a unique name for each video by id: the title, with the id appended to duplicates."""
    count = Counter(video.title for video in videos)
    return {video.id: video.title if count[video.title] == 1 else f"{video.title} #{video.id}" for video in videos}


def lines(
    library: Library, videos: Sequence[Video], *, with_vocabulary: bool, with_people: bool = False
) -> Iterator[Line]:
    """Yield the lines of `videos` in this order, on request the named people, and the vocabulary."""
    video_names = names(videos)
    for video in videos:
        yield from _video(library, video.id, video_names[video.id])
        for person in people.named_spans(library, video.id) if with_people else ():
            yield {"type": "person", "video": video_names[video.id], **asdict(person)}
    if with_vocabulary:
        for row in library.rows("SELECT form, tag FROM vocabulary ORDER BY form"):
            yield {"type": "word", "form": row["form"], "tag": row["tag"]}


def _video(library: Library, video_id: int, name: str) -> Iterator[Line]:
    row = library.row("SELECT * FROM videos WHERE id = ?", video_id)
    if row is None:
        return
    values = _values(row, VIDEO_COLUMNS)
    values["path"] = os.fsdecode(row["path"])
    yield {"type": "video", "name": name, **values}
    times = {frame["id"]: frame["time"] for frame in library.rows(_TIMES, video_id)}
    yield from _frames(library, video_id, name, times)
    numbers = {
        passage_id: number
        for number, (passage_id,) in enumerate(
            library.rows("SELECT id FROM passages WHERE video_id = ? ORDER BY id", video_id)
        )
    }
    yield from _passages(library, video_id, name, times, numbers)
    for section in library.rows("SELECT * FROM sections WHERE video_id = ? ORDER BY number", video_id):
        answer = json.loads(section["answer"])
        answer["rests_on"] = [numbers[cited] for cited in answer.get("rests_on", ()) if cited in numbers]
        yield {"type": "section", "video": name, **_values(section, SECTION_COLUMNS), "answer": answer}
    for reading in telemetry.of_video(library, video_id):
        yield {"type": "reading", "video": name, "time": reading.time, "values": reading.values}


_TIMES = "SELECT id, time FROM frames WHERE video_id = ?"


def _frames(library: Library, video_id: int, name: str, times: Mapping[int, float]) -> Iterator[Line]:
    rows = library.rows(
        """SELECT *, (SELECT json_group_array(tag) FROM (SELECT tag FROM tags WHERE frame_id = frames.id ORDER BY id))
          AS named FROM frames WHERE video_id = ? ORDER BY time""",
        video_id,
    )
    for row in rows:
        line: Line = {"type": "frame", "video": name, **_values(row, FRAME_COLUMNS)}
        if row["same_as"] is not None:
            line["same_as"] = times[row["same_as"]]
        elif row["image"] is not None:
            line["picture"] = row["image"].rpartition("/")[2]
        yield line | _non_empty({"facts": json.loads(row["facts"]), "tags": json.loads(row["named"])})


def _passages(
    library: Library, video_id: int, name: str, times: Mapping[int, float], numbers: Mapping[int, int]
) -> Iterator[Line]:
    rows = library.rows(
        f"""SELECT passages.*, chapters.title, chapters.excitement, word_times.times, {PASSAGE_SPEAKER} AS speaker,
          (SELECT json_group_array(rests_on) FROM (
            SELECT rests_on FROM grounds WHERE passage_id = passages.id ORDER BY rests_on)) AS grounds,
          (SELECT json_group_array(json_array(kind, tag)) FROM (
            SELECT kind, tag FROM video_tags WHERE passage_id = passages.id ORDER BY id)) AS named
        FROM passages LEFT JOIN chapters ON chapters.passage_id = passages.id
          LEFT JOIN word_times ON word_times.passage_id = passages.id
        WHERE passages.video_id = ? ORDER BY passages.id""",
        video_id,
    )
    for row in rows:
        line: Line = {"type": "passage", "video": name, "number": numbers[row["id"]], **_values(row, PASSAGE_COLUMNS)}
        if row["frame_id"] is not None:
            line["frame"] = times[row["frame_id"]]
        if not row["visible"]:
            line["hidden"] = True
        if row["title"] is not None:
            line["chapter"] = {"title": row["title"], "excitement": row["excitement"]}
        if row["speaker"] is not None:
            line["speaker"] = row["speaker"]
        timed = word_times.unpack(row["text"], row["start"], row["times"] or b"")
        line |= _non_empty({"words": [[word.text, round(word.start, 2), round(word.end, 2)] for word in timed]})
        cited = [numbers[passage_id] for passage_id in json.loads(row["grounds"]) if passage_id in numbers]
        yield line | _non_empty({"rests_on": cited, "tags": json.loads(row["named"])})


def _values(row: sqlite3.Row, columns: Sequence[str]) -> Line:
    return {column: row[column] for column in columns if row[column] is not None}


def _non_empty(line: Line) -> Line:
    return {name: value for name, value in line.items() if value}
