"""Speakers from names in transcripts: listed, named, merged, searched, exported and forgotten."""

import json
from pathlib import Path

import pytest

from tests.support import seen_people
from tests.support.commands import Run
from tests.support.terminal import on_terminal
from vidlocal.media.subtitles.subtitle_formats import parse_subtitles
from vidlocal.store.content import passages
from vidlocal.store.database import Library

WEBVTT = """WEBVTT

00:01.000 --> 00:04.000
<v Mary>Ladies and gentlemen, a toast to the bride.

00:20.000 --> 00:23.000
<v Tom>And a toast to the groom.

00:40.000 --> 00:42.000
Music plays.
"""

WHISPERX = {
    "language": "en",
    "segments": [
        {"start": 1.0, "end": 3.0, "text": "Where is the cake?", "speaker": "SPEAKER_00"},
        {"start": 20.0, "end": 22.0, "text": "In the kitchen.", "speaker": "mary"},
    ],
}


@pytest.fixture
def speeches(run: Run, tmp_path: Path) -> Path:
    """Two videos known by their transcripts. Returns the home folder."""
    (tmp_path / "wedding.vtt").write_text(WEBVTT)
    (tmp_path / "kitchen.json").write_text(json.dumps(WHISPERX))
    result = run("import", str(tmp_path / "wedding.vtt"), str(tmp_path / "kitchen.json"))
    assert result.exit_code == 0, result.output
    return tmp_path / "home"


def texts(run: Run, *query: str) -> list[str]:
    result = run("search", *query, "--json")
    assert result.exit_code == 0, result.output
    return sorted(hit["text"] for moment in json.loads(result.stdout)["moments"] for hit in moment["hits"])


def test_names_of_transcripts_are_speakers(run: Run, speeches: Path) -> None:
    result = run("speakers")
    assert result.exit_code == 0, result.output
    assert [line.split("\t")[:5] for line in result.stdout.splitlines()] == [
        ["1", "Mary", "2", "2", "5"],
        ["2", "Tom", "1", "1", "3"],
        ["3", "", "1", "1", "2"],
    ]
    listed = json.loads(run("speakers", "--json").stdout)["speakers"]
    assert [(speaker["id"], speaker["name"], speaker["is_named"]) for speaker in listed] == [
        (1, "Mary", True),
        (2, "Tom", True),
        (3, "Speaker 3", False),
    ]


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_the_list_fits_every_terminal(speeches: Path, columns: int) -> None:
    lines = on_terminal(columns, "speakers", home=speeches)
    assert max(map(len, lines)) <= columns
    assert {"Mary", "Tom"} <= set(" ".join(lines).replace(",", " ").split())


def test_the_filter_matches_the_lines_of_a_speaker(run: Run, speeches: Path) -> None:
    toast, cake = "Ladies and gentlemen, a toast to the bride.", "Where is the cake?"
    assert texts(run, "speaker:mary toast") == [toast]
    assert texts(run, "speaker:mary") == ["In the kitchen.", toast]
    assert texts(run, "speaker:tom speaker:3") == ["And a toast to the groom.", cake]
    unknown = run("search", "speaker:anna")
    assert (unknown.exit_code, unknown.stdout) == (0, "")
    assert "No speaker matches 'anna'. Run: vidlocal speakers" in unknown.stderr
    hit = json.loads(run("search", "cake", "--json").stdout)["moments"][0]["hits"][0]
    assert hit["speaker"] == "Speaker 3"


def test_a_name_alone_matches_the_lines_of_the_speaker(run: Run, speeches: Path) -> None:
    assert texts(run, "tom") == ["And a toast to the groom."]
    assert texts(run, "speaker") == texts(run, "3") == []


def test_a_speaker_is_named_merged_split_and_all_is_undone(run: Run, speeches: Path) -> None:
    before = run("speakers").stdout
    assert run("speakers", "name", "3", "Aunt", "Mary").stderr == "Speaker 3 is Aunt Mary.\n"
    assert texts(run, 'speaker:"aunt mary"') == ["Where is the cake?"]
    merged = run("speakers", "merge", "mary", "3")
    assert (merged.exit_code, merged.stderr) == (
        0,
        "Merged into speaker 1. To take it back, run: vidlocal speakers undo\n",
    )
    assert "Where is the cake?" in texts(run, "speaker:mary")
    split = run("speakers", "split", "1", "kitchen")
    assert split.stderr == "The voice in this video is speaker 4 now.\n"
    assert "Where is the cake?" not in texts(run, "speaker:mary")
    for _ in range(3):
        assert run("speakers", "undo").stderr == "Undone.\n"
    assert run("speakers").stdout == before
    assert run("speakers", "undo").stderr == "Nothing to undo.\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("dance",), "dance: not understood. Use: name NUMBER NAME"),
        (("name", "3"), "name 3: not understood"),
        (("merge", "1"), "merge 1: not understood"),
        (("undo", "1"), "undo 1: not understood"),
        (("name", "9", "Anna"), "No speaker '9'. Run: vidlocal speakers"),
        (
            ("name", "3", "tom"),
            "tom: already the name of speaker 2. If they are the same, run: vidlocal speakers merge 2",
        ),
        (("split", "2", "wedding"), "Speaker 2 is in no other video. Nothing was split."),
        (("forget",), "Name the speakers to forget, or use --all."),
        (("forget", "1", "--all"), "Name the speakers to forget, or use --all."),
        (("name", "1", "Anna", "--all"), "--all goes with forget."),
    ],
)
def test_wrong_words_are_explained(run: Run, speeches: Path, words: tuple[str, ...], message: str) -> None:
    result = run("speakers", *words)
    assert result.exit_code == 2
    assert message in result.stderr


def test_exports_have_the_names(run: Run, speeches: Path) -> None:
    vtt = run("export", "wedding", "-f", "vtt").stdout
    assert "\n<v Mary>Ladies and gentlemen, a toast to the bride.\n" in vtt
    assert [cue.speaker for cue in parse_subtitles(vtt)] == ["Mary", "Tom", None]
    assert "\nMary: Ladies and gentlemen" in run("export", "wedding", "-f", "srt").stdout
    assert "Mary: Ladies and gentlemen" in run("export", "wedding", "-f", "ass").stdout
    assert "Mary: Ladies and gentlemen" in run("export", "wedding", "-f", "markdown").stdout
    assert "Mary: Ladies and gentlemen" in run("export", "wedding", "-f", "txt").stdout
    assert run("export", "wedding", "-f", "csv").stdout.splitlines()[1].endswith(",Mary")
    assert "Music plays." in run("export", "wedding", "-f", "markdown").stdout


def test_an_export_of_the_library_brings_the_names_back(
    run: Run, speeches: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exported, listed = run("export").stdout, run("speakers").stdout
    monkeypatch.setenv("VIDLOCAL_HOME", str(tmp_path / "other"))
    assert run("import", "-", input=exported).exit_code == 0
    assert run("speakers").stdout == listed
    assert run("import", "-", input=exported).exit_code == 0
    assert run("speakers").stdout == listed


def test_speakers_are_forgotten_with_their_names_and_searches(run: Run, speeches: Path) -> None:
    run("search", "speaker:mary toast")
    kept = run("speakers", "forget", "mary", input="n\n")
    assert (kept.exit_code, kept.stderr.endswith("Kept 1 speaker.\n")) == (0, True)
    assert run("speakers", "forget", "mary", "--yes").stderr == "Forgot 1 speaker.\n"
    assert b"Mary" not in (speeches / "library.db").read_bytes()
    assert "toast" in " ".join(texts(run, "toast"))
    assert run("speakers", "forget", "--all", "--yes").stderr == "Forgot 2 speakers.\n"
    assert run("speakers").stderr.startswith("No speakers yet.")
    with Library.open(speeches) as library:
        assert {passage.speaker for passage in passages.of_video(library, 1)} == {None}


def test_show_names_the_speakers(speeches: Path) -> None:
    shown = " ".join(on_terminal(100, "show", "wedding", home=speeches))
    assert "Mary: Ladies and gentlemen" in shown


def test_a_speaker_is_linked_to_a_person(run: Run, speeches: Path) -> None:
    with Library.open(speeches) as library:
        seen_people.add_video(library, "wedding2", {"Anna": [(0, 20)]})
    assert run("speakers", "link", "3", "anna").stderr == "Speaker 3 is person 1 now.\n"
    assert ["3", "Anna"] in [line.split("\t")[:2] for line in run("speakers").stdout.splitlines()]
    assert texts(run, "speaker:anna") == ["Where is the cake?"]
    assert "vidlocal people name 1 NAME" in run("speakers", "name", "3", "Eve").stderr
    assert run("speakers", "unlink", "3").exit_code == 0
    assert run("speakers", "link", "3", "nobody").exit_code == 2
