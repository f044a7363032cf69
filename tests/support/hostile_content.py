"""A library, a server and files with terminal escapes in every word."""

import json
import os
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tests.support import clips
from tests.support.commands import EVIL
from tests.support.fake_faults import Behaviour, body, broken, say
from tests.support.fake_ollama import CATALOGUE, Asked, FakeOllama
from tests.support.wedding_film import add_film, deep
from vidlocal.enrich import report
from vidlocal.records import JobKind, Passage, PassageKind
from vidlocal.store.content import face_tracks, passages
from vidlocal.store.database import Library
from vidlocal.store.history import searches
from vidlocal.store.queue import jobs

WORDS = EVIL.replace("\ud800", "")  # what JSON and SQLite can hold
# A name that a file can have, with a byte that is no text at its end.
NAME = os.fsdecode(re.sub(r"[/\0]", "|", WORDS).encode()[:200].decode(errors="ignore").encode() + b"\xff")

# Columns that hold words of videos and models; the rest are numbers, times, JSON and closed sets.
_WORDS_IN = {
    "videos": ("codecs", "language", "event_type", "partial"),
    "passages": ("text", "language", "model", "digest"),
    "tags": ("tag",),
    "video_tags": ("tag",),
    "chapters": ("title",),
    "sections": ("model",),
    "jobs": ("last_error",),
    "searches": ("query",),
    "looks": ("question", "what"),
    "vocabulary": ("tag",),
    "speakers": ("name",),
    "voices": ("label",),
    "people": ("name",),
    "face_tracks": ("model",),
}


@dataclass(frozen=True)
class World:
    """Paths of all parts. `film` can be cut, `broken` cannot be read."""

    home: Path
    films: Path
    inbox: Path

    @property
    def film(self) -> Path:
        return self.films / f"{NAME}.mp4"

    @property
    def broken(self) -> Path:
        return self.inbox / f"{NAME} broken.mp4"


def make(folder: Path) -> World:
    """A library with a film to cut, a film with a summary, and a film with failures."""
    world = World(folder / "home", folder / "films", folder / "inbox")
    for place in (world.films, world.inbox):
        place.mkdir(parents=True)
    clips.scenes(world.film, seconds=4, seed=1)
    clips.scenes(world.inbox / f"{NAME} new.mp4", seconds=4, seed=2)
    (world.inbox / f"{NAME} new.srt").write_text(f"1\n00:00:01,000 --> 00:00:02,000\n{WORDS}\n", encoding="utf-8")
    world.broken.write_bytes(b"no film " * 1000)
    cut = (world.inbox / f"{NAME} new.mp4").read_bytes()
    (world.inbox / f"{NAME} cut.mp4").write_bytes(cut[: len(cut) // 2])
    (world.inbox / f"{NAME}.srt").write_text(f"1\n00:00:01,000 --> 00:00:02,000\n{WORDS}\n", encoding="utf-8")
    (world.inbox / f"{NAME}.jsonl").write_text(_lines(), encoding="utf-8")
    (world.inbox / "queries.jsonl").write_text(_queries(), encoding="utf-8")
    (world.inbox / f"{NAME}.jpg").write_bytes(b"no picture")
    with Library.open(world.home, create=True) as library:
        _fill(library, world.film)
    with closing(sqlite3.connect(world.home / "library.db")) as connection, connection:
        for table, columns in _WORDS_IN.items():
            for column in columns:
                connection.execute(f"UPDATE OR IGNORE {table} SET {column} = ? || rowid", (WORDS,))
        connection.execute("INSERT INTO passage_words(passage_words) VALUES ('rebuild')")
        connection.execute("INSERT INTO passage_grams(passage_grams) VALUES ('rebuild')")
    return world


def _fill(library: Library, film: Path) -> None:
    video = add_film(library)
    with FakeOllama() as server:
        deep(library, server)
    add_film(library, name="second", pictures=3)
    with library.writing() as connection:
        connection.execute("UPDATE videos SET title = ? || id, path = '/films/' || ? || id || '.mp4'", (WORDS, WORDS))
        connection.execute("UPDATE videos SET path = ? WHERE id = 1", (os.fsencode(film),))
        connection.execute("UPDATE copies SET path = ? WHERE video_id = 1", (os.fsencode(film),))
    for kind in PassageKind:
        passages.add(library, video, [Passage(1.0, 2.0, kind, WORDS, engine="by hand", speaker=WORDS)])
    face = face_tracks.NewFace(1, (0.1, 0.1, 0.2, 0.2), 0.9)
    face_tracks.store(library, video, "sface@1", [face_tracks.NewTrack(0.0, 2.0, 0.9, np.ones(2, "f4"), (face,))])
    face_tracks.assign(library, [(None, [1])])
    for state in ("queued", "running"):
        for row in library.rows("SELECT DISTINCT kind FROM jobs"):
            job = jobs.claim(library, row["kind"], worker="nobody", now=0.0, lease_s=1e12)
            if job is not None and state == "queued":
                while not jobs.fail(library, job, WORDS):
                    pass
    searches.add(library, WORDS, 1, [searches.Span(video, 1.0, 2.0)])
    times = ("2026-11-20T22:00:00+00:00", "2026-11-21T05:00:00+00:00")
    failed = tuple(report.FailureGroup(kind, WORDS, 3) for kind in JobKind)
    report.store(library, None, report.Report(*times, 100.0, 3600.0, {WORDS: 9.0}, failed=failed, ended=WORDS))


def _lines() -> str:
    known = {"type": "video", "name": WORDS, "duration": 9.0, "path": f"/films/{WORDS}.mp4"}
    fields_sent = {"type": "passage", "video": WORDS, "kind": "speech", "start": 1.0, "end": 2.0, "text": WORDS}
    bad: list[object] = [
        {**fields_sent, "kind": WORDS},
        {**fields_sent, "video": f"{WORDS} gone"},
        {WORDS: 1},
        WORDS,
        {"type": WORDS},
    ]
    return "".join(json.dumps(line) + "\n" for line in [known, fields_sent, *bad]) + WORDS.replace("\r", "") + "\n"


def _queries() -> str:
    asked: Sequence[object] = [
        {"query": WORDS, "video": "1", "windows": [[1.0, 2.0]]},
        {"query": WORDS, "video": WORDS, "windows": [[1.0, 2.0]]},
        {"query": WORDS, "video": "1", "windows": WORDS},
        {WORDS: WORDS},
    ]
    return "".join(json.dumps(line) + "\n" for line in asked)


# ------------------------------------------------------------ servers


def talkative() -> FakeOllama:
    """A server with models of nothing but hostile answers."""
    server = FakeOllama()

    def choose(asked: Asked) -> Behaviour | None:
        if asked.path != "/api/chat" or "one word" in asked.prompt or "in the order" in asked.prompt:
            return None
        fields = (asked.body.get("format") or {}).get("properties", {})
        if not fields:
            return say(f"{WORDS.replace('[', '(')} [1]\n")
        fields_sent: dict[str, object] = dict.fromkeys(fields, WORDS)
        fields_sent |= {"shows": True, "happens": True, "lines": [1], "tags": [WORDS], "people": [WORDS]}
        fields_sent["files"] = [{"number": 1, "folder": WORDS, "name": WORDS}]
        fields_sent["chapters"] = [{"title": WORDS, "first": 1}]
        return say(json.dumps({name: fields_sent[name] for name in fields}))

    server.choose = choose
    return server


def rude(*, status: int = 500, garbage: bool = False) -> FakeOllama:
    """A server with hostile model names and error messages."""
    server = FakeOllama([*CATALOGUE.values(), replace(CATALOGUE["llava:7b"], name=f"{WORDS}:latest")], version=WORDS)
    complaint = body(WORDS.encode(), status=status, kind="text/html") if garbage else broken(WORDS, status)
    server.choose = lambda asked: complaint if asked.path in ("/api/chat", "/api/embed", "/api/generate") else None
    return server


def harmful(text: str) -> list[str]:
    """Characters of a text with power over a terminal."""
    return [
        character
        for character in text
        if (ord(character) < 32 and character not in "\n\t")
        or 127 <= ord(character) < 160
        or character in "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
    ]
