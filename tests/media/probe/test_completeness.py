"""Partial files are detected, complete files are not reported, despite headers or other tracks."""

from pathlib import Path

import pytest

from tests.support import clips
from vidlocal.errors import MediaError
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.frames import read_frames
from vidlocal.media.probe.prober import Prober
from vidlocal.records import MediaKind

MPEG4 = ("-c:v", "mpeg4", "-bf", "0")
FRAGMENTS = ("-movflags", "frag_keyframe+empty_moov+default_base_moof")
LAST_CUE = "1\n00:00:00,500 --> 00:00:01,000\nHello\n\n2\n00:00:03,000 --> 00:00:{end},000\nGood-bye\n"


def _film(path: Path, *, codec: tuple[str, ...] = clips.X264, after: tuple[str, ...] = ()) -> Path:
    """A film of 4 seconds with sound."""
    tone = clips.sound(path.with_suffix(".wav"), seconds=4)
    sound = ("-map", "1:v", "-map", "0:a", "-c:a", "mp2" if path.suffix in {".avi", ".mpg", ".ts"} else "aac")
    return clips.numbered(path, frames=120, codec=codec, before=("-i", tone), after=(*sound, *after))


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
@pytest.mark.parametrize("end", [9, 30])
def test_a_subtitle_after_the_last_frame_does_not_make_a_film_partial(
    prober: Prober, tmp_path: Path, name: str, end: int
) -> None:
    (tmp_path / "a.srt").write_text(LAST_CUE.format(end=f"{end:02}"))
    film = _film(tmp_path / f"film{name[1:]}")
    text = ("-c:s", "srt" if name.endswith("mkv") else "mov_text")
    clips.run("-i", film, "-i", tmp_path / "a.srt", "-map", "0", "-map", "1", "-c", "copy", *text, tmp_path / name)
    probe = prober.probe(tmp_path / name)
    assert (probe.partial, probe.duration) == (None, pytest.approx(4.0, abs=0.1))


def test_a_subtitle_after_the_last_frame_in_matroska_without_statistics(prober: Prober, tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(LAST_CUE.format(end="20"))
    film = _film(tmp_path / "film.mkv")
    path = tmp_path / "a.mkv"
    clips.run("-i", film, "-i", tmp_path / "a.srt", "-map", "0", "-map", "1", "-c", "copy", path)
    path.write_bytes(path.read_bytes().replace(b"DURATION", b"REMARKED"))
    assert prober.probe(path).partial is None
    clips.cut_off(tmp_path / "b.mkv", path, 0.5)
    assert str(prober.probe(tmp_path / "b.mkv").partial).startswith("truncated")


WHOLE = {
    "a.mp4": (clips.X264, ("-movflags", "+faststart")),
    "a.mkv": (clips.X264, ()),
    "a.avi": (MPEG4, ()),
    "h264.avi": (clips.X264, ()),
    "mjpeg.avi": (("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"), ()),
    "a.ts": (clips.X264, ()),
    "a.mpg": (("-c:v", "mpeg2video"), ()),
    "a.flv": (clips.X264, ()),
    "a.wmv": (("-c:v", "wmv2"), ()),
    "fragments.mp4": (clips.X264, ("-g", "30", *FRAGMENTS)),
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("share", [0.6, 0.9])
def test_a_zero_filled_end_makes_a_file_partial(prober: Prober, tmp_path: Path, name: str, share: float) -> None:
    codec, after = WHOLE[name]
    whole = _film(tmp_path / name, codec=codec, after=after)
    assert prober.probe(whole).partial is None
    size = whole.stat().st_size
    clips.cut_off(tmp_path / f"zero-{name}", whole, share)
    with (tmp_path / f"zero-{name}").open("r+b") as file:
        file.truncate(size)
    probe = prober.probe(tmp_path / f"zero-{name}")
    assert probe.partial is not None
    assert 1.5 < probe.duration < 4.3


@pytest.mark.parametrize("name", ["a.avi", "h264.avi", "mjpeg.avi", "a.wmv"])
@pytest.mark.parametrize("share", [0.4, 0.9])
def test_a_cut_file_is_partial(prober: Prober, tool: Ffmpeg, tmp_path: Path, name: str, share: float) -> None:
    whole = _film(tmp_path / name, codec=WHOLE[name][0])
    path = clips.cut_off(tmp_path / f"cut-{name}", whole, share)
    probe = prober.probe(path)
    assert str(probe.partial).startswith("truncated")
    frames = list(read_frames(path, probe, every=0.5, ffmpeg=tool, prober=prober))
    assert len(frames) >= 3


def test_black_raw_video_and_silence_are_no_damage(prober: Prober, tmp_path: Path) -> None:
    black = ("-f", "lavfi", "-i", "color=black:size=64x64:rate=10:duration=2,format=rgb24")
    silence = ("-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono:d=2")
    for name, codec in (("a.avi", "rawvideo"), ("a.mov", "qtrle"), ("a.mkv", "ffv1")):
        clips.run(*black, *silence, "-c:v", codec, "-c:a", "pcm_s16le", tmp_path / name)
        assert prober.probe(tmp_path / name).partial is None
    clips.run(*silence, tmp_path / "a.wav")
    assert prober.probe(tmp_path / "a.wav").partial is None


def test_padding_in_the_last_box_is_not_damage(prober: Prober, tmp_path: Path) -> None:
    path = clips.numbered(tmp_path / "a.mp4", frames=30)
    path.write_bytes(path.read_bytes() + (40_008).to_bytes(4) + b"free" + bytes(40_000))
    assert prober.probe(path).partial is None


def test_late_starting_fragments_are_whole(prober: Prober, tmp_path: Path) -> None:
    path = clips.numbered(
        tmp_path / "a.mp4", frames=120, codec=(*clips.X264, "-g", "30"), after=("-output_ts_offset", "10", *FRAGMENTS)
    )
    probe = prober.probe(path)
    assert (probe.partial, probe.duration) == (None, pytest.approx(4.0, abs=0.1))


def _unknown(path: Path, whole: Path) -> Path:
    """A copy with an unknown name as video codec."""
    path.write_bytes(whole.read_bytes().replace(b"avc1\0\0\0\0\0\0", b"brvn\0\0\0\0\0\0"))
    return path


def test_film_of_an_unknown_codec_is_not_called_a_recording(prober: Prober, tmp_path: Path) -> None:
    probe = prober.probe(_unknown(tmp_path / "b.mov", _film(tmp_path / "a.mov")))
    assert (probe.kind, probe.partial) == (MediaKind.AUDIO, "video (unknown codec) cannot be decoded")
    silent = clips.numbered(tmp_path / "c.mov", frames=30)
    with pytest.raises(MediaError, match="codec of the video is unknown"):
        prober.probe(_unknown(tmp_path / "d.mov", silent))


@pytest.mark.parametrize("stills_first", [True, False])
@pytest.mark.parametrize("stills_default", [True, False])
def test_the_film_of_a_motion_photo_is_chosen(
    prober: Prober, tmp_path: Path, stills_first: bool, stills_default: bool
) -> None:
    film = clips.numbered(tmp_path / "film.mp4", frames=54)
    stills = clips.variable(tmp_path / "stills.mp4", lambda number: number * 1.7, frames=2)
    large = tmp_path / "large.mp4"
    clips.run("-i", stills, "-vf", "scale=320:192", *clips.X264, large)
    order = (stills_first, not stills_first)
    maps = [word for is_still in order for word in ("-map", f"{int(is_still)}:v")]
    flags = [f"-disposition:v:{order.index(not stills_default)}", "0"]
    clips.run("-i", film, "-i", large, *maps, "-c", "copy", *flags, tmp_path / "a.mp4")
    probe = prober.probe(tmp_path / "a.mp4")
    assert (probe.width_px, probe.duration, probe.partial) == (160, pytest.approx(1.8, abs=0.05), None)
