"""Frames with unusual pixels: colours, fields, changing shapes, unnamed side data."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.support import clips
from vidlocal.errors import MediaError
from vidlocal.media.decoded_frame import DecodedFrame
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.frames import read_frames, read_frames_at
from vidlocal.media.probe.prober import Prober

Read = Callable[..., list[DecodedFrame]]

MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2", "-pix_fmt", "yuv420p")
X265 = ("-c:v", "libx265", "-preset", "ultrafast")


@pytest.fixture
def read(tool: Ffmpeg, prober: Prober) -> Read:
    def reading(path: Path, every: float) -> list[DecodedFrame]:
        return list(read_frames(path, prober.probe(path), every=every, ffmpeg=tool, prober=prober))

    return reading


@pytest.mark.parametrize("name", ["a.avi", "a.mov", "a.mkv"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_motion_jpeg_with_exif_is_read(read: Read, tmp_path: Path, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pictures = io.BytesIO()
    for number in range(10):
        picture = Image.fromarray(clips.picture(number))
        stored = picture if orientation == 1 else picture.transpose(Image.Transpose.ROTATE_90)
        stored.save(pictures, "JPEG", quality=95, exif=exif)
    source = ("-f", "image2pipe", "-c:v", "mjpeg", "-r", "5", "-i", "pipe:0")
    clips.run(*source, "-c", "copy", tmp_path / name, stdin=pictures.getvalue())
    frames = read(tmp_path / name, 0)
    assert [clips.number_in(frame.rgb) for frame in frames] == list(range(10))
    assert all(clips.is_upright(frame.rgb) for frame in frames)


@pytest.mark.parametrize("matrix", [0, 3, 8, 15])
@pytest.mark.parametrize("other", [0, 3, 9, 23])
def test_reserved_colour_tags_do_not_keep_frames_from_being_read(
    read: Read, tmp_path: Path, matrix: int, other: int
) -> None:
    tags = "mpeg2_metadata=colour_primaries=4:transfer_characteristics=4:matrix_coefficients=4"
    clips.numbered(tmp_path / "a.m2v", frames=6, codec=(*MPEG2, "-bsf:v", tags))
    data = (tmp_path / "a.m2v").read_bytes().replace(b"\x04\x04\x04", bytes([other, other, matrix]))
    (tmp_path / "a.m2v").write_bytes(data)
    clips.run("-fflags", "+genpts", "-i", tmp_path / "a.m2v", "-c", "copy", tmp_path / "b.ts")
    frames = read(tmp_path / "b.ts", 0)
    assert [clips.number_in(frame.rgb) for frame in frames] == list(range(6))


@pytest.mark.parametrize(("codec", "kind"), [("libx265", "hevc"), ("libaom-av1", "av1")])
def test_the_reserved_matrix_is_read_in_other_codecs(read: Read, tmp_path: Path, codec: str, kind: str) -> None:
    tag = ("-bsf:v", f"{kind}_metadata=matrix_coefficients=3")
    path = clips.numbered(tmp_path / "a.mkv", frames=3, codec=("-c:v", codec, "-pix_fmt", "yuv420p"), after=tag)
    assert [clips.number_in(frame.rgb) for frame in read(path, 0)] == [0, 1, 2]


@pytest.mark.parametrize("matrix", range(18))
def test_every_colour_matrix_is_read(read: Read, tmp_path: Path, matrix: int) -> None:
    tags = f"h264_metadata=colour_primaries=12:transfer_characteristics=10:matrix_coefficients={matrix}"
    path = clips.numbered(tmp_path / "a.mp4", frames=2, after=("-bsf:v", tags))
    assert len(read(path, 0)) == 2


RARE = {
    "YCgCo": (("-vf", "zscale=matrix=ycgco,format=yuv444p"), (*clips.X264[:-2], "-colorspace", "ycgco")),
    "RGB": ((), ("-c:v", "libx264rgb", "-crf", "10")),
    "ICtCp in HDR": (
        ("-vf", "zscale=tin=709:pin=709:t=smpte2084:p=bt2020:m=ictcp:npl=100,format=yuv420p10le"),
        (*X265, "-x265-params", "colorprim=bt2020:transfer=smpte2084:colormatrix=ictcp:log-level=error"),
    ),
    "RGB in HDR": (
        ("-vf", "format=gbrp,zscale=tin=709:pin=709:t=smpte2084:p=bt2020:npl=100,format=gbrp10le"),
        (*X265, "-x265-params", "colorprim=bt2020:transfer=smpte2084:colormatrix=gbr:log-level=error"),
    ),
}


@pytest.mark.parametrize("name", RARE)
def test_rare_colour_spaces_have_true_colours(read: Read, tmp_path: Path, name: str) -> None:
    filters, codec = RARE[name]
    path = clips.numbered(tmp_path / "a.mkv", frames=3, codec=codec, after=filters)
    frames = read(path, 0)
    assert [clips.number_in(frame.rgb) for frame in frames] == [0, 1, 2]
    red, blue = frames[0].rgb[80, 40].astype(int), frames[0].rgb[80, 120].astype(int)
    assert red[0] > 120 > 40 + max(red[1:])
    assert blue[2] > 120 > 40 + max(blue[:2])


def _comb(rgb: npt.NDArray[np.uint8]) -> float:
    """Mean difference of lines from the mean of their neighbours: high for the two fields of a motion."""
    grey = rgb.mean(axis=2)
    return float(np.abs(grey[1:-1] * 2 - grey[:-2] - grey[2:]).mean())


# A grating of vertical bars that moves by 7 px from field to field: no detail between lines.
MOVING = "nullsrc=size=720x576:rate=50,format=gray,geq=lum='128+100*sin((X+7*N)/15)',format=yuv420p"


@pytest.mark.slow
@pytest.mark.parametrize("seconds", ["0.2", "3"])
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mpg", (*MPEG2, "-flags", "+ildct+ilme")),
        ("a.mp4", (*clips.X264, "-flags", "+ildct+ilme", "-x264-params", "tff=1:keyint=10")),
        ("a.avi", ("-c:v", "dvvideo", "-pix_fmt", "yuv420p", "-flags", "+ildct+ilme")),
    ],
)
def test_interlaced_frames_have_no_comb(
    read: Read, tmp_path: Path, name: str, codec: tuple[str, ...], seconds: str
) -> None:
    source = ("-f", "lavfi", "-t", seconds, "-i", MOVING)
    clips.run(*source, "-vf", "tinterlace=interleave_bottom,setfield=bff", "-r", "25", *codec, tmp_path / name)
    frames = read(tmp_path / name, 1.0)
    assert len(frames) >= float(seconds)
    assert max(_comb(frame.rgb) for frame in frames) < 3


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.avi", ("-c:v", "mpeg4", "-q:v", "2", "-g", "12")), ("a.mp4", (*clips.X264, "-g", "12")), ("a.mpg", MPEG2)],
)
def test_unflagged_interlaced_frames_have_no_comb(
    read: Read, tmp_path: Path, name: str, codec: tuple[str, ...]
) -> None:
    source = ("-f", "lavfi", "-t", "3", "-i", MOVING)
    clips.run(*source, "-vf", "tinterlace=interleave_top,setfield=prog", "-r", "25", *codec, tmp_path / name)
    assert max(_comb(frame.rgb) for frame in read(tmp_path / name, 1.0)) < 3


def test_progressive_frames_keep_fine_lines(read: Read, prober: Prober, tmp_path: Path) -> None:
    lines = "nullsrc=size=720x576:rate=25,format=gray,geq=lum='255*mod(Y,2)',format=yuv420p"
    for name, codec in (("a.mpg", MPEG2), ("a.mp4", clips.X264)):
        clips.run("-f", "lavfi", "-t", "0.4", "-i", lines, *codec, tmp_path / name)
        assert _comb(read(tmp_path / name, 0)[0].rgb) > 300
    grain = "testsrc2=size=720x576:rate=25,noise=alls=60:allf=t"
    clips.run("-f", "lavfi", "-t", "3", "-i", grain, "-c:v", "mpeg4", "-q:v", "2", tmp_path / "b.avi")
    assert prober.timeline(tmp_path / "b.avi").picture.interlaced is None


def _turned(folder: Path, name: str, codec: tuple[str, ...]) -> Path:
    """A call of 60 upright frames, then 60 frames of a turned telephone; the picture stays upright."""
    lying = clips.numbered(folder / f"1{name}", frames=60, rate="10", codec=codec)
    standing = clips.numbered(folder / f"2{name}", frames=60, rate="10", codec=codec, after=("-vf", "scale=96:160"))
    return clips.joined(folder / name, [lying, standing])


VP8 = ("-c:v", "libvpx", "-b:v", "1M", "-deadline", "realtime", "-g", "20")


@pytest.mark.parametrize(("name", "codec"), [("a.webm", VP8), ("a.ts", MPEG2)])
@pytest.mark.parametrize("every", [0, 1.0])
def test_frames_of_another_shape_keep_it(
    read: Read, tmp_path: Path, name: str, codec: tuple[str, ...], every: float
) -> None:
    frames = read(_turned(tmp_path, name, codec), every)
    assert {frame.rgb.shape[:2] for frame in frames if frame.time < 5.95} == {(96, 160)}
    assert {frame.rgb.shape[:2] for frame in frames if frame.time > 6.05} == {(160, 96)}
    for frame in frames:
        assert clips.number_in(frame.rgb) == pytest.approx(frame.time * 10 % 60, abs=1.1)


@pytest.mark.parametrize(("name", "codec"), [("a.ts", MPEG2), ("a.mpg", MPEG2), ("a.ts", clips.X264), ("a.ts", X265)])
def test_pixels_of_another_aspect_at_the_same_size_keep_their_shape(
    read: Read, tmp_path: Path, name: str, codec: tuple[str, ...]
) -> None:
    parts = [
        clips.numbered(
            tmp_path / f"{aspect}{name}", frames=40, rate="10", codec=codec, after=("-aspect", f"{aspect}:9")
        )
        for aspect in (12, 16)
    ]
    path = clips.joined(tmp_path / name, [*parts, parts[0]])
    frames = read(path, 1.0)
    shapes = [frame.rgb.shape[1] / frame.rgb.shape[0] for frame in frames]
    expected = [16 / 9 if 3.95 < frame.time < 7.95 else 4 / 3 for frame in frames]
    assert shapes == pytest.approx(expected, abs=0.03)


def test_a_single_frame_of_another_shape_is_read(read: Read, prober: Prober, tool: Ffmpeg, tmp_path: Path) -> None:
    path = _turned(tmp_path, "a.webm", VP8)
    later = [frame.time for frame in read(path, 1.0) if frame.time > 6.05][:2]
    frames = list(read_frames_at(path, prober.probe(path), later, ffmpeg=tool, prober=prober))
    assert [(frame.time, frame.rgb.shape) for frame in frames] == [(time, (160, 96, 3)) for time in later]


def test_a_video_without_decodable_frames_has_the_cause_of_the_decoder(read: Read, tmp_path: Path) -> None:
    whole = clips.numbered(tmp_path / "a.avi", frames=40, codec=("-c:v", "mpeg4", "-g", "40"))
    data = bytearray(whole.read_bytes())
    first = data.index(b"00dc") + 8
    data[first + 4 : data.rindex(b"idx1")] = bytes(data.rindex(b"idx1") - first - 4)
    (tmp_path / "b.avi").write_bytes(data)
    with pytest.raises(MediaError) as caught:
        read(tmp_path / "b.avi", 0)
    assert not any(word in str(caught.value) for word in ("encoder", "written", "Terminating"))
