import json
import os
from pathlib import Path

import pytest

from tests.support.commands import Run, hash_of
from tests.support.terminal import on_terminal
from vidlocal.records import FileStamp, MediaKind, Passage, PassageKind, Probe, TagKind, VideoTag
from vidlocal.store.content import passages, understanding, videos
from vidlocal.store.database import Library


def test_list_prints_one_tab_separated_line_per_video(run: Run, wedding: int) -> None:
    result = run("list")
    assert result.exit_code == 0
    assert result.stdout == f"{wedding}\twedding-2019\t/videos/wedding-2019.mp4\t20.0\tpartial\t2\t10\n"


def test_list_json_holds_every_video_with_its_frame_counts(run: Run, wedding: int) -> None:
    video = json.loads(run("list", "--json").stdout)["videos"][0]
    assert (video["id"], video["title"], video["duration"]) == (wedding, "wedding-2019", 20.0)
    assert (video["frames"], video["frames_described"]) == (10, 2)
    assert video["enrichment_status"] == "enriching"


def test_list_of_an_empty_library_says_how_to_fill_it(run: Run, library: Library) -> None:
    result = run("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "vidlocal ingest FOLDER" in result.stderr
    assert run("list", "--quiet").stderr == ""
    assert json.loads(run("list", "--json").stdout) == {"videos": []}


def test_show_prints_the_passages_along_the_timeline(run: Run, wedding: int) -> None:
    rows = [line.split("\t") for line in run("show", str(wedding)).stdout.splitlines()]
    assert [row[:3] for row in rows] == [
        ["0:00:00.0", "0:00:04.0", "scene"],
        ["0:00:04.0", "0:00:07.5", "speech"],
        ["0:00:10.0", "0:00:12.0", "screen_text"],
    ]
    assert rows[1][3] == "the bride walks down the aisle"


def test_show_keeps_to_the_kinds_asked_for(run: Run, wedding: int) -> None:
    shown = run("show", "wedding", "--kind", "speech", "--kind", "scene").stdout.splitlines()
    assert [line.split("\t")[2] for line in shown] == ["scene", "speech"]
    assert run("show", "wedding", "--kind", "nonsense").exit_code == 2


def test_show_json_holds_the_video_and_its_passages(run: Run, wedding: int) -> None:
    shown = json.loads(run("show", str(wedding), "--json").stdout)
    assert shown["video"]["path"] == "/videos/wedding-2019.mp4"
    assert [passage["kind"] for passage in shown["passages"]] == ["scene", "speech", "screen_text"]
    assert shown["passages"][0]["model"] == "llava:7b"


def test_show_prints_summary_tags_and_chapters(run: Run, library: Library, wedding: int) -> None:
    seen = passages.of_video(library, wedding)[0].id or 0
    tags = [VideoTag(TagKind.PERSON, "bride", (seen,))]
    understanding.store_tags(library, wedding, tags, event_type="wedding", excitement=0.5)
    video = json.loads(run("show", str(wedding), "--json").stdout)["video"]
    assert (video["event_type"], video["excitement"]) == ("wedding", 0.5)
    assert video["tags"] == [{"kind": "person", "tag": "bride", "rests_on": [seen]}]
    assert video["chapters"] == []


def test_show_of_an_unknown_video_is_2(run: Run, wedding: int) -> None:
    result = run("show", "funeral")
    assert result.exit_code == 2
    assert "vidlocal list" in result.stderr


def test_show_of_an_ambiguous_name_is_2_with_the_candidates(run: Run, wedding: int, evil: int) -> None:
    result = run("show", "e")
    assert result.exit_code == 2
    assert "wedding-2019" in result.stderr


def test_a_path_in_a_pipe_leads_to_its_file(run: Run, library: Library, wedding: int) -> None:
    with library.writing() as connection:
        connection.execute("UPDATE videos SET path = '/videos/two  spaces .mp4'")
    assert run("list").stdout.split("\t")[2] == "/videos/two  spaces .mp4"


def test_json_holds_undecodable_paths(run: Run, library: Library, wedding: int) -> None:
    path = b"/videos/caf\xe9\x9b.mp4"
    with library.writing() as connection:
        connection.execute("UPDATE videos SET path = ?", (path,))
    (video,) = json.loads(run("list", "--json").stdout)["videos"]
    assert os.fsencode(video["path"]) == path
    assert run("list").stdout.split("\t")[2] == "/videos/caf\ufffd\ufffd.mp4"


@pytest.fixture
def three(library: Library) -> Library:
    for path, length in (("a/beach.mp4", 30), ("b/beach.mp4", 10), ("b/airport.mp4", 20)):
        videos.add(
            library,
            content_hash=hash_of(path),
            path=Path("/films") / path,
            stamp=FileStamp(size_bytes=length, mtime_ns=1, inode=1),
            probe=Probe(MediaKind.VIDEO, float(length)),
            frame_drafts=[],
            text_passages=[],
            plan=[],
        )
    return library


def _listed(run: Run, *words: str) -> list[str]:
    return [line.split("\t")[2].removeprefix("/films/") for line in run("list", *words).stdout.splitlines()]


def test_list_sorts_and_filters(run: Run, three: Library) -> None:
    assert _listed(run) == ["a/beach.mp4", "b/beach.mp4", "b/airport.mp4"]
    assert _listed(run, "--sort", "title") == ["b/airport.mp4", "a/beach.mp4", "b/beach.mp4"]
    assert _listed(run, "--sort", "length") == ["a/beach.mp4", "b/airport.mp4", "b/beach.mp4"]
    assert _listed(run, "--folder", "/films/b") == ["b/beach.mp4", "b/airport.mp4"]
    assert _listed(run, "--status", "waiting") == []
    assert _listed(run, "-n", "1") == ["a/beach.mp4"]
    assert "2 more videos" in run("list", "-n", "1").stderr


def test_list_shows_the_path_of_equal_titles_only(three: Library) -> None:
    paths = [line.split()[0] for line in on_terminal(100, "list", home=three.folder) if "/films/" in line]
    assert paths == ["/films/a/beach.mp4", "/films/b/beach.mp4"]


def test_show_keeps_to_a_part_of_the_video(run: Run, wedding: int) -> None:
    kinds = [line.split("\t")[2] for line in run("show", "wedding", "--at", "0:05-0:11").stdout.splitlines()]
    assert kinds == ["speech", "screen_text"]
    assert len(run("show", "wedding", "-n", "1").stdout.splitlines()) == 1
    assert run("show", "wedding", "--at", "noon").exit_code == 2


def test_show_folds_repeated_captions_and_puts_the_summary_first(library: Library, wedding: int) -> None:
    texts = [Passage(20.0 + n, 21.0 + n, PassageKind.SCENE, "A bride dances in a hall.") for n in range(4)]
    summary = Passage(0.0, 60.0, PassageKind.SUMMARY, "A wedding from noon to night.")
    passages.add(library, wedding, [*texts, summary])
    lines = on_terminal(100, "show", "id:1", home=library.folder)
    assert lines[0] == "A wedding from noon to night."
    assert [line.rstrip() for line in lines if "dances" in line] == [
        "0:20 to 0:24  scene        A bride dances in a hall.  ×4"
    ]
