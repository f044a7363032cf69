import os
import random
import socket
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from tests.support import clips
from vidlocal.errors import MediaError
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.frames import read_frames
from vidlocal.media.probe.prober import Prober
from vidlocal.records import MediaKind


def test_the_properties_of_a_video_are_read(prober: Prober, tmp_path: Path) -> None:
    tone = clips.sound(tmp_path / "a.m4a", seconds=2)
    tags = ("-metadata", "title=Wedding", "-metadata", "creation_time=2019-07-20T14:03:02Z")
    languages = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu", "-disposition:a:1", "default")
    path = tmp_path / "a.mp4"
    inputs = ("-i", tone, "-i", tone)
    mapping = ("-map", "2:v", "-map", "0:a", "-map", "1:a", "-c:a", "copy", "-disposition:a:0", "0")
    clips.numbered(path, frames=50, rate="25", before=inputs, after=(*mapping, *languages, *tags))
    probe = prober.probe(path)
    assert (probe.kind, probe.container, probe.video_codec) == (MediaKind.VIDEO, "mov", "h264")
    assert probe.duration == pytest.approx(2.0, abs=0.05)
    assert (probe.width_px, probe.height_px, probe.rotation, probe.sample_aspect) == (160, 96, 0, 1.0)
    assert probe.frame_rate_hz == 25
    assert [(track.language, track.default, track.codec) for track in probe.audio] == [
        ("eng", False, "aac"),
        ("deu", True, "aac"),
    ]
    assert (probe.title, probe.recorded_at, probe.partial) == ("Wedding", "2019-07-20T14:03:02Z", None)


@pytest.mark.parametrize("name", ["a.mts", "a.mp4"])
def test_the_recording_date_of_a_camcorder_is_read(prober: Prober, tmp_path: Path, name: str) -> None:
    text = "MDPM.TzYYMTDHMS"
    stamp = b"MDPM\x02\x18\x82\x20\x19\x07\x19\x20\x14\x03\x02"
    data = ("-bsf:v", f"h264_metadata=sei_user_data=17ee8c60-f84d-11d9-8cd6-0800200c9a66+{text}")
    path = clips.numbered(tmp_path / name, frames=10, after=data)
    content = path.read_bytes().replace(text.encode(), stamp)
    path.write_bytes(content)
    assert stamp in content
    assert prober.probe(path).recorded_at == "2019-07-20T14:03:02"


def test_duration_is_last_time_plus_frame_length_minus_start(prober: Prober, tmp_path: Path) -> None:
    for name, after in (("a.ts", ("-output_ts_offset", "50")), ("b.mkv", ()), ("c.mp4", ())):
        path = clips.numbered(tmp_path / name, frames=45, rate="30", after=after)
        assert prober.probe(path).duration == pytest.approx(1.5, abs=0.034)


def test_a_late_start_is_not_mistaken_for_truncation(prober: Prober, tmp_path: Path) -> None:
    for name in ("a.mkv", "b.mp4", "c.ts"):
        path = clips.numbered(tmp_path / name, frames=45, rate="30", after=("-output_ts_offset", "5000"))
        probe = prober.probe(path)
        assert (probe.partial, probe.duration) == (None, pytest.approx(1.5, abs=0.034))


def test_subtitle_tracks_are_listed(prober: Prober, tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    clip = clips.numbered(tmp_path / "a.mp4", frames=30)
    path = tmp_path / "b.mkv"
    clips.run("-i", clip, "-i", tmp_path / "a.srt", "-c", "copy", "-metadata:s:s:0", "language=fra", path)
    (track,) = prober.probe(path).subtitles
    assert (track.codec, track.language, track.is_text, track.index) == ("subrip", "fra", True, 1)


def test_audio_with_cover_art_is_audio(prober: Prober, tmp_path: Path) -> None:
    tone, cover = clips.sound(tmp_path / "a.m4a"), clips.cover(tmp_path / "cover.jpg")
    attach = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic")
    for name in ("b.m4a", "b.mp3"):
        codec = ("-c:a", "libmp3lame") if name.endswith("mp3") else ()
        clips.run("-i", tone, "-i", cover, *attach, *codec, tmp_path / name)
        probe = prober.probe(tmp_path / name)
        assert (probe.kind, probe.video_index, probe.width_px) == (MediaKind.AUDIO, None, 0)
        assert probe.duration == pytest.approx(3, abs=0.1)


def test_cover_art_next_to_a_video_is_ignored(prober: Prober, tool: Ffmpeg, tmp_path: Path) -> None:
    cover, clip = clips.cover(tmp_path / "cover.png"), clips.numbered(tmp_path / "a.mp4", frames=30)
    path = tmp_path / "b.mkv"
    clips.run("-i", clip, "-attach", cover, "-metadata:s:t", "mimetype=image/png", "-c", "copy", path)
    probe = prober.probe(path)
    assert (probe.video_codec, probe.width_px) == ("h264", 160)
    assert len(list(read_frames(path, probe, every=0, ffmpeg=tool, prober=prober))) == 30


def test_the_content_decides_and_not_the_extension(prober: Prober, tmp_path: Path) -> None:
    clip = clips.numbered(tmp_path / "a.mp4", frames=10)
    for name in ("b.txt", "noextension", "c.jpg"):
        (tmp_path / name).write_bytes(clip.read_bytes())
        assert prober.probe(tmp_path / name).kind is MediaKind.VIDEO


NAMES = [
    "-y.mp4", "two\nlines.mp4", "🎬.mp4", os.fsdecode(b"\xff\xfe.mp4"), "it's \"quoted\".mp4", "[bold].mp4", "a:b.mp4",
    "http:x.mp4", "pipe:0", "x" * 251 + ".mp4", "clip%03d.mp4", "$(id);`id`.mp4", "concat:a|b.mp4", " .mp4",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_any_file_name_is_read(prober: Prober, tool: Ffmpeg, tmp_path: Path, name: str) -> None:
    clips.numbered(tmp_path / "plain.mp4", frames=3).rename(tmp_path / name)
    probe = prober.probe(tmp_path / name)
    assert len(list(read_frames(tmp_path / name, probe, every=0, ffmpeg=tool, prober=prober))) == 3


def test_a_photo_named_like_a_sequence_is_one_photo(prober: Prober, tmp_path: Path) -> None:
    for name, colour in (("img001.jpg", "red"), ("img%03d.jpg", "blue")):
        Image.new("RGB", (40, 30), colour).save(tmp_path / name)
    assert prober.read_photo(tmp_path / "img%03d.jpg").rgb[0, 0, 2] > 200


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n"
MPD = '<?xml version="1.0"?><MPD type="static"><Period><AdaptationSet><Representation id="1"><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>'  # noqa: E501
TRICKS = {
    "a.m3u8": HLS,
    "b.mp4": HLS,
    "c.mpd": MPD,
    "d.mp4": MPD,
    "e.ffconcat": "ffconcat version 1.0\nfile '{target}'\n",
    "f.mp4": "ffconcat version 1.0\nfile '{target}'\n",
    "g.sdp": "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video {port} RTP/AVP 96\r\n",
    "h.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="{target}"/></svg>',
    "i.pls": "[playlist]\nFile1={target}\nNumberOfEntries=1\n",
    "j.asx": '<asx version="3.0"><entry><ref href="{target}"/></entry></asx>',
    "k.smil": '<smil><body><video src="{target}"/></body></smil>',
    "l.m3u": "#EXTM3U\n{target}\n",
}


@pytest.mark.parametrize("name", TRICKS)
@pytest.mark.parametrize("local", [True, False])
def test_playlist_files_open_no_connection_and_no_file(prober: Prober, tmp_path: Path, name: str, local: bool) -> None:
    other = clips.numbered(tmp_path / "other.mp4", frames=3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        target = str(other) if local else f"http://127.0.0.1:{port}/x.mp4"
        path = tmp_path / name
        path.write_text(TRICKS[name].format(target=target, port=port))
        with pytest.raises(MediaError, match=r"playlist|SVG|not a supported"):
            prober.probe(path)
        listener.settimeout(0.05)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_each_unreadable_file_has_a_reason(prober: Prober, tmp_path: Path) -> None:
    whole = clips.numbered(tmp_path / "whole.mp4", frames=60)
    noise = os.urandom(20_000)
    cases = {
        "empty.mp4": (b"", "file is empty"),
        "random.mp4": (b"\x07" + noise, "not a supported"),
        "text.mp4": (b"just some words\n" * 100, "not a supported"),
        "cut.mp4": (whole.read_bytes()[: whole.stat().st_size * 6 // 10], "incomplete"),
        "zeros.mkv": (bytes(5000), "not a supported"),
        "photo.jpg": (b"\xff\xd8\xff" + noise, "corrupt"),
        "photo.png": (b"\x89PNG\r\n\x1a\n" + noise, "corrupt"),
        "photo.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + noise, "corrupt"),
    }
    for name, (data, reason) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(MediaError, match=reason) as caught:
            prober.probe(tmp_path / name)
        assert str(caught.value).startswith(name)


def test_too_large_images_are_rejected_without_decoding(prober: Prober, tmp_path: Path) -> None:
    clips.run("-f", "lavfi", "-i", "color=size=8192x8192:rate=1:duration=1", "-c:v", "mjpeg", tmp_path / "a.avi")
    with pytest.raises(MediaError, match="larger than 8K"):
        prober.probe(tmp_path / "a.avi")
    (tmp_path / "bomb.png").write_bytes(_black_png(30_000))
    with pytest.raises(MediaError, match="too large"):
        prober.probe(tmp_path / "bomb.png")


def test_a_video_can_have_a_single_frame(prober: Prober, tool: Ffmpeg, tmp_path: Path) -> None:
    path = clips.numbered(tmp_path / "a.mp4", frames=1)
    probe = prober.probe(path)
    assert probe.duration == pytest.approx(1 / 30, abs=0.001)
    assert len(list(read_frames(path, probe, every=2, ffmpeg=tool, prober=prober))) == 1


@pytest.mark.slow
def test_damaged_files_never_crash_or_hang_and_have_a_reason(tool: Ffmpeg, tmp_path: Path) -> None:
    dice = random.Random(4)
    wholes = [
        clips.numbered(tmp_path / "a.mp4", frames=40, before=("-i", clips.sound(tmp_path / "a.m4a", seconds=1))),
        clips.numbered(tmp_path / "a.mkv", frames=40),
        clips.numbered(tmp_path / "a.ts", frames=40),
        clips.numbered(tmp_path / "a.avi", frames=40, codec=("-c:v", "mpeg4", "-bf", "2")),
    ]
    usable = 0
    reasons: list[tuple[str, str]] = []
    with Prober() as prober:
        for number in range(40):
            whole = wholes[number % len(wholes)]
            data = bytearray(whole.read_bytes())
            for _ in range(max(1, len(data) // 100)):
                data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
            path = tmp_path / f"damaged{number}{whole.suffix}"
            path.write_bytes(data)
            try:
                probe = prober.probe(path)
                if probe.kind is MediaKind.VIDEO:
                    usable += bool(list(read_frames(path, probe, every=0.5, ffmpeg=tool, prober=prober)))
            except MediaError as error:
                reasons.append((path.name, str(error)))
    assert usable > 0
    assert all(name in reason for name, reason in reasons)


@pytest.mark.parametrize("tag", [1, 40, 100])
def test_a_damaged_timestamp_does_not_change_the_duration(prober: Prober, tmp_path: Path, tag: int) -> None:
    whole = clips.numbered(tmp_path / "a.flv", frames=100, rate="25", codec=(*clips.X264, "-bf", "0"))
    assert prober.probe(whole).partial is None
    probe = prober.probe(clips.mistimed(tmp_path / "b.flv", whole, tag, 1e6))
    assert probe.duration == pytest.approx(4.0, abs=0.2)
    assert probe.partial == "damaged timestamps"


def test_a_long_slide_is_not_damage(prober: Prober, tmp_path: Path) -> None:
    for name in ("a.mkv", "a.mp4"):
        probe = prober.probe(clips.variable(tmp_path / name, lambda number: number * 700.0, frames=4))
        assert (probe.partial, probe.duration) == (None, pytest.approx(2100.0, abs=60.1))


def test_real_broken_files_have_a_reason(prober: Prober, real_media: Path) -> None:
    for name, reason in {
        "mozilla+mp4parse-rust/short-cenc.mp4": "encrypted",
        "google+ExoPlayer/subsample_encrypted_altref.webm": "encrypted",
        "mozilla+mp4parse-rust/test_case_1185230.mp4": "no video could be decoded",
        "readbeyond+aeneas/mono.empty.wav": "empty",
        "readbeyond+aeneas/mono.zero.wav": "no video or audio stream",
        "sbraz+pymediainfo/sample_with_cover.mp3": "not a supported",
        "quodlibet+mutagen/64bit.mp4": "no video or audio stream",
    }.items():
        with pytest.raises(MediaError, match=reason):
            prober.probe(real_media / name)


def test_the_properties_of_real_recordings_are_read(prober: Prober, real_media: Path) -> None:
    assert prober.probe(real_media / "dmlc+decord/video_90.mov").rotation == 90
    assert prober.probe(real_media / "dmlc+decord/video_180.mov").rotation == 180
    assert prober.probe(real_media / "readbeyond+aeneas/p001.mp4").kind is MediaKind.AUDIO
    assert prober.probe(real_media / "WyattBlue+auto-editor/h264-png.mkv").video_codec == "h264"
    assert prober.probe(real_media / "Zulko+moviepy/no_duration.webm").duration == pytest.approx(4.94, abs=0.07)


def _black_png(side: int) -> bytes:
    """A PNG of side x side black pixels, 1 bit each: 110 KB, or 2.7 GB as RGB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress((b"\0" * (1 + (side + 7) // 8)) * side, 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
