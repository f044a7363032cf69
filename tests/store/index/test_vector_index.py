import json
import os
import shutil
import stat
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.support.text_videos import KEY, add_vectors, add_video, random_rows
from vidlocal.records import Passage, PassageKind
from vidlocal.store.content import passages, videos, windows
from vidlocal.store.database import Library
from vidlocal.store.index import sign_bits, vector_cache, vector_index
from vidlocal.store.index.search_filter import SearchFilter
from vidlocal.store.index.vector_index import Nearest

MANY = vector_cache.MAX_UNCACHED + 200


def nearest(library: Library, vector: np.ndarray, *, limit: int = 5, **more: object) -> Nearest:
    cache = vector_cache.prepare(library, KEY)
    return vector_index.nearest(library, cache, vector.tolist(), limit=limit, **more)  # type: ignore[arg-type]


def fill(library: Library, count: int, *, title: str = "clip", seed: int = 1) -> tuple[list[int], np.ndarray]:
    _, ids = add_video(library, title, [f"text {n}" for n in range(count)])
    rows = random_rows(count, seed=seed)
    add_vectors(library, ids, rows)
    return ids, rows


def manifest_of(library: Library) -> Path:
    (manifest,) = (library.folder / vector_cache.FOLDER).glob("*/head.json")
    return manifest


def cached_count(library: Library) -> int:
    return int(json.loads(manifest_of(library).read_bytes())["count"])


@pytest.mark.parametrize("count", [3, MANY])
def test_the_nearest_come_first_with_their_cosines(library: Library, count: int) -> None:
    ids, rows = fill(library, count)
    best = list(nearest(library, rows[1]).cosines.items())
    exact = rows @ rows[1]
    assert best[0][0] == ids[1]
    assert [passage for passage, _ in best] == [ids[n] for n in np.argsort(-exact)[:5]]
    assert best[0][1] == pytest.approx(1.0, abs=1e-5)


def test_the_background_of_a_query_is_measured(library: Library) -> None:
    _, rows = fill(library, MANY)
    found = nearest(library, rows[0])
    assert found.mean == pytest.approx(float((rows @ rows[0]).mean()), abs=0.02)
    assert found.spread == pytest.approx(float((rows @ rows[0]).std()), abs=0.02)


def test_the_scan_of_sign_bits_misses_next_to_nothing() -> None:
    """Groups of similar vectors, like passages about a subject, have neighbours hard to separate."""
    chance = np.random.default_rng(5)
    themes = random_rows(10, dimensions=384, seed=6)
    rows = np.repeat(themes, 2_000, axis=0) + 0.6 * random_rows(20_000, dimensions=384, seed=7)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    bits = sign_bits.pack(rows)
    recalls = []
    for theme in themes:
        query = theme + 0.04 * chance.standard_normal(384).astype(np.float32)
        differing = np.bitwise_count(bits ^ sign_bits.pack(query[None])).sum(axis=1, dtype=np.uint16)
        best = vector_index.closest_by_signs(differing)
        assert len(best) < len(rows) / 4
        recalls.append(np.isin(np.argpartition(-(rows @ query), 100)[:100], best).mean())
    assert np.mean(recalls) >= 0.99


def test_a_scan_of_allowed_rows_returns_no_others() -> None:
    distances = np.tile(np.arange(20, dtype=np.uint16), 1_000)
    allowed = np.arange(20_000) % 20 >= 10
    best = vector_index.closest_by_signs(distances, allowed)
    assert set(distances[best].tolist()) == {10, 11, 12, 13}
    assert len(best) == vector_index.RESCORED


def test_few_vectors_need_no_files(library: Library) -> None:
    _, rows = fill(library, 30)
    nearest(library, rows[0])
    assert not (library.folder / vector_cache.FOLDER).exists()


def test_the_cache_is_private(library: Library) -> None:
    fill(library, MANY)
    vector_cache.prepare(library, KEY)
    folder = library.folder / vector_cache.FOLDER
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
    assert set(modes.values()) == {0o600, 0o700}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(mode == 0o600 for name, mode in modes.items() if "." in name or name == "lock")


def test_new_vectors_are_found_at_once_and_cached_when_they_are_many(library: Library) -> None:
    fill(library, MANY)
    nearest(library, random_rows(1)[0])
    more, rows = fill(library, 10, title="later", seed=2)
    assert next(iter(nearest(library, rows[3]).cosines)) == more[3]
    assert cached_count(library) == MANY
    again, rows = fill(library, MANY, title="latest", seed=3)
    assert next(iter(nearest(library, rows[7]).cosines)) == again[7]
    assert cached_count(library) == 2 * MANY + 10
    assert len(list(manifest_of(library).parent.iterdir())) == 4


def test_deleted_passages_are_not_found_and_their_ids_are_not_used_again(library: Library) -> None:
    fill(library, MANY)
    old, rows = fill(library, MANY, title="old", seed=2)
    nearest(library, rows[0])
    videos.remove(library, 2)
    assert old[0] not in nearest(library, rows[0], limit=50).cosines
    new, others = fill(library, MANY, title="new", seed=3)
    assert new[0] > old[-1]
    assert next(iter(nearest(library, others[0]).cosines)) == new[0]
    assert nearest(library, rows[0]).cosines.get(new[0], 0.0) < 0.9


def test_a_cache_of_deleted_vectors_is_rebuilt(library: Library) -> None:
    fill(library, 50)
    _, rows = fill(library, MANY, title="old", seed=2)
    nearest(library, rows[0])
    videos.remove(library, 2)
    nearest(library, rows[0])
    assert not list((library.folder / vector_cache.FOLDER).glob("*/head.json"))
    assert len(nearest(library, rows[0], limit=50).cosines) == 50


def test_unverified_passages_are_not_found(library: Library) -> None:
    ids, rows = fill(library, MANY)
    with library.writing() as connection:
        connection.execute("UPDATE passages SET visible = 0 WHERE id = ?", (ids[4],))
    assert ids[4] not in nearest(library, rows[4]).cosines
    assert cached_count(library) == MANY


@pytest.mark.parametrize(
    "damage", ["torn tail", "cut short", "no manifest", "rubbish manifest", "odd manifest", "rows gone"]
)
def test_a_damaged_cache_is_rebuilt(library: Library, damage: str) -> None:
    ids, rows = fill(library, MANY)
    nearest(library, rows[0])
    manifest = manifest_of(library)
    (data,) = manifest.parent.glob("*.rows")
    match damage:
        case "torn tail":
            with data.open("ab") as file:
                file.write(b"half a row")
        case "cut short":
            short = data.with_name("short")
            short.write_bytes(data.read_bytes()[:1000])
            short.replace(data)
        case "no manifest":
            manifest.unlink()
        case "rubbish manifest":
            manifest.write_bytes(b"\x00\xffnothing")
        case "odd manifest":
            manifest.write_text('{"version": 1}')
        case "rows gone":
            data.unlink()
    assert next(iter(nearest(library, rows[5]).cosines)) == ids[5]
    more, others = fill(library, MANY, title="more", seed=2)
    assert next(iter(nearest(library, others[5]).cosines)) == more[5]
    assert cached_count(library) == 2 * MANY


def test_the_cache_of_another_library_is_recognized(library: Library, tmp_path: Path) -> None:
    fill(library, MANY)
    vector_cache.prepare(library, KEY)
    with Library.open(tmp_path / "other", create=True) as other:
        ids, rows = fill(other, MANY, seed=2)
        shutil.copytree(library.folder / vector_cache.FOLDER, other.folder / vector_cache.FOLDER)
        assert next(iter(nearest(other, rows[9]).cosines)) == ids[9]


def test_a_restored_backup_of_the_library_is_recognized(library: Library, tmp_path: Path) -> None:
    ids, rows = fill(library, MANY)
    copy = tmp_path / "copy"
    copy.mkdir()
    library.connection.execute("VACUUM INTO ?", (str(copy / "library.db"),))
    fill(library, MANY, title="more", seed=2)
    vector_cache.prepare(library, KEY)
    shutil.copytree(library.folder / vector_cache.FOLDER, copy / vector_cache.FOLDER)
    with Library.open(copy) as restored:
        assert next(iter(nearest(restored, rows[9]).cosines)) == ids[9]
        assert cached_count(restored) == MANY


def test_only_the_chosen_videos_and_kinds_are_searched(library: Library) -> None:
    ids, rows = fill(library, MANY)
    lines = [Passage(1.0, 2.0, PassageKind.SPEECH, f"words {n}") for n in range(MANY)]
    two, more = add_video(library, "two", lines)
    add_vectors(library, more, rows)
    assert list(nearest(library, rows[0], limit=1, search_filter=SearchFilter(videos=frozenset({two}))).cosines) == [
        more[0]
    ]
    scenes = SearchFilter(kinds=frozenset({PassageKind.SCENE}))
    assert list(nearest(library, rows[0], limit=1, search_filter=scenes).cosines) == [ids[0]]
    assert not nearest(
        library, rows[0], search_filter=SearchFilter(videos=frozenset({two}), kinds=frozenset({PassageKind.SCENE}))
    ).cosines


def test_included_passages_get_their_cosine_at_any_distance(library: Library) -> None:
    ids, rows = fill(library, MANY)
    far = int(np.argmin(rows @ rows[0]))
    found = nearest(library, rows[0], limit=2, include_ids=[ids[far], 999_999]).cosines
    assert next(iter(found)) == ids[0]
    assert found[ids[far]] == pytest.approx(float(rows[far] @ rows[0]), abs=1e-5)
    assert len(found) == 3


def test_vectors_of_two_models_are_never_mixed(library: Library) -> None:
    ids, rows = fill(library, 10)
    passages.store_vectors(library, "other@1", ids[:1], np.full((1, 4), 0.5, dtype=np.float32))
    assert vector_index.keys(library) == [KEY, "other@1"]
    cache = vector_cache.prepare(library, "other@1")
    assert list(vector_index.nearest(library, cache, [0.5] * 4, limit=5).cosines) == ids[:1]
    assert not vector_index.nearest(library, cache, rows[0].tolist(), limit=5).cosines


def test_a_library_without_vectors_has_no_keys_and_finds_nothing(library: Library) -> None:
    assert vector_index.keys(library) == []
    assert not nearest(library, np.ones(4, dtype=np.float32)).cosines


def test_unwritable_cache_folder_costs_only_time(library: Library) -> None:
    ids, rows = fill(library, MANY)
    (library.folder / vector_cache.FOLDER).write_text("a file where the folder should be")
    assert next(iter(nearest(library, rows[5]).cosines)) == ids[5]


@pytest.mark.parametrize("what", ["vectors", "folder", "file", "manifest", "lock", "generation", "pipe"])
def test_cache_linked_elsewhere_is_left_alone(library: Library, tmp_path: Path, what: str) -> None:
    """Links in a library from someone else: their targets are not deleted, written or waited for."""
    _, vectors = fill(library, 1_200)
    nearest(library, vectors[0])
    private = tmp_path / "private"
    private.mkdir()
    for name in ("diary.txt", "x.rows", "x.bits", "x.ids"):
        (private / name).write_text("private " * 100)
    before = {path.name: path.read_bytes() for path in private.iterdir()}
    manifest, vectors_folder = manifest_of(library), library.folder / "vectors"
    rows = next(manifest.parent.glob("*.rows"))
    if what == "vectors":
        shutil.rmtree(vectors_folder)
        vectors_folder.symlink_to(private)
    elif what == "folder":
        shutil.rmtree(manifest.parent)
        manifest.parent.symlink_to(private)
    elif what == "generation":
        manifest.write_text(
            json.dumps(json.loads(manifest.read_text()) | {"generation": "../../../private/x", "count": 0, "last": 0})
        )
    else:
        place = {"file": rows, "manifest": manifest, "lock": vectors_folder / "lock", "pipe": manifest}[what]
        place.unlink()
        if what == "pipe":
            os.mkfifo(place)
        else:
            place.symlink_to(private / "diary.txt")
    fill(library, 1_200, title="more", seed=2)
    assert max(nearest(library, vectors[0]).cosines.values()) > 0.999
    assert {path.name: path.read_bytes() for path in private.iterdir()} == before


def test_a_purge_leaves_no_cache(library: Library) -> None:
    fill(library, MANY)
    vector_cache.prepare(library, KEY)
    videos.remove(library, 1, purge=True)
    assert not (library.folder / vector_cache.FOLDER).exists()


def test_searching_while_others_write_and_extend_the_cache_is_right(library: Library) -> None:
    """Four writers and searchers at once: nobody fails, and in the end everything is found."""
    fill(library, MANY)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with Library.open(library.folder) as own:
                for round_ in range(3):
                    ids, rows = fill(own, 400, title=f"clip {number} {round_}", seed=100 * number + round_)
                    assert next(iter(nearest(own, rows[0]).cosines)) == ids[0]
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures
    total = library.number("SELECT count(*) FROM vectors")
    cache = vector_cache.prepare(library, KEY)
    assert len(cache) + len(cache.newer(library).ids) == total == MANY + 4 * 3 * 400


def test_lines_count_with_their_neighbours_and_captions_alone(library: Library) -> None:
    query, other = np.eye(32, dtype=np.float32)[:2]
    half = (query + other) / np.sqrt(2)
    rows = np.array([query, half, query, other, half, other], dtype=np.float32)
    for kind in (PassageKind.SPEECH, PassageKind.SCENE):
        _, ids = add_video(library, kind, [Passage(5.0 * n, 5.0 * n + 5, kind, f"line {n}") for n in range(6)])
        add_vectors(library, ids, rows)
        cosines = nearest(library, query, limit=20).cosines
        near, far = cosines[ids[1]], cosines[ids[4]]
        assert (near > far + 0.1) if kind is PassageKind.SPEECH else (near == pytest.approx(far))


def talk(library: Library, rows: "np.ndarray[tuple[int, int], np.dtype[np.float32]]") -> list[int]:
    lines = [Passage(5.0 * n, 5.0 * n + 5, PassageKind.SPEECH, f"line {n}") for n in range(len(rows))]
    _, ids = add_video(library, "talk", lines)
    add_vectors(library, ids, rows)
    return ids


def test_lines_count_with_their_best_window(library: Library) -> None:
    query, other = np.eye(32, dtype=np.float32)[:2]
    ids = talk(library, np.array([other] * 20))
    before = nearest(library, query, limit=20).cosines
    windows.store_vectors(
        library, KEY, [(ids[2], ids[6]), (ids[4], ids[8])], np.array([query, (query + other) / np.sqrt(2)])
    )
    after = nearest(library, query, limit=20).cosines
    gains = [round(after[line] - before[line], 3) for line in ids]
    assert gains == [0.0] * 2 + [0.333] * 5 + [0.236] * 2 + [0.0] * 11


def test_lines_around_the_nearest_are_candidates(library: Library) -> None:
    query, other = np.eye(32, dtype=np.float32)[:2]
    rows = np.array([-query if n in (9, 11) else query if n == 10 else other for n in range(40)])
    ids = talk(library, rows)
    windows.store_vectors(library, KEY, [(ids[8], ids[12])], query[None])
    assert set(nearest(library, query, limit=4).cosines) >= {ids[8], ids[10], ids[12]}
