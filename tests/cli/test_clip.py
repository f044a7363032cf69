"""Clips of videos with numbered pictures."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.support import clips
from tests.support.commands import Run, add_source
from vidlocal.media import ffmpeg
from vidlocal.media.decoded_frame import DecodedFrame
from vidlocal.media.frames import read_frames
from vidlocal.media.probe.prober import Prober
from vidlocal.records import Passage, PassageKind, Word
from vidlocal.store.content import passages
from vidlocal.store.database import Library

RATE = 30
# Key frames every second, B-frames, sound.
CODEC = (*clips.X264, "-g", "30", "-bf", "2", "-c:a", "aac", "-shortest")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    sound = clips.sound(tmp_path / "tone.wav", seconds=8)
    return clips.numbered(tmp_path / "wedding.mp4", frames=240, codec=CODEC, before=("-i", sound))


@pytest.fixture
def wedding(library: Library, source: Path) -> Path:
    add_source(library, source, Passage(3.1, 4.6, PassageKind.SPEECH, "the bride walks"))
    return source


def pictures(path: Path) -> list[DecodedFrame]:
    with Prober() as prober:
        probe = prober.probe(path)
        return list(read_frames(path, probe, every=0, ffmpeg=ffmpeg.find_ffmpeg(None), prober=prober))


def numbers(path: Path) -> list[int]:
    return [clips.number_in(picture.rgb) for picture in pictures(path)]


def state(path: Path) -> tuple[bytes, int, int]:
    return path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino


def test_an_exact_clip_has_every_frame_of_the_moment_and_its_padding(run: Run, wedding: Path, tmp_path: Path) -> None:
    before = state(wedding)
    result = run("clip", "bride", "--exact", "--pad", "0.5", "-d", str(tmp_path / "out"))
    assert result.exit_code == 0, result.stderr
    [clip] = (tmp_path / "out").iterdir()
    assert clip.name == "wedding 0h00m03s.mp4"
    seen = numbers(clip)
    assert abs(seen[0] - round(2.6 * RATE)) <= 1
    assert abs(seen[-1] - (round(5.1 * RATE) - 1)) <= 1
    assert seen == list(range(seen[0], seen[-1] + 1))
    with Prober() as prober:
        assert len(prober.probe(clip).audio) == 1
    assert state(wedding) == before


@pytest.mark.slow
def test_a_copied_clip_begins_at_the_key_frame_before_the_moment_and_says_so(
    run: Run, wedding: Path, tmp_path: Path
) -> None:
    result = run("clip", "bride", "-d", str(tmp_path / "out"))
    name, source, start, _, how = result.stdout.rstrip("\n").split("\t")
    assert source == str(wedding)
    assert start == "0:00:02.0"
    assert how == "copied, starts 1.1 s early"
    seen = numbers(Path(name))
    assert seen[0] == 60
    assert abs(seen[-1] - (round(5.1 * RATE) - 1)) <= 6  # a copy ends in the order of decoding


@pytest.mark.slow
def test_where_no_key_frame_is_near_a_clip_is_encoded(run: Run, library: Library, tmp_path: Path) -> None:
    film = clips.numbered(tmp_path / "far.mkv", frames=240, codec=(*clips.X264, "-g", "250"))
    add_source(library, film, Passage(5.0, 6.0, PassageKind.SPEECH, "fireworks"))
    out = tmp_path / "out"
    assert run("clip", "fireworks", "--pad", "0", "-d", str(out)).stdout.endswith("\tencoded\n")
    [clip] = out.iterdir()
    assert abs(numbers(clip)[0] - 150) <= 1


@pytest.mark.slow
def test_taken_name_gets_a_number(run: Run, wedding: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    taken = out / "wedding 0h00m03s.mp4"
    taken.write_text("mine")
    (out / "wedding 0h00m03s 2.mp4").symlink_to(wedding)
    before = state(wedding)
    assert run("clip", "bride", "-d", str(out)).exit_code == 0
    assert taken.read_text() == "mine"
    assert state(wedding) == before
    assert clips.number_in(pictures(out / "wedding 0h00m03s 3.mp4")[0].rgb) == 60
    assert len(list(out.iterdir())) == 3


def test_a_joined_film_has_the_moments_of_a_video_as_they_follow_in_it(
    run: Run, library: Library, source: Path
) -> None:
    add_source(
        library,
        source,
        Passage(0.0, 1.0, PassageKind.SPEECH, "somebody says something long about the bride and much else besides"),
        Passage(60.0, 61.0, PassageKind.SPEECH, "the bride, the bride"),
    )

    def starts(*words: str, piped: str | None = None) -> list[float]:
        plan = run("clip", *words, "--dry-run", "--json", "--pad", "0", input=piped)
        return [clip["start"] for clip in json.loads(plan.stdout)["clips"]]

    assert starts("bride") == [60.0, 0.0]
    assert starts("bride", "--join", "film.mp4") == [0.0, 60.0]
    found = run("search", "bride", "--json").stdout
    assert starts("-", "--join", "film.mp4", piped=found) == [60.0, 0.0]


@pytest.mark.slow
def test_join_makes_one_uniform_film_and_refuses_existing_names(
    run: Run, library: Library, wedding: Path, tmp_path: Path
) -> None:
    silent = tmp_path / "silent.mkv"
    clips.run("-i", wedding, "-an", "-s", "96x160", "-r", "25", *clips.X264, silent)
    add_source(library, silent, Passage(1.0, 2.0, PassageKind.SPEECH, "the bride dances"))
    film = tmp_path / "film.mp4"
    assert run("clip", "bride", "--pad", "0", "--join", str(film)).exit_code == 0
    with Prober() as prober:
        probe = prober.probe(film)
    assert abs(probe.duration - 2.5) < 0.2
    assert len(probe.audio) == 1
    again = run("clip", "bride", "--join", str(film))
    assert again.exit_code == 2
    assert "already exists" in again.stderr
    assert run("clip", "bride", "--join", str(wedding)).exit_code == 2
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".vidlocal")]


def test_a_turned_video_stays_upright(run: Run, library: Library, source: Path, tmp_path: Path) -> None:
    turned = tmp_path / "turned.mp4"
    clips.run("-display_rotation", "90", "-i", source, "-c", "copy", turned)
    add_source(library, turned, Passage(3.0, 4.0, PassageKind.SPEECH, "upright"))
    for flags in ([], ["--exact"]):
        name = run("clip", "upright", "-d", str(tmp_path), *flags).stdout.split("\t")[0]
        first = pictures(Path(name))[0].rgb
        assert first.shape[0] > first.shape[1]


@pytest.mark.parametrize("text", ["plain words", r"{\an8\fs90} \N [out];movie=/etc/passwd 'it''s' : , %{pts}"])
def test_captions_with_any_characters_are_drawn(
    run: Run, library: Library, source: Path, tmp_path: Path, text: str
) -> None:
    add_source(library, source, Passage(3.1, 4.6, PassageKind.SPEECH, f"bride {text}"))
    result = run("clip", "bride", "--exact", "--burn-captions", "--pad", "0", "-d", str(tmp_path / "out"))
    assert result.exit_code == 0, result.stderr
    [clip] = (tmp_path / "out").iterdir()
    drawn = pictures(clip)
    assert clips.number_in(drawn[5].rgb) == clips.number_in(drawn[4].rgb) + 1
    below = drawn[5].rgb[clips.HEIGHT_PX // 2 :]
    assert np.all(below > 150, axis=2).any()  # white letters on red and blue


def test_missing_videos_are_reported_and_the_others_cut(
    run: Run, library: Library, wedding: Path, tmp_path: Path
) -> None:
    gone = clips.numbered(tmp_path / "gone.mp4")
    add_source(library, gone, Passage(0.0, 1.0, PassageKind.SPEECH, "the bride waits"))
    gone.unlink()
    result = run("clip", "bride", "-d", str(tmp_path / "out"))
    assert result.exit_code == 3
    assert "gone.mp4" in result.stderr
    assert len(list((tmp_path / "out").iterdir())) == 1
    wedding.unlink()
    assert run("clip", "bride", "-d", str(tmp_path / "out")).exit_code == 4
    film = tmp_path / "film.mp4"
    assert run("clip", "bride", "--join", str(film)).exit_code == 4
    assert not film.exists()


def test_moments_of_a_search_can_be_piped_in(run: Run, wedding: Path, tmp_path: Path) -> None:
    found = run("search", "bride", "--json").stdout
    result = run("clip", "-", "--json", "-d", str(tmp_path / "out"), input=found)
    assert result.exit_code == 0, result.stderr
    [clip] = json.loads(result.stdout)["clips"]
    assert Path(clip["file"]).is_file()
    assert clip["copied"] is True
    assert run("clip", "-", input="nonsense").exit_code == 2


def test_a_dry_run_writes_nothing(run: Run, wedding: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("clip", "bride", "--dry-run", "-d", str(out))
    assert result.stdout == f"{wedding}\t0:00:02.6\t0:00:05.1\tthe bride walks\n"
    assert not out.exists()


def test_a_quoted_phrase_is_cut_word_for_word(run: Run, library: Library, source: Path) -> None:
    passage = Passage(1.0, 6.0, PassageKind.SPEECH, "now the bride walks down the aisle")
    spoken = [Word(text, 1.0 + number / 2, 1.4 + number / 2) for number, text in enumerate(passage.text.split())]
    passages.add(library, add_source(library, source), [passage], words=[spoken])
    planned = ("clip", "--dry-run", "--pad", "0")
    assert run(*planned, "walks down the").stdout.split("\t")[1:3] == ["0:00:02.5", "0:00:03.9"]
    assert run(*planned, "walks", "down", "the").stdout.split("\t")[1:3] == ["0:00:01.0", "0:00:06.0"]
    assert run(*planned, "--words", "aisle", "walks").stdout.split("\t")[1:3] == ["0:00:02.5", "0:00:04.4"]
    assert run(*planned, "walks aisle").stdout.split("\t")[1:3] == ["0:00:01.0", "0:00:06.0"]
    assert run("clip", "--words", "-", input="[]").exit_code == 2


def test_uncuttable_clip_has_a_reason(run: Run, library: Library, wedding: Path, tmp_path: Path) -> None:
    photo = clips.cover(tmp_path / "photo.jpg")
    add_source(library, photo, Passage(0.0, 0.0, PassageKind.SCENE, "an orange square"))
    result = run("clip", "orange", "-d", str(tmp_path / "out"))
    assert result.exit_code == 4
    assert "photos cannot be cut" in result.stderr
    assert run("clip", "bride", "--join", str(tmp_path / "film.txt")).exit_code == 2
    assert run("clip", "bride", "--join", str(tmp_path / "film.mp4"), "-d", str(tmp_path)).exit_code == 2


def test_sound_alone_is_cut_too(run: Run, library: Library, tmp_path: Path) -> None:
    sound = clips.sound(tmp_path / "talk.mp3", seconds=6)
    add_source(library, sound, Passage(2.0, 4.0, PassageKind.SPEECH, "hello there"))
    assert run("clip", "hello", "-d", str(tmp_path / "out"), "--pad", "0").exit_code == 0
    [clip] = (tmp_path / "out").iterdir()
    with Prober() as prober:
        assert abs(prober.probe(clip).duration - 2.0) < 0.1


def test_a_clip_begins_with_a_picture_however_its_start_falls_between_two(
    run: Run, library: Library, tmp_path: Path
) -> None:
    film = clips.numbered(tmp_path / "slow.mp4", frames=20, rate="2")
    add_source(library, film, Passage(5.3, 6.0, PassageKind.SPEECH, "fireworks"))
    run("clip", "fireworks", "--exact", "--pad", "0", "-d", str(tmp_path / "out"))
    [clip] = (tmp_path / "out").iterdir()
    first = pictures(clip)[0]
    assert first.time < 0.01
    assert clips.number_in(first.rgb) == 10


def test_one_clip_is_written_to_a_named_file(run: Run, wedding: Path, tmp_path: Path) -> None:
    target = tmp_path / "aisle.mp4"
    assert run("clip", "bride", "-o", str(target)).exit_code == 0
    first = target.read_bytes()
    again = run("clip", "bride", "-o", str(target))
    assert (again.exit_code, "--force" in again.stderr) == (2, True)
    assert target.read_bytes() == first
    assert run("clip", "bride", "--exact", "-o", str(target), "--force").exit_code == 0
    assert target.read_bytes() != first
    assert run("clip", "bride", "-o", str(tmp_path / "aisle.mkv")).exit_code == 0
    assert sorted(path.name for path in tmp_path.glob("aisle.*")) == ["aisle.mkv", "aisle.mp4"]


def test_an_unfitting_target_is_wrong_usage(run: Run, wedding: Path, tmp_path: Path) -> None:
    for words, reason in (
        (["bride", "-o", str(tmp_path)], "is a folder. For a folder of clips: -d"),
        (["bride", "-o", str(tmp_path / "x.txt")], "unsupported file type"),
        (["bride", "-o", str(tmp_path / "x.mp4"), "-d", str(tmp_path)], "exclude each other"),
    ):
        result = run("clip", *words)
        assert (result.exit_code, reason in result.stderr) == (2, True), result.stderr


def test_a_folder_that_cannot_be_written_is_2_and_advises_another(
    run: Run, wedding: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/proc")  # nobody can write there, not even root
    for words in ((), ("-d", "/proc/clips"), ("-d", "/proc")):
        result = run("clip", "bride", *words)
        assert result.exit_code == 2
        assert "cannot be" in result.stderr
        assert "-d DIR" in result.stderr
