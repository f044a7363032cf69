import json
from pathlib import Path

import pytest

from tests.support import clips
from tests.support.commands import Run
from vidlocal.media.subtitles.subtitle_formats import parse_subtitles
from vidlocal.records import Passage, PassageKind, Word
from vidlocal.store.content import passages, videos, word_times
from vidlocal.store.database import Library

FORMATS = ["jsonl", "json", "csv", "srt", "vtt", "ass", "txt", "markdown", "edl", "fcpxml", "otio"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_video_is_exported_in_every_format(run: Run, wedding: int, form: str) -> None:
    result = run("export", "wedding", "--format", form)
    assert result.exit_code == 0, result.output
    assert "the bride walks down the aisle" in result.stdout


@pytest.mark.parametrize("form", FORMATS)
def test_no_control_byte_of_a_text_is_exported(run: Run, evil: int, form: str) -> None:
    result = run("export", "--format", form)
    assert result.exit_code == 0, result.output
    assert not set(result.stdout) & set("\x1b\x07\x9b\u202e\u2066\x08")


@pytest.mark.parametrize("form", FORMATS)
def test_moments_of_a_search_are_exported_in_every_format(run: Run, wedding: int, form: str) -> None:
    found = run("search", "bride", "--json")
    result = run("export", "-", "--format", form, input=found.stdout)
    assert result.exit_code == 0, result.output
    assert "bride" in result.stdout


def test_words_keep_their_times_in_every_format_that_has_them(run: Run, library: Library, wedding: int) -> None:
    passage = Passage(20.0, 22.0, PassageKind.SPEECH, "So, {we} <dance>", confidence=0.5)
    spoken = [Word("So,", 20.0, 20.5), Word("{we}", 20.75, 21.0), Word("<dance>", 21.0, 21.9)]
    passages.add(library, wedding, [passage], words=[spoken])
    vtt = run("export", "wedding", "-f", "vtt", "--words").stdout
    assert "\nSo, <00:00:20.750>{we} <00:00:21.000>&lt;dance&gt;\n" in vtt
    assert "So, {we} <dance>" in [" ".join(cue.lines) for cue in parse_subtitles(vtt)]
    ass = run("export", "wedding", "-f", "ass", "--words").stdout
    assert r"{\kf75}So, {\kf25}\{we\} {\kf100}<dance>" in ass
    assert "<00:00:20.750>" not in run("export", "wedding", "-f", "vtt").stdout
    lines = [json.loads(line) for line in run("export", "wedding").stdout.splitlines()]
    (line,) = [line for line in lines if line.get("text") == passage.text]
    assert line["words"] == [["So,", 20.0, 20.5], ["{we}", 20.75, 21.0], ["<dance>", 21.0, 21.9]]
    assert line["confidence"] == 0.5
    assert run("export", "wedding", "-f", "srt", "--words").exit_code == 2


def test_imported_words_keep_their_times(run: Run, library: Library, tmp_path: Path) -> None:
    words = [{"word": "hello", "start": 1.0, "end": 1.4}, {"word": "there", "start": 1.5, "end": 2.0}]
    document = {"segments": [{"start": 1.0, "end": 2.0, "text": " hello there", "words": words}]}
    (tmp_path / "talk.json").write_text(json.dumps(document))
    assert run("import", str(tmp_path / "talk.json")).exit_code == 0
    (video,) = videos.every(library)
    (passage,) = passages.of_video(library, video.id)
    assert word_times.of_passage(library, passage) == (Word("hello", 1.0, 1.4), Word("there", 1.5, 2.0))


def test_an_editor_counts_the_frames_of_the_video_itself(run: Run, tmp_path: Path) -> None:
    film = clips.numbered(tmp_path / "film.mp4", frames=30, rate="30000/1001")
    moments = [
        {"video": {"path": str(path)}, "start": 0.2, "end": 0.6, "text": "cake"}
        for path in (tmp_path / "gone.mp4", film)
    ]
    result = run("export", "-", "-f", "fcpxml", input=json.dumps(moments))
    assert 'frameDuration="1001/30000s"' in result.stdout
    assert "29.97 frames per second, as in film.mp4" in result.stderr
    assert (
        'frameDuration="1/50s"' in run("export", "-", "-f", "fcpxml", "--fps", "50", input=json.dumps(moments)).stdout
    )


def test_unknown_rate_is_reported(run: Run, wedding: int) -> None:
    result = run("export", "wedding", "--format", "edl")
    assert "No video can be opened; using 25 frames per second." in result.stderr
    assert run("export", "wedding", "--format", "edl", "--quiet").stderr == ""


def test_exported_moments_can_be_exported_again(run: Run, wedding: int) -> None:
    lines = run("export", "-", input=run("search", "bride", "--json").stdout).stdout
    assert run("export", "-", input=lines).stdout == lines


def test_input_without_moments_is_refused(run: Run, wedding: int) -> None:
    for text in ("x", '{"moments": [1]}', '{"video": {"path": "x"}, "text": "t", "start": 3, "end": 1}'):
        assert run("export", "-", input=text).exit_code == 2


def test_an_existing_file_or_link_is_never_written(run: Run, wedding: int, tmp_path: Path) -> None:
    there, link, new = tmp_path / "there.srt", tmp_path / "link.srt", tmp_path / "new.srt"
    there.write_text("mine")
    link.symlink_to(tmp_path / "nowhere")
    for target in (there, link):
        assert run("export", "wedding", "-f", "srt", "-o", str(target)).exit_code == 2
    assert there.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()
    assert run("export", "wedding", "-f", "srt", "-o", str(new)).exit_code == 0
    assert parse_subtitles(new.read_text())[0].lines == ("the bride walks down the aisle",)
    assert not list(tmp_path.glob(".vidlocal-*"))


def test_export_and_import_are_a_round_trip(
    run: Run, wedding: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "all.jsonl"
    assert run("export", "-o", str(out)).exit_code == 0
    monkeypatch.setenv("VIDLOCAL_HOME", str(tmp_path / "other"))
    assert run("import", str(out)).exit_code == 0
    assert run("export").stdout == out.read_text()


def test_transcripts_and_subtitles_join_the_video_of_their_name(
    run: Run, wedding: int, library: Library, tmp_path: Path
) -> None:
    subtitles, speech = tmp_path / "wedding-2019.en.srt", tmp_path / "wedding-2019.json"
    subtitles.write_text("1\n00:00:01,000 --> 00:00:02,000\nCaptioned words.\n")
    speech.write_text(json.dumps({"segments": [{"start": 1, "end": 2, "text": "Spoken words."}], "language": "en"}))
    result = run("import", str(subtitles), str(speech), "--json")
    assert json.loads(result.stdout) == {
        "videos": 0,
        "passages": 2,
        "existing": 0,
        "left_out": 0,
        "described": 0,
        "not_in_library": 0,
        "unreadable_files": 0,
    }
    texts = {passage.text for passage in passages.of_video(library, wedding)}
    assert {"Captioned words.", "Spoken words."} <= texts


def test_a_transcript_of_an_unknown_video_makes_one(run: Run, library: Library, tmp_path: Path) -> None:
    file = tmp_path / "holiday.vtt"
    file.write_text("WEBVTT\n\n00:01.000 --> 00:02.500\nThe sea.\n")
    assert run("import", str(file)).exit_code == 0
    assert [(video.title, video.duration) for video in videos.every(library)] == [("holiday", 2.5)]
    assert run("import", str(file), "--video", "other", "--new").exit_code == 0
    assert run("import", str(file), "--new").exit_code == 0
    assert len(videos.every(library)) == 2


def test_a_video_named_by_part_of_its_name_is_found_and_never_invented(
    run: Run, library: Library, wedding: int, tmp_path: Path
) -> None:
    file = tmp_path / "words.vtt"
    file.write_text("WEBVTT\n\n00:01.000 --> 00:02.500\nThe sea.\n")
    assert run("import", str(file), "--video", "weddi").exit_code == 0
    assert "The sea." in {passage.text for passage in passages.of_video(library, wedding)}
    result = run("import", str(file), "--video", "nobody")
    assert result.exit_code == 2
    assert "no such video" in result.stderr
    assert len(videos.every(library)) == 1


def test_bad_lines_are_named_and_the_exit_code_is_3(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text('{"type": "video", "name": "v", "duration": 1}\nnonsense\n\n{"type": "passage", "video": "w"}\n')
    result = run("import", str(file), str(tmp_path / "missing.jsonl"))
    assert result.exit_code == 3
    assert "in.jsonl, line 2: " in result.stderr
    assert "in.jsonl, line 4: " in result.stderr
    assert "missing.jsonl" in result.stderr


def test_where_no_file_can_be_read_the_exit_code_is_4(run: Run, tmp_path: Path) -> None:
    result = run("import", str(tmp_path / "gone.srt"), str(tmp_path / "gone.jsonl"), "--json")
    assert result.exit_code == 4
    assert json.loads(result.stdout)["unreadable_files"] == 2


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("empty.jsonl", "", "empty"),
        ("empty.srt", "", "no text with times"),
        ("silence.json", '{"segments": []}', "No timed text"),
        ("empty.mp4", "", "Run: vidlocal ingest"),
    ],
)
def test_an_empty_file_is_a_sentence_and_4(run: Run, tmp_path: Path, name: str, content: str, problem: str) -> None:
    (tmp_path / name).write_text(content)
    result = run("import", str(tmp_path / name))
    assert result.exit_code == 4
    assert problem in result.stderr
    assert run("list").stdout == ""


def test_a_json_document_of_another_sort_is_refused_as_a_whole(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{\n  "a": 1\n}')
    result = run("import", str(file))
    assert result.exit_code == 4
    assert "neither" in result.stderr


def test_an_existing_file_is_overwritten_only_with_force(run: Run, wedding: int, tmp_path: Path) -> None:
    target = tmp_path / "wedding.srt"
    target.write_text("mine")
    refused = run("export", "-f", "srt", "-o", str(target))
    assert (refused.exit_code, target.read_text()) == (2, "mine")
    assert run("export", "-f", "srt", "-o", str(target), "--force").exit_code == 0
    assert target.read_text() == run("export", "-f", "srt", "-o", "-").stdout == run("export", "-f", "srt").stdout
