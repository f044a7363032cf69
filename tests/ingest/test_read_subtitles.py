"""Subtitles of a new video, and of a video with changed subtitle files."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import clips
from vidlocal import process
from vidlocal.enrich.workers import fast_pass
from vidlocal.ingest import read_subtitles
from vidlocal.ingest.outcome import IngestResult, Outcome
from vidlocal.ingest.run import IngestTools, ingest
from vidlocal.media import ffmpeg
from vidlocal.media.probe.prober import Prober
from vidlocal.records import JobKind, PassageKind
from vidlocal.signals.screen_text import RapidOcr
from vidlocal.store.content import passages, telemetry
from vidlocal.store.database import Library
from vidlocal.store.process_locks import ProcessLock

TELEMETRY = [f"F/2.8, SS 320, ISO 100, EV 0, GPS (8.6499, 53.1665, 15), D 2{n}.5m, H 6.0m" for n in range(6)]


@pytest.fixture
def lock(library: Library) -> Iterator[ProcessLock]:
    with ProcessLock(library.folder) as alive:
        yield alive


@pytest.fixture(scope="module")
def tools() -> Iterator[IngestTools]:
    tool = ffmpeg.find_ffmpeg(None)
    with Prober() as prober, RapidOcr() as reader:
        yield IngestTools(tool, prober, fast_pass.FastEngines(tool, prober, reader, None))


def subrip(*texts: str) -> str:
    return "".join(
        f"{number + 1}\n00:00:0{number},000 --> 00:00:0{number},900\n{text}\n\n" for number, text in enumerate(texts)
    )


def ingest_film(library: Library, tools: IngestTools, lock: ProcessLock, path: Path) -> Outcome:
    (outcome,) = ingest(library, [path], tools, lock, every=2.0, later=True)
    return outcome


def texts(library: Library) -> list[str]:
    return [passage.text for passage in passages.of_video(library, 1, [PassageKind.SUBTITLE])]


def run_ffmpeg(tools: IngestTools, *arguments: object) -> None:
    finished = process.run([tools.ffmpeg.path, "-v", "error", *map(str, arguments)], timeout=60)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize(
    ("name", "lines", "is_transcribed"),
    [
        ("film.en.forced.srt", ["Bonjour, ma belle."], True),
        ("film.srt", ["[door slams]", "(laughter)"], True),
        ("film.srt", TELEMETRY, True),
        ("film.srt", ["[door slams]", "Come in!"], False),
        ("film.2.en.srt", ["Come in!"], False),
    ],
)
def test_only_dialogue_replaces_a_transcription(
    library: Library,
    tools: IngestTools,
    lock: ProcessLock,
    tmp_path: Path,
    name: str,
    lines: list[str],
    is_transcribed: bool,
) -> None:
    film = clips.sound(tmp_path / "film.mp4", seconds=6)
    (tmp_path / name).write_text(subrip(*lines))
    outcome = ingest_film(library, tools, lock, film)
    planned = {row["kind"] for row in library.rows("SELECT kind FROM jobs")}
    assert (JobKind.TRANSCRIBE in planned) is is_transcribed
    assert outcome.subtitles == (0 if lines is TELEMETRY else len(lines))
    assert outcome.notes == (("film.srt: camera readings, not subtitles.",) if lines is TELEMETRY else ())


def test_readings_of_a_camera_are_kept_as_values(
    library: Library, tools: IngestTools, lock: ProcessLock, tmp_path: Path
) -> None:
    film, sidecar = clips.scenes(tmp_path / "film.mp4", seconds=4), tmp_path / "film.srt"
    sidecar.write_text(subrip(*TELEMETRY))
    ingest_film(library, tools, lock, film)
    first, *_ = stored = telemetry.of_video(library, 1)
    assert len(stored) == len(TELEMETRY)
    assert (first.time, first.values["H"], first.values["GPS"]) == (0.0, "6.0m", "(8.6499, 53.1665, 15)")

    sidecar.write_text(subrip(*(line.replace("6.0m", "7.5m") for line in TELEMETRY[:5])))
    assert ingest_film(library, tools, lock, film).result is IngestResult.UNCHANGED
    assert [reading.values["H"] for reading in telemetry.of_video(library, 1)] == ["7.5m"] * 5
    assert texts(library) == []


def test_a_changed_new_or_deleted_subtitle_file_is_read_again(
    library: Library, tools: IngestTools, lock: ProcessLock, tmp_path: Path
) -> None:
    film, english = clips.scenes(tmp_path / "film.mp4", seconds=4), tmp_path / "film.en.srt"
    english.write_text(subrip("The wallrus reads.", "It sleeps."))
    ingest_film(library, tools, lock, film)
    kept = passages.of_video(library, 1, [PassageKind.SUBTITLE])[1]

    english.write_text(subrip("The walrus reads.", "It sleeps."))
    outcome = ingest_film(library, tools, lock, film)
    assert (outcome.result, outcome.notes) == (IngestResult.UNCHANGED, ("film.mp4: subtitles read again, 1 new.",))
    assert texts(library) == ["The walrus reads.", "It sleeps."]
    assert passages.of_video(library, 1, [PassageKind.SUBTITLE])[1] == kept
    assert ingest_film(library, tools, lock, film).notes == ()

    (tmp_path / "film.de.srt").write_text(subrip("Das Walross liest."))
    os.utime(tmp_path, ns=(1, 1))  # another change than the one before, on a disk with coarse times
    ingest_film(library, tools, lock, film)
    assert sorted(texts(library)) == ["Das Walross liest.", "It sleeps.", "The walrus reads."]

    english.unlink()
    os.utime(tmp_path, ns=(2, 2))
    ingest_film(library, tools, lock, film)
    assert texts(library) == ["Das Walross liest."]


def test_voices_of_a_subtitle_file_are_speakers(
    library: Library, tools: IngestTools, lock: ProcessLock, tmp_path: Path
) -> None:
    film, file = clips.scenes(tmp_path / "film.mp4", seconds=4), tmp_path / "film.vtt"
    cue = "WEBVTT\n\n00:00.500 --> 00:01.500\n<v {}>Come in!\n"
    for name in ("Anna", "Tom"):
        file.write_text(cue.format(name))
        ingest_film(library, tools, lock, film)
        (passage,) = passages.of_video(library, 1, [PassageKind.SUBTITLE])
        assert (passage.text, passage.speaker) == ("Come in!", name)


def test_subtitles_corrected_in_the_library_stay(
    library: Library, tools: IngestTools, lock: ProcessLock, tmp_path: Path
) -> None:
    film, sidecar = clips.scenes(tmp_path / "film.mp4", seconds=4), tmp_path / "film.srt"
    sidecar.write_text(subrip("The wallrus reads.", "It sleeps."))
    ingest_film(library, tools, lock, film)
    passages.rewrite(library, passages.of_video(library, 1, [PassageKind.SUBTITLE])[0], "The walrus reads a book.")
    sidecar.write_text(subrip("The walruss reads.", "It snores."))
    ingest_film(library, tools, lock, film)
    assert texts(library) == ["The walrus reads a book.", "It snores."]


def test_a_broken_subtitle_file_costs_no_other_one(
    library: Library, tools: IngestTools, lock: ProcessLock, tmp_path: Path
) -> None:
    film = clips.scenes(tmp_path / "film.mp4", seconds=4)
    (tmp_path / "film.de.srt").write_text("<html>")
    (tmp_path / "film.en.srt").write_text(subrip("It sleeps."))
    outcome = ingest_film(library, tools, lock, film)
    assert texts(library) == ["It sleeps."]
    assert outcome.notes[0].startswith("film.de.srt: no subtitles found.")


def test_bitmap_subtitles_are_named(library: Library, tools: IngestTools, lock: ProcessLock, tmp_path: Path) -> None:
    bitmaps, film = tmp_path / "film.en.sup", tmp_path / "film.mkv"
    bitmaps.write_bytes(b"".join(bitmap_segment(start, kind) for start in (1, 2) for kind in (0x16, 0x80)))
    clips.scenes(tmp_path / "source.mp4", seconds=4)
    language = ("-metadata:s:s:0", "language=ger")
    run_ffmpeg(
        tools, "-i", tmp_path / "source.mp4", "-i", bitmaps, "-map", "0:v", "-map", "1", "-c", "copy", *language, film
    )
    assert ingest_film(library, tools, lock, film).notes == (
        "film.en.sup: bitmap subtitles, not read.",
        "film.mkv: subtitle track 1 (PGS, ger) is not text and was not read.",
    )


def bitmap_segment(start: int, kind: int) -> bytes:
    """A segment of a PGS file: an empty composition (0x16), or the end of a display set (0x80)."""
    body = struct.pack(">HHBHBBBB", 64, 64, 0x10, start, 0x80, 0, 0, 0) if kind == 0x16 else b""
    return b"PG" + struct.pack(">IIBH", 90_000 * start, 0, kind, len(body)) + body


def test_closed_captions_are_read(library: Library, tools: IngestTools, lock: ProcessLock, tmp_path: Path) -> None:
    captions, film = tmp_path / "captions.scc", tmp_path / "film.mov"
    load, show, clear = "9420 9420 9470 9470", "942f 942f", "942c 942c"
    shown = f"{load} {caption_codes('We cut the cake.')} {show}"
    captions.write_text(f"Scenarist_SCC V1.0\n\n00:00:01:00\t{shown}\n\n00:00:03:00\t{clear}\n\n")
    clips.scenes(tmp_path / "source.mp4", seconds=4)
    run_ffmpeg(tools, "-i", tmp_path / "source.mp4", "-i", captions, "-map", "0:v", "-map", "1", "-c", "copy", film)
    ingest_film(library, tools, lock, film)
    assert texts(library) == ["We cut the cake."]


@pytest.mark.parametrize("name", ["film.ts", "it's: [a] film.mpg", "film.mkv"])
def test_closed_captions_within_the_frames_are_read(
    library: Library, tools: IngestTools, lock: ProcessLock, tmp_path: Path, name: str
) -> None:
    codes = f"{'8080 ' * 30}9420 9420 9470 9470 {caption_codes('We cut the cake.')} 942f 942f {'8080 ' * 60}942c 942c"
    film = captioned_film(tools, tmp_path / name, codes.split())
    ingest_film(library, tools, lock, film)
    (passage,) = passages.of_video(library, 1, [PassageKind.SUBTITLE])
    assert passage.text == "We cut the cake."
    assert passage.start == pytest.approx(1.4, abs=0.1)


def test_closed_captions_without_readable_text_are_named(
    library: Library, tools: IngestTools, lock: ProcessLock, tmp_path: Path
) -> None:
    outcome = ingest_film(library, tools, lock, captioned_film(tools, tmp_path / "film.ts", [], frames=30))
    assert outcome.notes == ("film.ts: closed captions without text by EIA-608; EIA-708 alone is not read.",)


def captioned_film(tools: IngestTools, film: Path, codes: list[str], *, frames: int = 150) -> Path:
    """Make a film with two letters of closed captions in each frame, by the codes of EIA-608."""
    plain = clips.numbered(
        film.with_name("plain.m2v"), frames=frames, rate="30000/1001", codec=("-c:v", "mpeg2video", "-bf", "0")
    )
    captioned = film.with_name("captioned.m2v")
    captioned.write_bytes(with_captions(plain.read_bytes(), codes))
    timed = ("-fflags", "+genpts", "-f", "mpegvideo", "-framerate", "30000/1001")
    run_ffmpeg(tools, *timed, "-i", captioned, "-c", "copy", film)
    return film


def with_captions(video: bytes, codes: list[str]) -> bytes:
    """An MPEG-2 stream with two letters of captions (ATSC A/53) before the first slice of every picture."""
    pictures = video.split(b"\0\0\1\0")
    captioned = [pictures[0]]
    for number, picture in enumerate(pictures[1:]):
        code = bytes.fromhex(codes[number]) if number < len(codes) else b"\x80\x80"
        header, slices = picture.split(b"\0\0\1\1", 1)
        captioned.append(header + b"\0\0\1\xb2GA94\x03\x41\xff\xfc" + code + b"\xff\0\0\1\1" + slices)
    return b"\0\0\1\0".join(captioned)


def caption_codes(text: str) -> str:
    """A text as EIA-608: two letters of seven bits with odd parity."""
    letters = [letter | (0x80 if letter.bit_count() % 2 == 0 else 0) for letter in text.encode()]
    return " ".join(f"{first:02x}{second:02x}" for first, second in zip(letters[::2], letters[1::2], strict=True))


def test_cues_that_only_name_sounds_are_sounds(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").touch()
    (tmp_path / "film.srt").write_text(
        "1\n00:00:01,000 --> 00:00:02,000\n[door slams]\n\n2\n00:00:03,000 --> 00:00:04,000\n[Tom] Come in!\n\n"
        "3\n00:00:05,000 --> 00:00:06,000\n♪ la la ♪\n"
    )
    read = read_subtitles.read_sidecars(tmp_path / "film.mp4", duration=10.0)
    assert [(passage.kind, passage.text) for passage in read.passages] == [
        ("sound", "door slams"),
        ("subtitle", "[Tom] Come in!"),
        ("subtitle", "♪ la la ♪"),
    ]


def test_pipes_named_like_the_files_beside_a_film_do_not_block(
    library: Library, tools: IngestTools, lock: ProcessLock, tmp_path: Path
) -> None:
    film = clips.sound(tmp_path / "film.mp4", seconds=1)
    for name in ("film.SRT", "film.srt", "film.xmp", "film.nfo", "film.mp4.json"):
        os.mkfifo(tmp_path / name)
    assert ingest_film(library, tools, lock, film).result is IngestResult.ADDED


@pytest.mark.parametrize(
    "cue", ["sprite.jpg#xywh=0,0,160,90", "https://example.org/t/1.WEBP?s=2", '{"lat": 1.5,\n"speed": 3}', '"id": 7']
)
def test_webvtt_data_for_players_is_no_subtitle(
    library: Library, tools: IngestTools, lock: ProcessLock, tmp_path: Path, cue: str
) -> None:
    film = clips.sound(tmp_path / "film.mp4", seconds=1)
    (tmp_path / "film.vtt").write_text(f"WEBVTT\n\n00:00.000 --> 00:01.000\n{cue}\n")
    assert ingest_film(library, tools, lock, film).notes == ("film.vtt: data for players, not subtitles.",)
    assert texts(library) == []


def test_subtitles_after_the_end_of_a_video_are_reported(
    library: Library, tools: IngestTools, lock: ProcessLock, tmp_path: Path
) -> None:
    film = clips.sound(tmp_path / "film.mp4", seconds=1)
    (tmp_path / "film.srt").write_text("1\n01:00:00,000 --> 01:00:01,000\nToo late.\n")
    assert ingest_film(library, tools, lock, film).notes == (
        "film.srt: subtitles after the end of the video, not read.",
    )
