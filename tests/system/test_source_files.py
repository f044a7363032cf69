"""Output files never replace anything, and source files are only read."""

import ctypes
import json
import os
import select
import shutil
import stat
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import clips
from tests.support.commands import Run, add_source, hash_of
from tests.support.fake_ollama import FakeOllama
from tests.support.images import plain_colour
from vidlocal.app import player
from vidlocal.media import ffmpeg, files
from vidlocal.records import FrameDraft, Passage, PassageKind
from vidlocal.store.content import frames, passages, videos
from vidlocal.store.database import Library

# Names and words that mean something to a shell, a filter, a subtitle or an option parser.
HARD = [
    "$(touch PWNED)",
    "`touch PWNED`",
    "; touch PWNED #",
    "| touch PWNED",
    "' -y PWNED '",
    '"; touch PWNED; "',
    "-vf movie=PWNED",
    "--help",
    "a:b='c',d[e];f",
    "%03d %{pts}",
    "line\nbreak",
    "back\\slash \\N {\\p1}m 0 0",
    "concat:x|y",
    "pipe:0",
    "~",
    "é🎂",
]

# The first film once more, under another name.
SAME_FILM = """INSERT INTO videos (content_hash, path, title, kind, duration, width_px, height_px, codecs, rotation,
    added_at, size_bytes) SELECT ?, ?, ?, kind, duration, width_px, height_px, codecs, rotation, added_at, size_bytes
  FROM videos WHERE id = 1 RETURNING id"""

# linux/inotify.h
_OPEN, _CHANGES = 0x20, 0x2 | 0x4 | 0x8 | 0x400 | 0x800


@contextmanager
def watched(*paths: Path) -> Iterator[Callable[[], set[int]]]:
    """File events from the kernel: opened, changed, and closed after writing."""
    if sys.platform != "linux":
        pytest.skip("only Linux tells who could have written")
    libc = ctypes.CDLL(None)
    file = libc.inotify_init()
    for path in paths:
        assert libc.inotify_add_watch(file, os.fsencode(path), _OPEN | _CHANGES) > 0

    def seen() -> set[int]:
        found = set()
        while select.select([file], [], [], 0.0)[0]:
            data = os.read(file, 65536)
            at = 0
            while at < len(data):
                _, mask, _, length = struct.unpack_from("iIII", data, at)
                found |= {bit for bit in (1 << n for n in range(16)) if mask & bit}
                at += struct.calcsize("iIII") + length
        return found

    try:
        yield seen
    finally:
        os.close(file)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOllama]:
    with FakeOllama() as running:
        monkeypatch.setenv("VIDLOCAL_OLLAMA_HOST", running.host)
        yield running


@pytest.fixture
def film(tmp_path: Path) -> Path:
    (tmp_path / "films").mkdir()
    path = clips.scenes(tmp_path / "films" / "film.mp4", seconds=6)
    path.with_suffix(".srt").write_text("1\n00:00:01,000 --> 00:00:03,000\nthe bride walks\n")
    return path


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a library in `home` and its only film."""
    folder = tmp_path_factory.mktemp("original")
    film = clips.scenes(folder / "film.mp4", seconds=6)
    with Library.open(folder / "home", create=True) as library:
        add_source(library, film, Passage(1.0, 3.0, PassageKind.SUBTITLE, "the bride walks"))
        picture = folder / "home" / "frames" / "x" / "0.jpg"
        picture.parent.mkdir()
        picture.write_bytes(plain_colour((200, 30, 30), side_px=64))
        frames.add(library, 1, [FrameDraft(0.0, 0, "frames/x/0.jpg", 1, rank=0)])
    return folder


@pytest.fixture
def taken(original: Path, tmp_path: Path) -> Path:
    """The film, and a copy of the library for this test."""
    shutil.copytree(original / "home", tmp_path / "home")
    return original / "film.mp4"


@pytest.mark.slow
def test_ingested_files_are_never_opened_for_writing(
    run: Run, film: Path, tmp_path: Path, server: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sidecar = film.with_suffix(".srt")
    before = {path: (path.read_bytes(), path.stat()) for path in (film, sidecar)}
    commands = [
        ["ingest", str(film)],
        ["enrich"],
        ["note", "1@1", "the bride walks"],
        ["search", "bride", "--page", "page.html", "--look", "1"],
        *(["clip", "bride", "-d", "clips", *extra] for extra in ([], ["--burn-captions"])),
        ["clip", "bride", "--join", "all.mp4"],
        *(["export", "1", "-f", form, "-o", f"out.{form}"] for form in ("jsonl", "srt", "otio")),
        ["export", "--finetune", "pairs"],
        ["ask", "1@3.3", "what is it?"],
        ["ask", "who walks?"],
        ["similar", "1@2"],
        ["check"],
        ["check", "--repair"],
        ["ingest", str(film)],
        ["rm", "1", "--yes", "--purge"],
    ]
    with watched(film, sidecar) as seen:
        for words in commands:
            result = run(*words)
            assert result.exit_code == 0, (words, result.stderr)
            if words == ["check"]:
                shutil.rmtree(next((tmp_path / "home" / "frames").iterdir()))
        assert seen() == {_OPEN}
        with film.open("ab"):  # so that this can fail
            pass
        assert seen() == {_OPEN, 0x8}
    for path, (data, status) in before.items():
        assert path.read_bytes() == data
        assert (path.stat().st_mtime_ns, path.stat().st_ino) == (status.st_mtime_ns, status.st_ino)


def _file(place: Path, victim: Path) -> None:
    place.write_text("mine")


def _link(place: Path, victim: Path) -> None:
    place.symlink_to(victim)


def _dangling(place: Path, victim: Path) -> None:
    place.symlink_to(victim.with_name("not yet there"))


def _hard_link(place: Path, victim: Path) -> None:
    os.link(victim, place)


def _pipe(place: Path, victim: Path) -> None:
    os.mkfifo(place)


def _folder(place: Path, victim: Path) -> None:
    place.mkdir()
    (place / "mine").write_text("mine")


WRITERS = [
    ["clip", "bride", "--join", "{out}.mp4"],
    ["clip", "bride", "-o", "{out}.mp4"],
    ["search", "bride", "--page", "{out}"],
    ["export", "--finetune", "{out}"],
    *(["export", "1", "-f", form, "-o", "{out}"] for form in ("jsonl", "csv", "srt", "otio")),
]


def state(folder: Path) -> dict[str, object]:
    return {
        str(path.relative_to(folder)): (
            os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else path.stat().st_mode
        )
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("there", [_file, _link, _dangling, _hard_link, _pipe, _folder])
@pytest.mark.parametrize("words", WRITERS, ids=lambda words: " ".join(words[:4]))
def test_no_output_takes_the_place_of_anything(
    run: Run, taken: Path, tmp_path: Path, words: list[str], there: Callable[[Path, Path], None]
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "victim").write_text("precious")
    run("note", "1@1", "the bride walks")
    place = folder / ("name.mp4" if "{out}.mp4" in words else "name")
    there(place, folder / "victim")
    before = state(folder)
    result = run(*[word.replace("{out}", str(folder / "name")) for word in words])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.stderr
    assert state(folder) == before


@pytest.mark.parametrize("there", [_file, _link, _dangling, _hard_link, _pipe, _folder])
def test_a_clip_takes_another_name_where_its_own_is_taken(
    run: Run, taken: Path, tmp_path: Path, there: Callable[[Path, Path], None]
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "victim").write_text("precious")
    there(folder / "film 0h00m01s.mp4", folder / "victim")
    before = state(folder)
    result = run("clip", "bride", "-d", str(folder))
    assert result.exit_code == 0, result.stderr
    after = state(folder)
    assert set(after) - set(before) == {"film 0h00m01s 2.mp4"}
    assert {name: after[name] for name in before} == before


def test_a_film_is_never_joined_into_itself(run: Run, taken: Path) -> None:
    before = taken.read_bytes()
    assert run("clip", "bride", "--join", str(taken)).exit_code == 2
    assert taken.read_bytes() == before


def recording(tmp_path: Path, program: str) -> tuple[Path, Path]:
    """A program with a log of its arguments, a JSON list per line, in place of `program`; and the log file."""
    noted, script = tmp_path / "noted.jsonl", tmp_path / "recording"
    code = f"import json, os, sys\nopen({str(noted)!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')\n"
    script.write_text(f"#!{sys.executable} -IS\n{code}os.execv({program!r}, [{program!r}, *sys.argv[1:]])\n")
    script.chmod(stat.S_IRWXU)
    return script, noted


@pytest.fixture
def hard(library: Library, tmp_path: Path) -> list[Path]:
    """A film under every unusual name, with unusual words."""
    folder = tmp_path / "films"
    folder.mkdir()
    whole = clips.scenes(tmp_path / "whole.mp4", seconds=4)
    add_source(library, whole, Passage(0.5, 1.5, PassageKind.SPEECH, "bride"))
    made = [folder / f"{words.replace('/', '|')}{number}.mp4" for number, words in enumerate(HARD)]
    for path, words in zip(made, HARD, strict=True):
        os.link(whole, path)
        values = (hash_of(path.name), str(path), f"{words} {path.stem}")
        with library.writing() as connection:
            row = connection.execute(SAME_FILM, values).fetchone()
        videos.add_copy(library, row["id"], path, files.read_stamp(path))
        passages.add(library, row["id"], [Passage(0.5, 1.5, PassageKind.SPEECH, f"bride {words}")])
    videos.remove(library, 1)
    return made


@pytest.mark.slow
def test_no_word_of_a_video_reaches_a_filter_an_option_or_a_shell(
    run: Run, library: Library, hard: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, noted = recording(tmp_path, ffmpeg.find_ffmpeg(None).path)
    monkeypatch.setenv("VIDLOCAL_FFMPEG", str(script))
    monkeypatch.chdir(tmp_path)
    for extra in (["-d", "copied"], ["-d", "burnt", "--burn-captions"]):
        result = run("clip", "bride", "--limit", "100", *extra)
        assert result.exit_code == 0, result.stderr
        assert len(list((tmp_path / extra[1]).iterdir())) == len(HARD)
    assert run("clip", "bride", "--limit", "3", "--join", "all.mp4", "--burn-captions").exit_code == 0
    commands = [json.loads(line) for line in noted.read_text().splitlines()]
    assert len(commands) >= 2 * len(HARD)
    inputs = {str(path) for path in hard}
    for command in commands:
        for word in command:
            if word in inputs:
                assert command[command.index(word) - 1] == "-i"
            else:
                assert word.startswith(str(tmp_path)) or not any(mark in word for mark in ("PWNED", "bride", "🎂"))
    assert not list(tmp_path.rglob("PWNED*"))


@pytest.mark.parametrize("program", ["/usr/bin/mpv", "/usr/bin/vlc", "/opt/iina", "/usr/bin/xdg-open", "/opt/other"])
def test_a_player_gets_the_file_as_one_word(program: str) -> None:
    for words in HARD:
        for path in (Path("/films") / f"{words}.mp4", Path(f"{words}.mp4")):
            argv = player.player_command(program, 1.0, path)
            assert (argv[0], argv[-1]) == (program, str(path.absolute()))
            assert all(word.startswith("-") and "PWNED" not in word for word in argv[1:-1])


def test_no_child_is_started_through_a_shell() -> None:
    package = Path(videos.__file__).parents[1]
    for path in package.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert "shell=True" not in source
        assert "os.system" not in source
        assert "os.popen" not in source
