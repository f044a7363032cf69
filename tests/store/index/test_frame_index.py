"""Nearest frames of a query vector, and centroids of videos."""

import json

import numpy as np
import pytest

from tests.support.frame_vectors import KEY, Rows, add_video, near
from tests.support.text_videos import random_rows
from vidlocal.model_answers import SceneAnswer
from vidlocal.records import Passage, PassageKind, Provenance
from vidlocal.store.check import vectors as check
from vidlocal.store.content import frame_vectors, frames, passages, videos
from vidlocal.store.database import Library
from vidlocal.store.index import frame_index, vector_cache, vector_table
from vidlocal.store.index.search_filter import NO_FILTER, SearchFilter

MANY = vector_cache.MAX_UNCACHED + 200


def nearest(
    library: Library, row: Rows, *, limit: int = 5, min_cosine: float = -1.0, search_filter: SearchFilter = NO_FILTER
) -> dict[int, float]:
    cache = frame_index.prepare(library, KEY)
    found, _ = frame_index.nearest(
        library, cache, row, limit=limit, min_cosine=lambda background: min_cosine, search_filter=search_filter
    )
    return found


def cached_count(library: Library) -> int:
    (manifest,) = (library.folder / vector_cache.FOLDER).glob("*/head.json")
    return int(json.loads(manifest.read_bytes())["count"])


@pytest.mark.parametrize("count", [4, MANY])
def test_the_nearest_frames_come_first_with_their_cosines(library: Library, count: int) -> None:
    rows = random_rows(count)
    _, ids = add_video(library, "one", rows)
    found = nearest(library, rows[2], limit=3)
    exact = rows @ rows[2]
    assert list(found) == [ids[position] for position in np.argsort(-exact)[:3]]
    assert found[ids[2]] == pytest.approx(1.0, abs=1e-5)
    cache = frame_index.prepare(library, KEY)
    _, background = frame_index.nearest(library, cache, rows[2], limit=1, min_cosine=lambda background: 0.0)
    assert background.count == count
    assert background.median == pytest.approx(np.median(exact), abs=1e-5)
    assert count == 4 or background.spread == pytest.approx(exact.std(), abs=0.02)


def test_a_large_library_has_a_cache_of_its_own(library: Library) -> None:
    add_video(library, "one", random_rows(MANY))
    assert len(frame_index.prepare(library, KEY)) == cached_count(library) == MANY
    assert vector_cache.folder_of(library, KEY) != vector_cache.folder_of(library, KEY, vector_table.FRAME_VECTORS)
    assert list(check.caches(library)) == []
    rows = next((library.folder / vector_cache.FOLDER).glob("*/*.rows"))
    rows.write_bytes(b"\0" * 4 + rows.read_bytes()[4:])
    assert [finding.message for finding in check.caches(library)] == [f"Vector cache of {KEY}: damaged."]


def test_deleted_frames_are_not_found(library: Library) -> None:
    rows = random_rows(MANY)
    gone, ids = add_video(library, "one", rows)
    nearest(library, rows[0])
    videos.remove(library, gone)
    _, others = add_video(library, "two", random_rows(3, seed=2))
    assert others[0] > ids[-1]
    assert set(nearest(library, rows[0], limit=99)) == set(others)
    assert nearest(library, rows[0]).get(others[0], 0.0) < 0.9


def test_frames_below_the_minimum_cosine_are_left_out(library: Library) -> None:
    rows = random_rows(50)
    _, ids = add_video(library, "one", np.concatenate([rows, near(rows[:1])]))
    assert set(nearest(library, rows[0], limit=99, min_cosine=0.9)) == {ids[0], ids[50]}
    assert nearest(library, rows[0][:7]) == {}


def test_vectors_of_two_models_are_never_mixed(library: Library) -> None:
    rows = random_rows(3)
    _, ids = add_video(library, "one", rows)
    frame_vectors.store(library, "other@1", ids[:1], random_rows(1, dimensions=4))
    assert set(nearest(library, rows[0])) == set(ids)
    key, vector = frame_index.vector_of(library, ids[0]) or ("", None)
    assert (key, len(vector) if vector is not None else 0) == ("other@1", 4)
    assert frame_index.vector_of(library, 999) is None


def test_invalid_vectors_are_skipped(library: Library) -> None:
    rows = random_rows(3)
    _, ids = add_video(library, "one", rows)
    with library.writing() as connection:
        connection.execute("UPDATE frame_vectors SET vector = x'0102' WHERE frame_id = ?", (ids[1],))
        connection.execute("UPDATE frame_vectors SET vector = ? WHERE frame_id = ?", ("x" * 128, ids[2]))
    assert list(nearest(library, rows[0])) == ids[:1]
    assert frame_index.vector_of(library, ids[1]) is None
    assert frame_index.vector_of(library, ids[2]) is None


def describe(library: Library, frame_id: int, text: str, tag: str) -> None:
    frame = frames.get(library, frame_id)
    assert frame is not None
    with library.writing():
        frames.store_scene(library, frame, SceneAnswer(text, tags=(tag,)), Provenance("ollama", "m", "0" * 64, "1"))


def test_frames_are_filtered(library: Library) -> None:
    rows = random_rows(4)
    first, ids = add_video(library, "one", rows)
    second, others = add_video(library, "two", rows)
    describe(library, ids[1], "A bride cuts the cake.", "cake")
    passages.add(library, second, [Passage(15.0, 25.0, PassageKind.SPEECH, "now we dance")])
    speech = library.number("SELECT id FROM passages WHERE kind = 'speech'")
    with library.writing() as connection:
        connection.execute(
            "INSERT INTO video_tags (video_id, kind, tag, passage_id) VALUES (?, 'tag', 'dance', ?)", (second, speech)
        )
        connection.execute("UPDATE videos SET recorded_at = '2024-06-02T18:00:00' WHERE id = ?", (second,))

    def matching(**filters: object) -> set[int]:
        return set(nearest(library, rows[0], limit=99, search_filter=SearchFilter(**filters)))  # type: ignore[arg-type]

    everything = {*ids, *others}
    assert matching() == everything
    assert matching(videos=frozenset({second})) == set(others)
    assert matching(kinds=frozenset({PassageKind.PICTURE})) == everything
    assert matching(kinds=frozenset({PassageKind.SPEECH})) == set()
    assert matching(phrases=("cuts the cake",)) == {ids[1]}
    assert matching(excluded=("cake",)) == everything - {ids[1]}
    assert matching(tags=(frozenset({"cake"}),)) == {ids[1]}
    assert matching(tags=(frozenset({"dance"}),)) == {others[2]}
    assert matching(languages=frozenset({"en"})) == set()
    assert matching(before="2025", after="2024") == set(others)
    assert matching(span=(10.0, 20.0)) == {ids[1], ids[2], others[1], others[2]}
    assert matching(time_of_day=(18 * 60, 19 * 60)) == set(others)
    assert matching(videos=frozenset({first}), span=(0.0, 0.0), excluded=("cake",)) == {ids[0]}


def test_the_centroid_of_a_video_is_the_mean_of_its_frames(library: Library) -> None:
    cache = frame_index.prepare(library, KEY)
    assert [len(part) for part in frame_index.video_centroids(library, cache)] == [0, 0]
    rows = random_rows(MANY)
    first, _ = add_video(library, "one", rows[:700])
    second, _ = add_video(library, "two", rows[700:MANY])
    third, _ = add_video(library, "three", random_rows(3, seed=5))
    ids, vectors = frame_index.video_centroids(library, frame_index.prepare(library, KEY))
    assert ids.tolist() == [first, second, third]
    mean = rows[:700].mean(axis=0)
    assert vectors[0] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    videos.remove(library, second)
    assert frame_index.video_centroids(library, frame_index.prepare(library, KEY))[0].tolist() == [first, third]
