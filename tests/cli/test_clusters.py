"""Groups of nearly equal frames."""

import json

import numpy as np
import pytest

from tests.support import frame_vectors
from tests.support.commands import BUSY, Run
from tests.support.text_videos import random_rows
from vidlocal.store.content import videos
from vidlocal.store.database import Library

Groups = list[tuple[int, int, list[tuple[str, float, float, int]]]]


def groups(stdout: str, *, by: str = "picture vectors") -> Groups:
    document = json.loads(stdout)
    assert document["by"] == by
    return [
        (
            group["pictures"],
            group["videos"],
            [(take["video"]["title"], take["start"], take["end"], take["pictures"]) for take in group["takes"]],
        )
        for group in document["clusters"]
    ]


@pytest.fixture
def films(library: Library) -> Library:
    """Two films. Frames 2, 3 and 9 of one and 4 of the other are nearly equal, and so are the last two of the other."""
    rows = random_rows(30)
    rows[3] = rows[9] = rows[24] = rows[2]
    rows[29] = rows[28]
    frame_vectors.add_video(library, "one", frame_vectors.near(rows[:20], share=0.2))
    frame_vectors.add_video(library, "two", frame_vectors.near(rows[20:], share=0.2))
    return library


def test_largest_group_comes_first(run: Run, films: Library) -> None:
    result = run("clusters", "--json")
    assert groups(result.stdout) == [
        (4, 2, [("one", 20.0, 40.0, 2), ("one", 90.0, 100.0, 1), ("two", 40.0, 50.0, 1)]),
        (2, 1, [("two", 80.0, 100.0, 2)]),
    ]
    leader = json.loads(result.stdout)["clusters"][0]["looks_like"]
    assert (leader["video"]["title"], leader["time"]) == ("one", 20.0)
    assert result.stderr == "2 groups in 30 frames.\n"


def test_piped_it_is_a_line_for_each_take(run: Run, films: Library) -> None:
    lines = [line.split("\t") for line in run("clusters").stdout.splitlines()]
    assert lines[0] == ["1", "/videos/one.mp4", "0:00:20.0", "0:00:40.0", "2"]
    assert [line[0] for line in lines] == ["1", "1", "1", "2"]
    assert {line.split("\t")[0] for line in run("clusters", "--limit", "1").stdout.splitlines()} == {"1"}
    assert "-n N" in run("clusters", "--limit", "1").stderr


def test_plain_frames_are_in_no_group(run: Run, library: Library) -> None:
    frame_vectors.add_video(library, "fades", random_rows(3), dhashes=[0, 0, 0b11])
    with library.writing() as connection:
        connection.execute("DELETE FROM frame_vectors")
    assert groups(run("clusters", "--json").stdout, by="perceptual hash") == []


def test_clusters_accept_a_video_and_a_similarity(run: Run, films: Library) -> None:
    assert [group[:2] for group in groups(run("clusters", "--video", "one", "--json").stdout)] == [(3, 1)]
    assert groups(run("clusters", "--threshold", "0.999", "--json").stdout) == []
    assert run("clusters", "--threshold", "1.5").exit_code == 2
    assert run("clusters", "--video", "nobody").exit_code == 2


def test_without_vectors_hashes_are_compared_with_a_notice(run: Run, library: Library) -> None:
    frame_vectors.add_video(library, "one", random_rows(3), dhashes=[BUSY, 0xFF00, BUSY ^ 0b111111])
    with library.writing() as connection:
        connection.execute("DELETE FROM frame_vectors")
    result = run("clusters", "--json")
    assert groups(result.stdout, by="perceptual hash") == [(2, 1, [("one", 0.0, 30.0, 2)])]
    assert "perceptual hash" in result.stderr
    assert "vidlocal setup --pictures" in result.stderr
    assert groups(run("clusters", "--json", "--threshold", "0.95").stdout, by="perceptual hash") == []


def test_vectors_and_hashes_and_models_never_meet(run: Run, library: Library) -> None:
    rows = np.repeat(random_rows(1), 4, axis=0)
    frame_vectors.add_video(library, "one", rows, dhashes=[0] * 4)
    frame_vectors.add_video(library, "two", rows[:2], key="other@1", dhashes=[0] * 2)
    assert [group[:2] for group in groups(run("clusters", "--json").stdout)] == [(4, 1)]


def test_nothing_alike_is_a_sentence(run: Run, library: Library) -> None:
    assert run("clusters").stderr.startswith("No similar frames among 0 frames.")
    frame_vectors.add_video(library, "one", random_rows(5))
    result = run("clusters")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No similar frames among 5 frames.\n")


def test_missing_video_is_not_in_a_group(run: Run, films: Library) -> None:
    videos.remove(films, 2)
    assert [group[1:] for group in groups(run("clusters", "--json").stdout)] == [
        (1, [("one", 20.0, 40.0, 2), ("one", 90.0, 100.0, 1)])
    ]
