import contextlib
import os
import random
from pathlib import Path

import pytest

from vidlocal import process
from vidlocal.errors import MediaError
from vidlocal.media import ffmpeg, sidecars
from vidlocal.media.subtitles import subtitle_sources
from vidlocal.records import Cue, MediaKind, Probe, SubtitleTrack

SRT = "1\n00:00:01,000 --> 00:00:02,500\nL'été arrive, la mariée est très drôle.\n\n"
CUE = Cue(1.0, 2.5, "L'été arrive, la mariée est très drôle.")


@pytest.fixture(scope="module")
def tool() -> ffmpeg.Ffmpeg:
    return ffmpeg.find_ffmpeg(None)


@pytest.mark.parametrize(
    ("name", "language"),
    [("m.srt", None), ("m.eng.srt", "en"), ("a.b.pt-BR.forced.srt", "pt"), ("m.hi.srt", "hi"), ("m.en.hi.srt", "en")],
)
def test_read_sidecar_takes_the_language_from_the_name(tmp_path: Path, name: str, language: str | None) -> None:
    (tmp_path / name).write_text(SRT)
    assert subtitle_sources.read_sidecar(tmp_path / name)[0].language == language


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_read_sidecar_detects_the_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "m.srt").write_bytes(SRT.encode(encoding))
    assert subtitle_sources.read_sidecar(tmp_path / "m.srt") == (CUE,)


def test_read_sidecar_rejects_unusable_files_with_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "m.srt"
    path.write_text("<html>not found</html>")
    with pytest.raises(MediaError, match=r"m\.srt: no subtitles found"):
        subtitle_sources.read_sidecar(path)
    with pytest.raises(MediaError, match=r"gone\.srt"):
        subtitle_sources.read_sidecar(tmp_path / "gone.srt")
    path.write_text("  \n")
    assert subtitle_sources.read_sidecar(path) == ()


def test_read_sidecar_does_not_block_on_a_named_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.srt")
    assert sidecars.find_sidecars(tmp_path / "m.mp4") == ()
    with pytest.raises(MediaError):
        subtitle_sources.read_sidecar(tmp_path / "m.srt")


@pytest.mark.parametrize("ending", ["srt", "vtt", "ass"])
def test_read_sidecar_of_damaged_files_gives_cues_or_a_reason(tmp_path: Path, ending: str) -> None:
    whole = {
        "srt": SRT * 20,
        "vtt": "WEBVTT\n\nNOTE x\n\n" + "a\n00:01.000 --> 00:02.000\n<c>Hi</c> &amp;\n\n" * 20,
        "ass": "[Events]\n" + "Dialogue: 0,0:00:01.00,0:00:02.00,D,,0,0,0,,{\\i1}Hi{\\p1}m 0\n" * 20,
    }[ending].encode()
    chance = random.Random(5)
    path = tmp_path / f"m.{ending}"
    for _ in range(150):
        damaged = bytearray(whole[: chance.randrange(1, len(whole))])
        for _ in range(chance.randrange(30)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        with contextlib.suppress(MediaError):
            for cue in subtitle_sources.read_sidecar(path):
                assert 0 <= cue.start < cue.end
                assert cue.text.strip()


def mux(tool: ffmpeg.Ffmpeg, target: Path, *, codec: str, offset: float = 0.0, encoding: str = "utf-8") -> Path:
    """A clip of 4 s with a subtitle track; both start `offset` seconds late."""
    source = target.with_suffix(".source.srt")
    source.write_bytes(SRT.encode(encoding))
    picture = ["-f", "lavfi", "-i", "color=size=32x32:rate=10:duration=4"]
    late = ["-itsoffset", str(offset)]
    argv = [tool.path, "-v", "error", *late, *picture, *late, "-i", str(source)]
    argv += ["-map", "0:v", "-map", "1", "-c:v", "mpeg4", "-c:s", codec, "-metadata:s:s:0", "language=fre", str(target)]
    finished = process.run(argv, timeout=60)
    assert finished.returncode == 0, finished.stderr
    return target


def probe(*, start: float = 0.0) -> Probe:
    return Probe(MediaKind.VIDEO, 4.0, start=start)


@pytest.mark.parametrize(
    ("ending", "codec"),
    [("mkv", "subrip"), ("mkv", "ass"), ("mkv", "webvtt"), ("mp4", "mov_text"), ("mov", "mov_text")],
)
@pytest.mark.parametrize("offset", [0.0, 10.0])
def test_read_track_gives_times_on_the_clock_of_the_container(
    tmp_path: Path, tool: ffmpeg.Ffmpeg, ending: str, codec: str, offset: float
) -> None:
    path = mux(tool, tmp_path / f"clip.{ending}", codec=codec, offset=offset)
    track = SubtitleTrack(1, codec, "fre", None, is_text=True)
    (cue,) = subtitle_sources.read_track(path, track, probe(start=offset), ffmpeg=tool)
    assert (cue.text, cue.language) == (CUE.text, "fr")
    assert (cue.start, cue.end) == pytest.approx((1.0, 2.5), abs=0.011)


def test_read_track_accepts_text_other_than_utf8(tmp_path: Path, tool: ffmpeg.Ffmpeg) -> None:
    path = mux(tool, tmp_path / "clip.mkv", codec="copy", encoding="cp1252")
    track = SubtitleTrack(1, "subrip", None, None, is_text=True)
    assert subtitle_sources.read_track(path, track, probe(), ffmpeg=tool) == (CUE,)


def test_read_track_of_bitmaps_has_no_cues(tmp_path: Path, tool: ffmpeg.Ffmpeg) -> None:
    track = SubtitleTrack(1, "hdmv_pgs_subtitle", None, None, is_text=False)
    assert subtitle_sources.read_track(tmp_path / "any.mkv", track, probe(), ffmpeg=tool) == ()


def test_read_track_names_an_unreadable_track(tmp_path: Path, tool: ffmpeg.Ffmpeg) -> None:
    path = mux(tool, tmp_path / "clip.mkv", codec="subrip")
    with pytest.raises(MediaError, match=r"clip\.mkv: subtitle track 7"):
        subtitle_sources.read_track(path, SubtitleTrack(7, "subrip", None, None, is_text=True), probe(), ffmpeg=tool)


def test_embedded_subtitles_of_real_clips_are_read(real_media: Path, tool: ffmpeg.Ffmpeg) -> None:
    for name, track, text in (
        (
            "google+ExoPlayer/sample_with_srt.mkv",
            SubtitleTrack(2, "subrip", "eng", None, is_text=True),
            "first subtitle",
        ),
        ("WyattBlue+auto-editor/mov_text.mp4", SubtitleTrack(2, "mov_text", None, None, is_text=True), "oop"),
    ):
        cues = subtitle_sources.read_track(real_media / name, track, probe(), ffmpeg=tool)
        assert text in cues[0].text


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "ja"])
def test_real_captions_are_read_without_markup(real_media: Path, language: str) -> None:
    cues = subtitle_sources.read_sidecar(real_media / f"ableplayer+ableplayer/wwa_captions_{language}.vtt")
    assert len(cues) > 10
    assert not any(mark in cue.text for cue in cues for mark in ("<", "-->", "&", "WEBVTT", "\ufffd"))
    assert [cue.start for cue in cues] == sorted(cue.start for cue in cues)
