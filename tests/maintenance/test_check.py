"""All damage is detected, derived data is repaired, and source files are never touched."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.support import clips, seen_people
from vidlocal.enrich.workers import fast_pass
from vidlocal.errors import StoreError
from vidlocal.ingest.run import IngestTools as IngestTools
from vidlocal.ingest.run import ingest
from vidlocal.maintenance.check import CheckTools, check
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.probe.prober import Prober
from vidlocal.model_answers import SceneAnswer
from vidlocal.records import JobKind, Passage, PassageKind, Provenance
from vidlocal.signals.screen_text import RapidOcr
from vidlocal.store.check.finding import Category
from vidlocal.store.content import frame_vectors, frames, passages, videos
from vidlocal.store.database import Library
from vidlocal.store.index import vector_cache
from vidlocal.store.process_locks import ProcessLock
from vidlocal.store.queue import jobs

KEY, LOOK = "model@0123456789ab", "clip-vit-b32@0123456789ab"
MADE_BY = Provenance("ollama", "llava:7b", "0" * 64, "1")

Damage = Callable[[Path, sqlite3.Connection], object]


@pytest.fixture(scope="module")
def tools() -> Iterator[CheckTools]:
    with Prober() as prober:
        yield CheckTools(None, prober)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tools: CheckTools) -> Path:
    """A library of two films, all frames described, all passages embedded, beside the films."""
    folder = tmp_path_factory.mktemp("whole")
    for number in range(2):
        clips.scenes(folder / f"film{number}.mp4", seconds=12, seed=number)
    with (
        Library.open(folder / "home", create=True) as library,
        ProcessLock(library.folder) as lock,
        RapidOcr() as reader,
    ):
        engines = fast_pass.FastEngines(find_ffmpeg(None), tools.prober, reader, None)
        films = [folder / "film0.mp4", folder / "film1.mp4"]
        taken = list(
            ingest(library, films, IngestTools(engines.ffmpeg, tools.prober, engines), lock, every=0.5, later=True)
        )
        assert all(outcome.video for outcome in taken)
        describe_everything(library)
        speech = [Passage(0.01 * n, 0.01 * n + 1, PassageKind.SPEECH, f"word{n} said") for n in range(1100)]
        passages.add(library, 1, speech)
        passages.add(library, 2, [Passage(1.0, 2.0, PassageKind.SUBTITLE, "Happy birthday")])
        embed_everything(library)
        vector_cache.prepare(library, KEY)
        look_at_everything(library)
        for video_id in (1, 2):
            seen_people.see(library, video_id, {"Anna": [(0, 1), (4, 5)], "Tom": [(0, 2)]})
        with library.writing() as connection:
            connection.execute("UPDATE jobs SET state = 'done'")
        library.row("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder


def describe_everything(library: Library) -> None:
    while job := jobs.claim(library, JobKind.DESCRIBE, worker="w", now=0.0, lease_s=1.0):
        frame = frames.get(library, job.target)
        assert frame is not None
        with library.writing():
            frames.store_scene(library, frame, SceneAnswer(f"A scene at {frame.time}.", tags=("scene",)), MADE_BY)
            jobs.finish(library, job)


def embed_everything(library: Library) -> None:
    dice = np.random.default_rng(1)
    for video_id in (1, 2):
        ids = [passage_id for passage_id, _ in passages.without_vector(library, video_id, KEY, limit=5000)]
        vectors = dice.normal(size=(len(ids), 16)).astype(np.float32)
        passages.store_vectors(library, KEY, ids, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def look_at_everything(library: Library) -> None:
    for video_id in (1, 2):
        ids = [frame.id for frame in frame_vectors.frames_without_vector(library, video_id, LOOK, limit=5000)]
        angles = np.arange(len(ids), dtype=np.float32)
        frame_vectors.store(library, LOOK, ids, np.stack([np.cos(angles), np.sin(angles)], axis=1))


@pytest.fixture
def home(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole / "home", tmp_path / "home", dirs_exist_ok=True))


@dataclass(frozen=True)
class Case:
    """A defect: its finding, and its repair if possible."""

    name: str
    part: Category
    damage: Damage
    mendable: bool = True


def sql(*statements: str) -> Damage:
    def damage(home: Path, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA foreign_keys = OFF")
        for statement in statements:
            connection.execute(statement)

    return damage


def an_image(home: Path) -> Path:
    return min((home / "frames").glob("*/*.jpg"))


def flip(path: Path, at: int, count: int = 1) -> None:
    data = bytearray(path.read_bytes())
    for place in range(at, at + count):
        data[place] ^= 0x55
    path.write_bytes(data)


def forget_checksum_and(change: Callable[[Path], object]) -> Damage:
    def damage(home: Path, connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE frames SET image_crc = NULL")
        change(an_image(home))

    return damage


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def mirror_file(home: Path, pattern: str) -> Path:
    return next((home / "vectors").glob(f"*/{pattern}"))


def write(name: str, data: bytes = b"x") -> Damage:
    def damage(home: Path, connection: sqlite3.Connection) -> None:
        path = home / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)

    return damage


FIRST = "(SELECT min(id) FROM passages)"
WORDS = f"'delete', {FIRST}, (SELECT text FROM passages WHERE id = {FIRST})"
CASES = [
    Case("words", Category.TEXT_INDEX, sql(f"INSERT INTO passage_words(passage_words, rowid, text) VALUES ({WORDS})")),
    Case("grams", Category.TEXT_INDEX, sql(f"INSERT INTO passage_grams(passage_grams, rowid, text) VALUES ({WORDS})")),
    Case("index rot", Category.TEXT_INDEX, sql("UPDATE passage_words_data SET block = x'0011' WHERE id > 10")),
    Case(
        "text changed behind the index",
        Category.TEXT_INDEX,
        sql("DROP TRIGGER passages_changed", f"UPDATE passages SET text = 'zebra' WHERE id = {FIRST}"),
    ),
    Case(
        "folded text of another text", Category.TEXT_INDEX, sql(f"UPDATE passages SET folded = 'x' WHERE id = {FIRST}")
    ),
    Case("text changed by hand", Category.TEXT_INDEX, sql(f"UPDATE passages SET text = 'Été' WHERE id = {FIRST}")),
    Case("lost trigger", Category.DATABASE, sql("DROP TRIGGER passages_added")),
    Case("lost index", Category.DATABASE, sql("DROP INDEX jobs_to_claim")),
    Case("lost view", Category.DATABASE, sql("DROP VIEW enriched_frames")),
    Case("orphan passage", Category.ROWS, sql(f"UPDATE passages SET video_id = 99 WHERE id = {FIRST}")),
    Case("orphan vector", Category.ROWS, sql("UPDATE vectors SET passage_id = 999999 WHERE id = 3")),
    Case("orphan copy", Category.ROWS, sql("INSERT INTO copies VALUES (77, 99, '/x', 1, 1, 1)")),
    Case(
        "repeat of nothing",
        Category.ROWS,
        sql("UPDATE frames SET same_as = 99999 WHERE same_as = (SELECT max(same_as) FROM frames)"),
    ),
    Case(
        "repeat of a repeat",
        Category.ROWS,
        sql("UPDATE frames SET same_as = id WHERE id = (SELECT max(id) FROM frames WHERE same_as IS NOT NULL)"),
    ),
    Case(
        "repeat of another film's frame",
        Category.ROWS,
        sql("UPDATE frames SET same_as = 1 WHERE id = (SELECT max(id) FROM frames WHERE same_as IS NOT NULL)"),
    ),
    Case(
        "forgotten image",
        Category.ROWS,
        sql("UPDATE frames SET image = NULL WHERE id = (SELECT max(id) FROM frames WHERE image IS NOT NULL)"),
    ),
    Case("facts", Category.ROWS, sql("UPDATE frames SET facts = '{\"bright' WHERE id = 1")),
    Case("frame outside", Category.ROWS, sql("UPDATE frames SET time = 4000 WHERE id = 2"), mendable=False),
    Case("scene outside", Category.ROWS, sql("UPDATE passages SET start = 70, \"end\" = 80 WHERE kind = 'scene'")),
    Case(
        "speech outside", Category.ROWS, sql("UPDATE passages SET start = 700, \"end\" = 701 WHERE text LIKE 'word7 %'")
    ),
    Case("passage too long", Category.ROWS, sql(f'UPDATE passages SET "end" = 90 WHERE id = {FIRST}')),
    Case("passage backwards", Category.ROWS, sql(f'UPDATE passages SET start = 5, "end" = 1 WHERE id = {FIRST}')),
    Case("lost description", Category.ROWS, sql("DELETE FROM passages WHERE kind = 'scene' AND video_id = 1")),
    Case(
        "lost jobs",
        Category.ROWS,
        sql("UPDATE frames SET enriched_at = NULL", "DELETE FROM jobs WHERE kind = 'describe'"),
    ),
    Case("job of nothing", Category.ROWS, sql("UPDATE jobs SET target = 99999 WHERE id = 1 AND kind = 'describe'")),
    Case("job of another film", Category.ROWS, sql("UPDATE jobs SET target = 7 WHERE kind = 'embed' AND video_id = 1")),
    Case("odd job", Category.ROWS, sql("UPDATE jobs SET kind = 'juggle' WHERE kind = 'read' AND video_id = 1")),
    Case("odd state", Category.ROWS, sql("DROP TRIGGER jobs_moved", "UPDATE jobs SET state = 'gone' WHERE id = 1")),
    Case("odd passage", Category.ROWS, sql(f"UPDATE passages SET kind = 'smell' WHERE id = {FIRST}"), mendable=False),
    Case("odd search", Category.ROWS, sql("INSERT INTO searches VALUES (1, 'cake', 3, '[[1,', '2026')")),
    Case("odd measure", Category.ROWS, sql("INSERT INTO measures VALUES (999, 'seconds_per_frame', 'soon')")),
    Case("status", Category.ROWS, sql("UPDATE videos SET enrichment_status = 'pending' WHERE id = 2")),
    Case("lost vectors", Category.ROWS, sql("DELETE FROM vectors WHERE id < 9")),
    Case("short vector", Category.VECTORS, sql("UPDATE vectors SET vector = x'00112233' WHERE id = 5")),
    Case("no number", Category.VECTORS, sql(f"UPDATE vectors SET vector = x'{'0000c07f' * 16}' WHERE id = 5")),
    Case("not a direction", Category.VECTORS, sql(f"UPDATE vectors SET vector = x'{'00000000' * 16}' WHERE id = 5")),
    Case("orphan vector of a frame", Category.ROWS, sql("UPDATE frame_vectors SET frame_id = 999999 WHERE id = 3")),
    Case("lost vectors of frames", Category.ROWS, sql("DELETE FROM frame_vectors WHERE id < 4")),
    Case("short vector of a frame", Category.VECTORS, sql("UPDATE frame_vectors SET vector = x'0011' WHERE id = 5")),
    Case(
        "long vector of a frame",
        Category.VECTORS,
        sql("UPDATE frame_vectors SET vector = x'0000004000000000' WHERE id = 5"),
    ),
    Case(
        "face of another film",
        Category.ROWS,
        sql("UPDATE faces SET frame_id = (SELECT max(id) FROM frames) WHERE id = 1"),
    ),
    Case("face outside its frame", Category.ROWS, sql("UPDATE faces SET x = 9e999 WHERE id = 1")),
    Case("face of no size", Category.ROWS, sql("UPDATE faces SET width = 0 WHERE id = 2")),
    Case(
        "appearance without a face", Category.ROWS, sql("DROP TRIGGER faces_removed", "DELETE FROM faces WHERE id = 1")
    ),
    Case("appearance outside", Category.ROWS, sql('UPDATE face_tracks SET "end" = 4000 WHERE id = 1')),
    Case("appearance backwards", Category.ROWS, sql("UPDATE face_tracks SET start = 3 WHERE id = 1")),
    Case(
        "said to be and not to be",
        Category.ROWS,
        sql("INSERT INTO face_exclusions (track_id, person_id) SELECT id, person_id FROM face_tracks WHERE id = 1"),
    ),
    Case("nobody", Category.ROWS, sql("INSERT INTO people (name) VALUES ('Eve')")),
    Case(
        "outdated sum",
        Category.ROWS,
        sql("INSERT INTO person_vectors SELECT 1, id, 'sface@0123456789ab', 77, x'00' FROM people WHERE name = 'Anna'"),
    ),
    Case("odd change", Category.ROWS, sql("INSERT INTO people_changes (before) VALUES ('{')")),
    Case("odd change of speakers", Category.ROWS, sql("INSERT INTO speaker_changes (before) VALUES ('{')")),
    Case("short vector of a face", Category.VECTORS, sql("UPDATE face_tracks SET vector = x'0011' WHERE id = 1")),
    Case(
        "face that is no direction",
        Category.VECTORS,
        sql("UPDATE face_tracks SET vector = zeroblob(length(vector)) WHERE id = 1"),
    ),
    Case("mirror cut", Category.VECTORS, lambda home, _: cut_in_half(mirror_file(home, "*.rows"))),
    Case("mirror rot", Category.VECTORS, lambda home, _: flip(mirror_file(home, "*.rows"), 400)),
    Case("mirror signs", Category.VECTORS, lambda home, _: flip(mirror_file(home, "*.bits"), 400)),
    Case("mirror head", Category.VECTORS, lambda home, _: mirror_file(home, "head.json").write_text("{")),
    Case("mirror of nothing", Category.LEFTOVERS, write("vectors/0011/head.json")),
    Case("image gone", Category.IMAGES, lambda home, _: an_image(home).unlink()),
    Case("image empty", Category.IMAGES, lambda home, _: an_image(home).write_bytes(b"")),
    Case("image cut", Category.IMAGES, lambda home, _: cut_in_half(an_image(home))),
    Case(
        "one bit of an image", Category.IMAGES, lambda home, _: flip(an_image(home), an_image(home).stat().st_size // 2)
    ),
    Case(
        "another image",
        Category.IMAGES,
        lambda home, _: shutil.copy(max((home / "frames").glob("*/*.jpg")), an_image(home)),
    ),
    Case("image cut, no checksum", Category.IMAGES, forget_checksum_and(cut_in_half)),
    Case("image is text, no checksum", Category.IMAGES, forget_checksum_and(lambda path: path.write_text("no"))),
    Case("folder of images gone", Category.IMAGES, lambda home, _: shutil.rmtree(an_image(home).parent)),
    Case("stray file", Category.LEFTOVERS, write("frames/notes.txt")),
    Case("stray folder", Category.LEFTOVERS, write("frames/abcdef/000000.jpg")),
    Case(
        "stray image",
        Category.LEFTOVERS,
        lambda home, _: shutil.copy(an_image(home), an_image(home).with_name("9.jpg")),
    ),
    Case("staging of the dead", Category.LEFTOVERS, write("frames/.staging-0011223344556677/000000.jpg")),
]


def found(home: Path, tools: CheckTools, *, repair: bool = False) -> list[tuple[Category, bool]]:
    with Library.open(home) as library:
        checked = check(library, tools, repair=repair)
        return [(result.finding.category, result.repaired) for result in checked if not result.finding.is_note]


def test_a_whole_library_is_in_order_and_checking_changes_nothing(home: Path, tools: CheckTools) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert found(home, tools) == []
    after = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert {path.name for path in set(before) ^ set(after)} <= {"library.db-wal", "library.db-shm"}
    assert all(after[path] == data for path, data in before.items())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_damage_is_found_and_repaired(home: Path, whole: Path, tools: CheckTools, case: Case) -> None:
    sources = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in whole.glob("*.mp4")}
    with closing(sqlite3.connect(home / "library.db", isolation_level=None)) as connection:
        case.damage(home, connection)
    assert case.part in [part for part, _ in found(home, tools)]
    mended = found(home, tools, repair=True)
    assert all(done for _, done in mended) == case.mendable, mended
    left = found(home, tools)
    assert (left == []) == case.mendable, left
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in whole.glob("*.mp4")} == sources


def test_invalid_frame_vectors_are_recomputed(home: Path, tools: CheckTools) -> None:
    with Library.open(home) as library:
        library.connection.execute("UPDATE frame_vectors SET vector = x'0011' WHERE id = 5")
        list(check(library, tools, repair=True))
        assert library.number("SELECT count(*) FROM frame_vectors WHERE id = 5") == 0
        (job,) = library.rows("SELECT target, state FROM jobs WHERE kind = 'pictures'")
        assert tuple(job) == (1, "queued")


def test_invalid_vectors_of_windows_are_recomputed(home: Path, tools: CheckTools) -> None:
    with Library.open(home) as library:
        library.connection.execute(
            "INSERT INTO windows (passage_id, last_id, model, vector) SELECT id, id, ?, x'0011' FROM passages LIMIT 1",
            (KEY,),
        )
        messages = [result.finding.message for result in check(library, tools, repair=True)]
        assert f"Invalid vectors of {KEY}: 1." in messages
        assert library.number("SELECT count(*) FROM windows") == 0
        assert library.number("SELECT count(*) FROM jobs WHERE kind = 'embed' AND state = 'queued'") == 1


def test_video_without_frame_vectors_is_complete(home: Path, tools: CheckTools) -> None:
    with Library.open(home) as library:
        library.connection.execute(
            "DELETE FROM frame_vectors WHERE frame_id IN (SELECT id FROM frames WHERE video_id = 2)"
        )
    assert found(home, tools) == []


def test_restored_image_gets_its_vector(home: Path, tools: CheckTools) -> None:
    image = an_image(home)
    with Library.open(home) as library:
        like = f"%{image.parent.name}/{image.name}"
        video_id = library.number("SELECT video_id FROM frames WHERE image LIKE ?", like)
        library.connection.execute(
            "DELETE FROM frame_vectors WHERE frame_id = (SELECT id FROM frames WHERE image LIKE ?)", (like,)
        )
        for target in (1, 2):
            jobs.add(library, JobKind.PICTURES, target, target)
        library.connection.execute("UPDATE jobs SET state = 'failed' WHERE kind = 'pictures'")
        image.unlink()
        list(check(library, tools, repair=True))
        queued = [row["target"] for row in library.rows("SELECT target FROM jobs WHERE state = 'queued'")]
    assert queued == [video_id]


def test_restored_image_equals_the_lost_one(home: Path, tools: CheckTools) -> None:
    image = an_image(home)
    before = image.read_bytes()
    image.unlink()
    found(home, tools, repair=True)
    assert image.read_bytes() == before
    assert image.stat().st_mode & 0o777 == 0o600


def test_frame_with_restored_image_is_requeued(home: Path, tools: CheckTools) -> None:
    image = an_image(home)
    with Library.open(home) as library:
        with library.writing() as connection:
            frame = connection.execute(
                "SELECT id FROM frames WHERE image LIKE ?", (f"%{image.parent.name}/{image.name}",)
            ).fetchone()["id"]
            connection.execute("UPDATE frames SET enriched_at = NULL WHERE id = ?", (frame,))
            connection.execute("DELETE FROM passages WHERE frame_id = ?", (frame,))
            connection.execute("UPDATE jobs SET state = 'failed' WHERE kind = 'describe' AND target = ?", (frame,))
        image.unlink()
        list(check(library, tools, repair=True))
        queued = [row["target"] for row in library.rows("SELECT target FROM jobs WHERE state = 'queued'")]
    assert queued == [frame]


def test_data_lost_with_its_source_is_reported_not_removed(home: Path, whole: Path, tools: CheckTools) -> None:
    an_image(home).unlink()
    with Library.open(home) as library:
        with library.writing() as connection:
            connection.execute("UPDATE videos SET path = '/elsewhere' || path")
            connection.execute("UPDATE copies SET path = '/elsewhere' || path")
        checked = list(check(library, tools, repair=True))
        assert library.number("SELECT count(*) FROM videos") == 2
    notes = [result for result in checked if result.finding.is_note]
    assert len(notes) == 2
    (lost,) = [result for result in checked if not result.finding.is_note]
    assert not lost.repaired
    assert "not found or changed" in str(lost.error)


def test_dead_path_is_repaired_with_a_copy(home: Path, whole: Path, tools: CheckTools) -> None:
    with Library.open(home) as library:
        with library.writing() as connection:
            connection.execute("UPDATE videos SET path = '/elsewhere/film0.mp4', title = 'film0' WHERE id = 1")
        (result,) = check(library, tools, repair=True)
        assert result.repaired
        assert result.finding.message == f"/elsewhere/film0.mp4: not found. The same file is at {whole / 'film0.mp4'}."
        video = videos.get(library, 1)
        assert video is not None
        assert video.path == str(whole / "film0.mp4")
        assert list(check(library, tools, repair=False)) == []


def test_a_touched_source_differs_from_a_changed_source(
    home: Path, whole: Path, tmp_path: Path, tools: CheckTools
) -> None:
    with Library.open(home) as library:
        for film in ("film0.mp4", "film1.mp4"):
            shutil.copy2(whole / film, tmp_path / film)
        with library.writing() as connection:
            connection.execute("UPDATE videos SET path = replace(path, ?, ?)", (str(whole), str(tmp_path)))
            connection.execute("UPDATE copies SET path = replace(path, ?, ?)", (str(whole), str(tmp_path)))
        assert [result.finding.message for result in check(library, tools, repair=False)] == []
        os.utime(tmp_path / "film0.mp4", ns=(1, 1))
        with (tmp_path / "film1.mp4").open("ab") as file:
            file.write(b"more")
        touched, changed = check(library, tools, repair=True)
        assert touched.repaired
        assert "changed since it was ingested" in changed.finding.message
        assert changed.finding.repair is None
        assert [result.finding.message for result in check(library, tools, repair=False)] == [changed.finding.message]


def test_a_database_beyond_use_is_reported_and_left_alone(home: Path, tools: CheckTools) -> None:
    with closing(sqlite3.connect(home / "library.db")) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'frames'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    flip(home / "library.db", (root - 1) * size, 200)
    before = (home / "library.db").read_bytes()
    with pytest.raises(StoreError, match=r"damaged beyond repair.*frames"):
        found(home, tools, repair=True)
    assert (home / "library.db").read_bytes() == before


@pytest.mark.parametrize("table", ["passage_words_data", "vectors", "frame_vectors"])
def test_torn_pages_of_rebuildable_tables_are_repaired(home: Path, tools: CheckTools, table: str) -> None:
    with closing(sqlite3.connect(home / "library.db")) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    flip(home / "library.db", (root - 1) * size + 8, 60)
    assert found(home, tools)
    found(home, tools, repair=True)
    assert found(home, tools) == []
