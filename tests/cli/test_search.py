import json
import subprocess
import sys

import pytest

from tests.support.commands import Run, add_video
from vidlocal.search.verbatim import VERBATIM_SCORE
from vidlocal.store.database import Library

AWKWARD = [
    '"',
    '"unclosed',
    "AND",
    "a OR b",
    "NEAR(bride",
    "a-b",
    "x -x",
    "*",
    "^bride",
    "(",
    "''",
    "bogus:x",
    "bride*",
    "%_",
    "🎉",
    "花嫁",
    "; DROP TABLE passages; --",
    " ",
    "",
]


def test_search_piped_prints_path_start_end_score_kinds_text(run: Run, wedding: int) -> None:
    result = run("search", "bride", "walks", "down", "aisle")
    assert result.exit_code == 0
    path, start, end, score, kinds, text = result.stdout.splitlines()[0].split("\t")
    assert path == "/videos/wedding-2019.mp4"
    assert start.startswith("0:00:0")
    assert end.startswith("0:00:")
    assert 0 < float(score) <= 1
    assert "speech" in kinds
    assert "bride" in text


def test_search_json_is_one_document_of_moments_with_their_hits(run: Run, wedding: int) -> None:
    found = json.loads(run("search", "bride walks", "--json").stdout)
    assert found["query"] == "bride walks"
    moment = found["moments"][0]
    assert moment["video"] == {"id": wedding, "title": "wedding-2019", "path": "/videos/wedding-2019.mp4"}
    assert set(moment) >= {"video", "start", "end", "score", "kinds", "text", "hits"}


def test_quotes_around_the_query_are_optional(run: Run, wedding: int) -> None:
    assert run("search", "bride walks down aisle").stdout == run("search", "bride", "walks", "down", "aisle").stdout


def test_a_query_can_be_read_from_standard_input(run: Run, wedding: int) -> None:
    assert run("search", "-", input="bride walks\n").stdout == run("search", "bride walks").stdout


def test_megabyte_query_is_answered_and_a_longer_one_exits_with_2(run: Run, wedding: int) -> None:
    assert run("search", "-", input=b"bride \xff\x00" * 131072).exit_code == 0
    assert run("search", "-", input=b"x" * ((1 << 20) + 1)).exit_code == 2


@pytest.mark.parametrize("query", AWKWARD)
def test_any_query_text_is_safe(run: Run, wedding: int, query: str) -> None:
    for words in ([query], ["--", query], ["bride", query]):
        result = run("search", *words)
        assert result.exit_code == 0, result.stderr
        assert "Traceback" not in result.stderr


def test_undecodable_bytes_are_a_query(wedding: int) -> None:
    command: list[str | bytes] = [sys.executable, "-m", "vidlocal", "search", b"bride \xff\xfe", b"-\xff"]
    result = subprocess.run(command, capture_output=True, check=False)
    assert result.returncode == 0
    assert b"Traceback" not in result.stderr


def test_video_kind_and_limit_narrow_the_search(run: Run, library: Library, wedding: int) -> None:
    other = add_video(library, "garden", "the bride waters the flowers")
    assert {line.split("\t")[0] for line in run("search", "bride").stdout.splitlines()} == {
        "/videos/wedding-2019.mp4",
        "/videos/garden.mp4",
    }
    assert {line.split("\t")[0] for line in run("search", "bride", "--video", str(other)).stdout.splitlines()} == {
        "/videos/garden.mp4"
    }
    kinds = {line.split("\t")[4] for line in run("search", "bride", "--kind", "scene").stdout.splitlines()}
    assert kinds == {"scene"}
    assert len(run("search", "bride", "-n", "1").stdout.splitlines()) == 1
    assert run("search", "bride", "--video", "nothing").exit_code == 2
    assert run("search", "bride", "--kind", "smell").exit_code == 2
    assert run("search", "bride", "--limit", "0").exit_code == 2


def test_empty_result_exits_with_0_and_suggests_a_remedy(run: Run, library: Library) -> None:
    empty = run("search", "zebra")
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert "vidlocal ingest" in empty.stderr
    add_video(library, "garden", "the bride waters the flowers")
    result = run("search", "zebra")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "5 frames have no caption yet" in result.stderr
    assert run("search", "zebra", "--quiet").stderr == ""
    assert json.loads(run("search", "zebra", "--json").stdout) == {"query": "zebra", "confident": True, "moments": []}


def test_titles_files_and_folders_are_found_below_all_moments(run: Run, library: Library) -> None:
    garden = add_video(library, "garden party", "the bride waters the flowers")
    [line] = run("search", "Garden", "Party").stdout.splitlines()
    assert line.split("\t")[3:5] == ["0.200", "title"]
    add_video(library, "at night", "nobody is in the garden")
    [moment, *_, title] = json.loads(run("search", "garden", "--json").stdout)["moments"]
    assert (moment["video"]["title"], title["video"]["id"]) == ("at night", garden)
    assert title["score"] <= 0.2 < moment["score"]
    assert len(run("search", "videos").stdout.splitlines()) == 2  # the folder
    assert "title" not in run("search", "garden", "kind:speech").stdout
    assert run("search", "garden", "video:party", "kind:title").stdout.count("garden party") == 1
    assert "title" not in run("search", "garden", "before:2020").stdout


@pytest.mark.parametrize("query", ["", " ", '"', '""', "...", "?! -", "\u2003"])
def test_a_query_without_a_word_is_reported(run: Run, wedding: int, query: str) -> None:
    result = run("search", query)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "The query has no words.\n"
    assert "no word" not in run("search", "kind:summary").stderr


def test_a_search_is_noted_after_its_answer(run: Run, library: Library, wedding: int) -> None:
    run("search", "bride", "walks")
    run("search", "zebra")
    noted = [(row["query"], row["hits"] > 0) for row in library.rows("SELECT query, hits FROM searches ORDER BY id")]
    assert noted == [("bride walks", True), ("zebra", False)]


def test_locked_library_is_searched_without_recording(run: Run, library: Library, wedding: int) -> None:
    with library.writing():
        result = run("search", "bride")
    assert result.exit_code == 0
    assert result.stdout
    assert library.number("SELECT count(*) FROM searches") == 0


def test_a_cold_search_loads_nothing_it_does_not_need(wedding: int) -> None:
    code = (
        "import sys, vidlocal.cli\n"
        "try: vidlocal.cli.app(['search', 'bride'])\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.split()
    heavy = {"av", "PIL", "ollama", "httpx", "pywhispercpp", "rapidocr", "sqlite_utils", "rich", "pydantic", "numpy"}
    assert not heavy & set(loaded)


def test_unwanted_words_and_filters_narrow_a_search(run: Run, wedding: int, library: Library) -> None:
    add_video(library, "party", "the bride cuts the cake")
    assert {line.split("\t")[0] for line in run("search", "bride -cake").stdout.splitlines()} == {
        "/videos/wedding-2019.mp4"
    }
    assert "party.mp4" in run("search", "bride -aisle", "video:party").stdout
    assert run("search", "bride", "kind:note").stdout == ""


def test_explain_names_the_channels_of_each_hit(run: Run, wedding: int) -> None:
    moment = json.loads(run("search", "bride", "--json", "--explain").stdout)["moments"][0]
    why = moment["hits"][0]["why"]
    assert why["words"]["rank"] == 1
    assert 0 < why["words"]["coverage"] <= 1
    assert why["vectors"] is None
    assert "why" not in json.loads(run("search", "bride", "--json").stdout)["moments"][0]["hits"][0]


def test_correction_of_a_misspelt_word_is_reported(run: Run, wedding: int) -> None:
    result = run("search", "ailse")
    assert "bride" in result.stdout
    assert "No match for ailse, searched for aisle." in result.stderr


def test_results_are_printed_in_every_format(run: Run, wedding: int, library: Library) -> None:
    add_video(library, "party", "the bride cuts the cake")
    assert run("search", "bride", "--format", "paths").stdout == "/videos/party.mp4\n/videos/wedding-2019.mp4\n"
    lines = run("search", "bride", "--format", "jsonl").stdout.splitlines()
    document = json.loads(run("search", "bride", "--format", "json").stdout)
    assert [json.loads(line) for line in lines] == document["moments"]
    assert document == json.loads(run("search", "bride", "--json").stdout)
    assert run("search", "bride", "--format", "tsv").stdout == run("search", "bride").stdout
    assert "found in" in run("search", "bride", "--format", "table").stdout
    assert run("search", "bride", "--format", "tsv", "--json").exit_code == 2


def test_an_empty_result_is_8_on_request(run: Run, wedding: int) -> None:
    assert run("search", "zeppelin", "--fail-if-empty").exit_code == 8
    assert run("search", "bride", "--fail-if-empty").exit_code == 0


def test_a_verbatim_hit_has_the_same_score_in_any_text(run: Run, library: Library) -> None:
    long = " ".join(["and then we went on to see the harbour again"] * 20)
    for number, text in enumerate(["a red kite", f"a red kite {long}", f"{long} a red kite", "a kite that is red"]):
        add_video(library, f"film-{number}", text)
    moments = json.loads(run("search", "a red kite", "--kind", "speech", "--json").stdout)["moments"]
    scores = {moment["video"]["title"]: moment["score"] for moment in moments}
    assert scores["film-0"] == scores["film-1"] == scores["film-2"] == VERBATIM_SCORE
    add_video(library, "wedding", "The bride walks down the aisle.")
    (moment,) = json.loads(run("search", "bride walks down aisle", "--kind", "speech", "--json").stdout)["moments"]
    assert moment["score"] == VERBATIM_SCORE
    assert scores["film-3"] < VERBATIM_SCORE


def test_a_phrase_in_no_text_falls_back_to_its_words(run: Run, library: Library) -> None:
    add_video(library, "party", "the cake is cut by the bride")
    result = run("search", '"cut the cake"')
    assert "/videos/party.mp4" in result.stdout
    assert 'No exact match for "cut the cake"; searched for the words.' in result.stderr
    assert run("search", '"the cake is cut"').stderr == ""
    assert run("search", '"zeppelin over the sea"').stdout == ""


def test_a_missing_space_is_found(run: Run, library: Library) -> None:
    add_video(library, "party", "their first dance as a couple")
    result = run("search", "firstdance")
    assert "/videos/party.mp4" in result.stdout
    assert "No match for firstdance, searched for first dance." in result.stderr


def test_requests_around_a_query_are_ignored(run: Run, library: Library) -> None:
    add_video(library, "party", "the cake is cut")
    add_video(library, "talk", "can you show me the part of the video")
    shown = run("search", "can you show me the part of the video where the cake is cut").stdout
    assert shown.startswith("/videos/party.mp4\t")
