import json
import os

from tests.support.commands import Run
from vidlocal.records import TagKind, VideoTag
from vidlocal.store.content import passages, understanding
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
