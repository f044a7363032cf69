import os
import subprocess
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support import clips
from vidlocal.errors import MediaError
from vidlocal.media.decoded_frame import DecodedFrame
from vidlocal.media.ffmpeg import Ffmpeg, find_ffmpeg
from vidlocal.media.frames import read_frames
from vidlocal.media.probe.prober import Prober

Read = Callable[..., list[DecodedFrame]]

BFRAMES = (*clips.X264, "-g", "30", "-bf", "3")
OPEN_GOP = (*clips.X264, "-g", "15", "-bf", "3", "-x264-params", "open-gop=1")
MPEG4 = ("-c:v", "mpeg4", "-q:v", "2", "-g", "12", "-bf", "2")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=30", "-pix_fmt", "yuv420p")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "30", "-b:v", "1M")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2", "-g", "12", "-bf", "2")
INTRA = ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p")


@pytest.fixture
def read(tool: Ffmpeg, prober: Prober) -> Read:
    def reading(path: Path, every: float) -> list[DecodedFrame]:
        return list(read_frames(path, prober.probe(path), every=every, ffmpeg=tool, prober=prober))

    return reading


def uneven(number: int) -> float:
    """Variable rate: 10 to 50 frames a second, with a gap of 1.7 s."""
    return number * 0.04 + (number % 3) * 0.013 + (1.7 if number > 40 else 0.0)


def assert_true_times(frames: Sequence[DecodedFrame], time: Callable[[int], float], tolerance: float = 0.001) -> None:
    """Assert that the number in each frame belongs to its time."""
    for frame in frames:
        assert abs(frame.time - time(clips.number_in(frame.rgb))) <= tolerance


CONSTANT = {
    "h264 with B-frames in mp4": ("a.mp4", "30", BFRAMES, ()),
    "29.97 in mp4": ("a.mp4", "30000/1001", BFRAMES, ()),
    "23.976 in matroska": ("a.mkv", "24000/1001", BFRAMES, ()),
    "open groups": ("a.mp4", "25", OPEN_GOP, ()),
    "fragmented mp4": ("a.mp4", "25", BFRAMES, ("-movflags", "frag_keyframe+empty_moov")),
    "avi": ("a.avi", "25", (*MPEG4[:-1], "0"), ()),
    "avi with B-frames": ("a.avi", "25", MPEG4, ()),
    "avi with mpeg-2": ("a.avi", "25", MPEG2, ()),
    "avi with h264": ("a.avi", "25", (*BFRAMES[:-1], "0"), ()),
    "avi with h264 and B-frames": ("a.avi", "25", BFRAMES, ()),
    "hevc": ("a.mp4", "30", HEVC, ()),
    "vp9 in webm": ("a.webm", "25", VP9, ()),
    "mpeg-2 program stream": ("a.mpg", "25", MPEG2, ()),
    "transport stream, which starts late": ("a.ts", "30", BFRAMES, ()),
    "transport stream that starts at 100 s": ("a.ts", "30", BFRAMES, ("-output_ts_offset", "100")),
    "matroska that starts at 5 s": ("a.mkv", "30", BFRAMES, ("-output_ts_offset", "5")),
    "key frames only": ("a.mov", "30", INTRA, ()),
    "60 frames a second": ("a.mp4", "60", BFRAMES, ()),
}


@pytest.mark.parametrize("every", [0, 0.3, 1.0])
@pytest.mark.parametrize("name", CONSTANT)
def test_every_frame_is_the_one_visible_at_its_time(read: Read, tmp_path: Path, name: str, every: float) -> None:
    file, rate, codec, after = CONSTANT[name]
    count = 100
    path = clips.numbered(tmp_path / file, frames=count, rate=rate, codec=codec, after=after)
    numerator, _, denominator = rate.partition("/")
    length = int(denominator or 1) / int(numerator)

    frames = read(path, every)

    assert_true_times(frames, lambda number: number * length)
    assert clips.number_in(frames[0].rgb) == 0
    if every == 0:
        assert [clips.number_in(frame.rgb) for frame in frames] == list(range(count))
    else:
        times = [frame.time for frame in frames]
        assert max(later - earlier for earlier, later in pairwise([*times, (count - 1) * length])) <= every * 1.5
        assert len(times) <= count * length / every * 1.4 + 1


@pytest.mark.parametrize("every", [0, 0.3, 1.0])
def test_variable_rate_keeps_the_stored_times(read: Read, tmp_path: Path, every: float) -> None:
    path = clips.variable(tmp_path / "a.mkv", uneven, frames=90, codec=BFRAMES)
    frames = read(path, every)
    assert_true_times(frames, uneven)
    assert len(frames) == 90 if every == 0 else len(frames) > 3


def test_late_video_keeps_its_delay_after_the_audio(read: Read, tmp_path: Path) -> None:
    tone = clips.sound(tmp_path / "a.m4a")
    silent = clips.numbered(tmp_path / "silent.mp4", frames=60)
    clips.run("-i", tone, "-itsoffset", "0.5", "-i", silent, "-map", "0", "-map", "1", "-c", "copy", tmp_path / "b.mkv")
    frames = read(tmp_path / "b.mkv", 0.4)
    assert_true_times(frames, lambda number: 0.5 + number / 30, tolerance=0.002)


def test_a_long_frame_is_selected_soon_after_another(read: Read, tmp_path: Path) -> None:
    def slides(number: int) -> float:
        return number * 0.1 + (30.0 if number > 23 else 0.0)

    path = clips.variable(tmp_path / "a.mkv", slides, frames=60)
    assert 23 in [clips.number_in(frame.rgb) for frame in read(path, 2.0)]


def test_dense_key_frames_are_decoded_alone(read: Read, tmp_path: Path) -> None:
    codec = (*clips.X264, "-g", "20", "-keyint_min", "20", "-sc_threshold", "0")
    path = clips.numbered(tmp_path / "a.mp4", frames=200, rate="10", codec=codec)
    assert [clips.number_in(frame.rgb) for frame in read(path, 2.0)] == list(range(0, 200, 20))


def test_dense_and_sparse_key_frames_are_read_without_gaps_or_duplicates(
    read: Read, prober: Prober, tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    force = ("-force_key_frames", "expr:if(between(t,30,55),gte(t,n_forced*0),eq(mod(n,10),0))")
    codec = (*clips.X264, "-g", "300", "-keyint_min", "1", "-sc_threshold", "0", "-bf", "3")
    clips.numbered(path, frames=900, rate="10", codec=codec, after=force)
    frames = read(path, 2.0)
    times = [frame.time for frame in frames]
    assert_true_times(frames, lambda number: number / 10)
    assert all(0.5 < later - earlier <= 3.0 for earlier, later in pairwise(times))
    assert times[-1] >= 87


def test_all_frames_are_decoded_if_reference_frames_are_too_sparse(read: Read, tmp_path: Path) -> None:
    codec = (*clips.X264, "-g", "250", "-bf", "16", "-b_strategy", "0", "-x264-params", "b-pyramid=none")
    path = clips.numbered(tmp_path / "a.mp4", frames=60, rate="2", codec=codec)
    times = [frame.time for frame in read(path, 2.0)]
    assert max(later - earlier for earlier, later in pairwise(times)) <= 3.0


@pytest.mark.parametrize("turn", ["90", "180", "270"])
def test_a_rotated_video_is_decoded_upright(read: Read, prober: Prober, tmp_path: Path, turn: str) -> None:
    flat = clips.numbered(tmp_path / "a.mp4", frames=3)
    # Stored lying on its side, with the note to turn it back: what a telephone does.
    sideways = {"90": "transpose=cclock", "180": "hflip,vflip", "270": "transpose=clock"}[turn]
    clips.run("-i", flat, "-vf", sideways, *clips.X264, tmp_path / "lying.mp4")
    counterclockwise = str(-int(turn))
    clips.run("-display_rotation", counterclockwise, "-i", tmp_path / "lying.mp4", "-c", "copy", tmp_path / "b.mp4")
    probe = prober.probe(tmp_path / "b.mp4")
    assert (probe.rotation, probe.width_px, probe.height_px) == (int(turn), clips.WIDTH_PX, clips.HEIGHT_PX)
    frames = read(tmp_path / "b.mp4", 0)
    assert all(clips.is_upright(frame.rgb) for frame in frames)
    assert [clips.number_in(frame.rgb) for frame in frames] == [0, 1, 2]


def test_a_mirrored_video_is_decoded_as_in_a_player(read: Read, tmp_path: Path) -> None:
    flat = clips.numbered(tmp_path / "a.mp4", frames=2)
    clips.run("-i", flat, "-vf", "hflip", *clips.X264, tmp_path / "mirrored.mp4")
    clips.run("-display_hflip", "-i", tmp_path / "mirrored.mp4", "-c", "copy", tmp_path / "b.mp4")
    assert clips.is_upright(read(tmp_path / "b.mp4", 0)[0].rgb)


def test_pixels_are_square(read: Read, prober: Prober, tmp_path: Path) -> None:
    path = clips.numbered(tmp_path / "a.mp4", frames=2, after=("-vf", "setsar=4/3"))
    assert prober.probe(path).width_px == 213
    assert read(path, 0)[0].rgb.shape == (96, 213, 3)


def test_large_frames_are_scaled_to_896_and_small_ones_kept(read: Read, tmp_path: Path) -> None:
    clips.run("-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=5:duration=0.4", *clips.X264, tmp_path / "a.mp4")
    assert read(tmp_path / "a.mp4", 0)[0].rgb.shape == (504, 896, 3)
    assert read(clips.numbered(tmp_path / "b.mp4", frames=2), 0)[0].rgb.shape == (96, 160, 3)


@pytest.mark.parametrize(("transfer", "level"), [("smpte2084", 0.58), ("arib-std-b67", 0.75)])
def test_hdr_is_tone_mapped(read: Read, prober: Prober, tmp_path: Path, transfer: str, level: float) -> None:
    # Reference white (203 nits, ITU-R BT.2408) has this level in PQ and HLG; untouched it would come out grey.
    grey = round(64 + level * 876)
    source = f"color=size=64x64:rate=5:duration=0.4,format=yuv420p10le,geq=lum={grey}:cb=512:cr=512"
    colours = f"colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc:log-level=error"
    clips.run("-f", "lavfi", "-i", source, "-c:v", "libx265", "-x265-params", colours, tmp_path / "a.mp4")
    assert prober.probe(tmp_path / "a.mp4").hdr == {"smpte2084": "pq", "arib-std-b67": "hlg"}[transfer]
    shown = read(tmp_path / "a.mp4", 0)[0].rgb
    assert 170 <= shown.mean() <= 255
    assert np.ptp(shown.mean(axis=(0, 1))) < 12


def test_concatenated_recordings_continue_where_the_first_ends(read: Read, prober: Prober, tmp_path: Path) -> None:
    film = clips.numbered(tmp_path / "1.ts", frames=60, rate="10")
    other = tmp_path / "2.ts"
    clips.run("-i", film, "-vf", "scale=320:192", *clips.X264, other)
    (tmp_path / "both.ts").write_bytes(film.read_bytes() + other.read_bytes())
    probe = prober.probe(tmp_path / "both.ts")
    frames = read(tmp_path / "both.ts", 1.0)
    assert probe.duration == pytest.approx(12.0, abs=0.3)
    assert [frame.rgb.shape for frame in frames] == [(96, 160, 3)] * len(frames)
    assert all(0 < later.time - earlier.time <= 1.5 for earlier, later in pairwise(frames))
    for frame in frames:
        assert clips.number_in(frame.rgb) == pytest.approx(frame.time * 10 % 60, abs=2)


def test_wrapped_clock_leaves_no_gap(read: Read, prober: Prober, tmp_path: Path) -> None:
    wrap = 2**33 / 90_000 - 3
    after = ("-output_ts_offset", f"{wrap:.3f}")
    path = clips.numbered(tmp_path / "a.ts", frames=60, rate="10", after=after)
    assert prober.probe(path).duration == pytest.approx(6.0, abs=0.3)
    frames = read(path, 1.0)
    assert_true_times(frames, lambda number: number / 10, tolerance=0.01)
    assert frames[-1].time > 4.9


def test_a_wrong_duration_of_47_hours_is_not_sampled(read: Read, prober: Prober, tmp_path: Path) -> None:
    whole = clips.numbered(tmp_path / "a.mkv", frames=60)
    path = clips.promise(tmp_path / "b.mkv", whole, 47 * 3600)
    assert prober.probe(path).duration == pytest.approx(2.0, abs=0.04)
    assert len(read(path, 0.5)) <= 6


def test_frames_are_streamed_with_progress(tool: Ffmpeg, prober: Prober, tmp_path: Path) -> None:
    path = clips.numbered(tmp_path / "a.mp4", frames=60)
    progress: list[float] = []
    frames = read_frames(path, prober.probe(path), every=0, ffmpeg=tool, prober=prober, on_progress=progress.append)
    first = next(frames)
    next(frames)
    assert progress == [first.time]


def test_closing_the_iterator_ends_ffmpeg(tool: Ffmpeg, prober: Prober, tmp_path: Path) -> None:
    path = clips.numbered(tmp_path / "left-early.mp4", frames=900)
    frames = read_frames(path, prober.probe(path), every=0, ffmpeg=tool, prober=prober)
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "left-early.mp4" not in listing


def test_a_truncated_file_gives_its_complete_frames(read: Read, prober: Prober, tmp_path: Path) -> None:
    whole = clips.numbered(tmp_path / "a.mp4", frames=300, after=("-movflags", "+faststart"))
    path = clips.cut_off(tmp_path / "b.mp4", whole, 0.6)
    probe = prober.probe(path)
    assert probe.partial is not None
    assert 3 < probe.duration < 9
    frames = read(path, 1.0)
    assert len(frames) >= 4
    assert_true_times(frames, lambda number: number / 30)


def test_damage_in_the_middle_loses_only_the_damaged_frames(read: Read, tmp_path: Path) -> None:
    whole = clips.numbered(tmp_path / "a.mkv", frames=300, codec=(*clips.X264, "-g", "30"))
    data = bytearray(whole.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = os.urandom(2000)
    (tmp_path / "b.mkv").write_bytes(data)
    times = [frame.time for frame in read(tmp_path / "b.mkv", 1.0)]
    assert times[0] == 0
    assert times[-1] > 8


def test_a_deleted_video_is_a_media_error(tool: Ffmpeg, prober: Prober, tmp_path: Path) -> None:
    path = clips.numbered(tmp_path / "a.mp4", frames=5)
    probe = prober.probe(path)
    path.unlink()
    with pytest.raises(MediaError, match="not found"):
        next(read_frames(path, probe, every=1.0, ffmpeg=tool, prober=prober))


PLAIN = (*clips.X264, "-bf", "0", "-g", "10")


def test_a_frame_with_a_damaged_time_is_left_out_and_all_others_keep_their_times(read: Read, tmp_path: Path) -> None:
    whole = clips.numbered(tmp_path / "a.flv", frames=100, rate="25", codec=PLAIN)
    for lost in (1e6, 900.0):
        frames = read(clips.mistimed(tmp_path / "b.flv", whole, 41, lost), 0.0)
        assert {clips.number_in(frame.rgb) for frame in frames} == set(range(100)) - {40}
        assert_true_times(frames, lambda number: number / 25, tolerance=0.0015)


def test_frames_after_a_jump_of_the_clock_are_read(read: Read, tmp_path: Path) -> None:
    path = clips.variable(tmp_path / "a.mkv", lambda number: number / 25 + (3e6 if number >= 20 else 0.0), frames=40)
    frames = read(path, 0.0)
    assert [clips.number_in(frame.rgb) for frame in frames] == list(range(40))
    assert_true_times(frames, lambda number: number / 25, tolerance=1 / 25)


@pytest.mark.parametrize("every", [0, 0.3])
def test_frames_of_a_packed_avi_are_right_to_the_frame(read: Read, tmp_path: Path, every: float) -> None:
    """DivX and Xvid put a B-frame into the packet of the next frame, followed by an empty frame."""
    encoded = clips.numbered(tmp_path / "a.avi", frames=60, codec=("-c:v", "libxvid", "-bf", "2", "-q:v", "3"))
    path = tmp_path / "packed.avi"
    with av.open(str(encoded)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.size]
        for number, packet in enumerate(packets):  # one after the other, as the encoders themselves write them
            packet.stream, packet.pts, packet.dts = stream, number, number
            target.mux(packet)
    frames = read(path, every)
    # The encoder leaves out a frame near the end.
    assert [clips.number_in(frame.rgb) for frame in frames if frame.time < 1.8] == [
        round(30 * frame.time) for frame in frames if frame.time < 1.8
    ]
    assert len(frames) == len(packets) if every == 0 else len(frames) > 5


@pytest.mark.parametrize("seconds", [3, 7, 10])
@pytest.mark.parametrize("codec", [BFRAMES, HEVC, MPEG4], ids=["h264", "hevc", "mpeg4"])
def test_every_still_of_a_screen_recording_is_sampled(
    tmp_path: Path, read: Read, codec: Sequence[str], seconds: int
) -> None:
    path = clips.variable(tmp_path / "slides.mkv", lambda number: number * seconds, frames=12, codec=codec)
    frames = read(path, 2)
    assert [clips.number_in(frame.rgb) for frame in frames] == list(range(12))
    assert_true_times(frames, lambda number: number * seconds)


def test_a_change_at_the_end_of_a_still_is_sampled(tmp_path: Path, read: Read) -> None:
    path = clips.variable(tmp_path / "slides.mkv", lambda number: number * 30, frames=2, codec=BFRAMES)
    assert [clips.number_in(frame.rgb) for frame in read(path, 2)] == [0, 1]


def test_an_ffmpeg_that_crashes_is_named_as_the_reason(tmp_path: Path, prober: Prober) -> None:
    crashing = tmp_path / "ffmpeg"
    crashing.write_text('#!/bin/sh\n[ "$1" = -version ] && echo ffmpeg version 7.0.2 || kill -SEGV $$\n')
    crashing.chmod(0o755)
    path = clips.numbered(tmp_path / "a.ts", frames=10)
    with pytest.raises(MediaError, match="ffmpeg crashed; set VIDLOCAL_FFMPEG to a newer one"):
        list(read_frames(path, prober.probe(path), every=1.0, ffmpeg=find_ffmpeg(str(crashing)), prober=prober))
