"""A small library made by repeatedly killed commands, and its invariants.

Used by tests/test_interruption.py (20 kills) and benchmarks/kill9.py (200, and every crash point).
"""

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from tests.support import clip_model, clips
from tests.support.fake_ollama import FakeOllama
from tests.support.fake_requests import pictures_of, prompt_of
from vidlocal.store.index.vector_cache import FOLDER as VECTORS

_CRASHING = Path(__file__).parents[1] / "crashing"
_PATIENCE_S = 120.0
_GONE_WITHIN_S = 5.0

# What is stored, without numbers and dates that differ from run to run. Rows are joined to what they belong to.
_CONTENT = {
    "videos": "SELECT content_hash, title, kind, duration, width_px, language, event_type, excitement, "
    "enrichment_status FROM videos",
    "frames": "SELECT content_hash, frames.time, shot, image, image_crc, dhash, rank, novelty, facts, "
    "enriched_at IS NOT NULL, original.time FROM frames JOIN videos ON videos.id = frames.video_id "
    "LEFT JOIN (SELECT id AS at, time FROM frames) AS original ON at = same_as",
    "passages": 'SELECT content_hash, time, start, "end", passages.kind, text, passages.language, model, digest, '
    "prompt_version, visible FROM passages JOIN videos ON videos.id = passages.video_id "
    "LEFT JOIN frames ON frames.id = frame_id",
    "tags": "SELECT content_hash, time, tag FROM tags JOIN frames ON frames.id = frame_id "
    "JOIN videos ON videos.id = video_id",
    "vectors": "SELECT content_hash, start, text, vectors.model, vector FROM vectors "
    "JOIN passages ON passages.id = passage_id JOIN videos ON videos.id = video_id",
    "jobs": "SELECT content_hash, jobs.kind, time, state, attempts FROM jobs JOIN videos ON videos.id = jobs.video_id "
    "LEFT JOIN frames ON frames.id = target AND jobs.kind IN ('describe', 'watch')",
    "video_tags": "SELECT content_hash, video_tags.kind, tag, text FROM video_tags "
    "JOIN passages ON passages.id = passage_id JOIN videos ON videos.id = video_tags.video_id",
    "chapters": "SELECT content_hash, chapters.title, text FROM chapters JOIN passages ON passages.id = passage_id "
    "JOIN videos ON videos.id = chapters.video_id",
    "frame_vectors": "SELECT content_hash, time, model, length(vector) FROM frame_vectors "
    "JOIN frames ON frames.id = frame_id JOIN videos ON videos.id = video_id",
    "checkpoints": "SELECT content_hash, step, until FROM checkpoints JOIN videos ON videos.id = video_id",
}

# Rows that were acknowledged: work done that may not be lost, whatever comes.
_ACKNOWLEDGED = {
    "videos": "SELECT content_hash FROM videos",
    "done": "SELECT content_hash, jobs.kind, time FROM jobs JOIN videos ON videos.id = jobs.video_id "
    "LEFT JOIN frames ON frames.id = target WHERE state = 'done' AND jobs.kind IN ('describe', 'watch')",
    "scenes": "SELECT content_hash, start, text FROM passages JOIN videos ON videos.id = video_id "
    "WHERE passages.kind IN ('scene', 'action', 'subtitle', 'screen_text')",
    "frame_vectors": "SELECT frame_id, vector FROM frame_vectors",
}

Content = Mapping[str, Counter[str]]


class Shaken:
    """A library at `home`, the server with its describing model, and the known state so far."""

    def __init__(self, home: Path, films: Path, server: FakeOllama) -> None:
        self.home, self.films, self.server = home, films, server
        self.models = films.with_name("models")
        if not self.models.exists():
            clip_model.place(self.models)
        self.kills = 0
        self._acknowledged: dict[str, Counter[str]] = {}

    def commands(self) -> list[list[str]]:
        """Commands to make the library. Separate commands for OCR and image vectors, whose models load slowly."""
        ingest = ["ingest", "--every", "1", "--later", str(self.films)]
        return [ingest, ["enrich", "--only", "read"], ["enrich", "--only", "pictures"], ["enrich"]]

    def start(self, words: list[str], **extra: str) -> "subprocess.Popen[bytes]":
        environment = {
            "VIDLOCAL_HOME": str(self.home),
            "VIDLOCAL_MODELS": str(self.models),
            "VIDLOCAL_OLLAMA_HOST": self.server.host,
            "VIDLOCAL_SLOTS": "1",
            "PYTHONPATH": str(_CRASHING),
            "PATH": "/usr/bin:/bin",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "vidlocal", *words],
            env=environment | extra,
            cwd=Path(__file__).parents[2],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def finish(self) -> None:
        """Let both commands run to their end."""
        for words in self.commands():
            self.run_through(words)

    def run_through(self, words: list[str]) -> None:
        """Let a command run to its end."""
        child = self.start(words)
        _, said = child.communicate(timeout=_PATIENCE_S)
        assert child.returncode == 0, said.decode()

    def kill_after(self, words: list[str], seconds: float) -> bool:
        """Kill a command after a while. Returns True if it was still running."""
        child = self.start(words)
        try:
            child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
        return self._collect(child)

    def kill_at(self, words: list[str], point: str) -> bool:
        """Run a command with a crash at a point. Returns True if the point was reached."""
        return self._collect(self.start(words, CRASH_AT=point))

    def points(self, words: list[str], counts: Path) -> dict[str, int]:
        """Run a command to its end. Returns the number of passes per crash point."""
        child = self.start(words, CRASH_COUNTS=str(counts))
        _, said = child.communicate(timeout=_PATIENCE_S)
        assert child.returncode == 0, said.decode()
        found: dict[str, int] = json.loads(counts.read_text())
        return found

    def _collect(self, child: "subprocess.Popen[bytes]") -> bool:
        _, said = child.communicate(timeout=_PATIENCE_S)
        assert child.returncode in (0, -signal.SIGKILL), said.decode()
        killed = child.returncode == -signal.SIGKILL
        self.kills += killed
        self._require_no_orphans(child.pid)
        self._require_nothing_lost()
        return killed

    def _require_no_orphans(self, parent: int) -> None:
        """Every child of the killed program is gone within a moment."""
        deadline = time.monotonic() + _GONE_WITHIN_S
        while left := orphans(self.home):
            assert time.monotonic() < deadline, f"processes outlive their parent {parent}: {left}"
            time.sleep(0.01)

    def _require_nothing_lost(self) -> None:
        if not (self.home / "library.db").exists():
            return
        now = read(self.home, _ACKNOWLEDGED)
        for table, before in self._acknowledged.items():
            lost = before - now[table]
            assert not lost, f"acknowledged and lost: {table} {lost}"
        self._acknowledged = dict(now)


def read(home: Path, queries: Mapping[str, str] = _CONTENT) -> Content:
    """The rows of each query, as text, with their counts."""
    with closing(sqlite3.connect(home / "library.db", timeout=30.0)) as connection:
        try:
            return {table: Counter(map(repr, connection.execute(sql))) for table, sql in queries.items()}
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):  # killed before the first migration
                raise
            return {table: Counter() for table in queries}


def differences(home: Path, other: Path) -> dict[str, object]:
    """Differences of second libraries; empty if equal."""
    first, second = read(home), read(other)
    return {
        table: (first[table] - second[table], second[table] - first[table])
        for table in first
        if first[table] != second[table]
    }


def files_of(home: Path) -> set[str]:
    """All expected files of a library, and any others."""
    passing = ("library.db-", "log/", f"{VECTORS}/lock")
    found = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    return {name for name in found if not name.startswith(passing)}


def require_sound(home: Path) -> None:
    """The database and both text indexes are whole."""
    with closing(sqlite3.connect(home / "library.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        for index in ("passage_words", "passage_grams"):
            connection.execute(f"INSERT INTO {index}({index}, rank) VALUES ('integrity-check', 1)")


def done_again(server: FakeOllama) -> int:
    """Number of repeated requests to the server. The canary is no item."""
    asked: Counter[str] = Counter()
    for request in server.asked("/api/chat"):
        if pictures_of(request.body) and "one word" not in prompt_of(request.body):
            asked[hashlib.sha256(json.dumps(request.body, sort_keys=True).encode()).hexdigest()] += 1
    embedded: Counter[str] = Counter()
    batches_again = 0
    for request in server.asked("/api/embed"):
        batches_again += any(embedded[text] for text in request.body["input"])
        embedded.update(request.body["input"])
    return sum(asked.values()) - len(asked) + batches_again


def orphans(home: Path) -> list[str]:
    """Running processes of this library, by their environment in /proc."""
    wanted = f"VIDLOCAL_HOME={home}\0".encode()
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and int(process.name) != os.getpid():
            try:
                if wanted in (process / "environ").read_bytes() and b" Z " not in (process / "stat").read_bytes():
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
    return found


def make_films(folder: Path, number: int, *, seconds: int = 8) -> Path:
    """Short films of different shots, one with subtitles."""
    folder.mkdir(exist_ok=True)
    for seed in range(number):
        clips.scenes(folder / f"film{seed}.mp4", seconds=seconds, seed=seed)
    (folder / "film0.en.srt").write_text("1\n00:00:01,000 --> 00:00:03,000\nThe bride walks down the aisle.\n")
    return folder
