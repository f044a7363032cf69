from pathlib import Path

import numpy as np
import pytest

from tests.support import clips
from tests.support.speech import RATE_HZ, Samples, probe_of, write_wav
from vidlocal import process
from vidlocal.errors import MediaError
from vidlocal.media import ffmpeg
from vidlocal.media.audio import choose_track, read_audio
from vidlocal.media.probe.prober import Prober
from vidlocal.records import AudioTrack

CLICK_AT = 2.0


@pytest.fixture(scope="module")
def tool() -> ffmpeg.Ffmpeg:
    return ffmpeg.find_ffmpeg(None)


@pytest.fixture(scope="module")
def click(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of silence with a burst at 2 s."""
    samples = np.zeros(6 * RATE_HZ, dtype=np.float32)
    first = int(CLICK_AT * RATE_HZ)
    samples[first : first + 800] = np.random.default_rng(1).normal(0, 0.2, 800)
    return write_wav(tmp_path_factory.mktemp("sound") / "click.wav", samples)


def mux(tool: ffmpeg.Ffmpeg, sound: Path, target: Path, *, all_late: float, sound_late: float) -> Path:
    """Six seconds of video, with audio `sound_late` seconds later."""
    picture = ["-f", "lavfi", "-i", "color=size=32x32:rate=10:duration=6"]
    argv = [tool.path, "-v", "error", "-itsoffset", str(all_late), *picture]
    encoded = target.with_suffix(".m4a")
    process.run([tool.path, "-v", "error", "-i", str(sound), str(encoded)], timeout=60)
    argv += ["-itsoffset", str(all_late + sound_late), "-i", str(encoded), "-map", "0:v", "-map", "1:a"]
    finished = process.run([*argv, "-c:v", "mpeg4", "-c:a", "copy", str(target)], timeout=60)
    assert finished.returncode == 0, finished.stderr
    return target


def click_time(samples: Samples) -> float:
    return float(np.argmax(np.abs(samples) > 0.05)) / RATE_HZ


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_audio_before_the_first_key_frame_is_read(
    tmp_path: Path, tool: ffmpeg.Ffmpeg, click: Path, prober: Prober, ending: str
) -> None:
    picture = clips.numbered(tmp_path / "picture.mp4", frames=20, rate="10")
    path = tmp_path / f"clip.{ending}"
    clips.run("-i", click, "-itsoffset", "4.1", "-i", picture, "-map", "1:v", "-map", "0:a", "-c:v", "copy", path)
    probe = prober.probe(path)
    assert probe.first_key_frame == pytest.approx(4.1, abs=0.05)
    for start in (0.0, 1.5, 1.9):
        samples = read_audio(path, probe, ffmpeg=tool, start=start, seconds=3.0)
        assert start + click_time(samples) == pytest.approx(CLICK_AT, abs=0.08)


def test_samples_are_one_dimensional_float32_between_minus_one_and_one(tool: ffmpeg.Ffmpeg, click: Path) -> None:
    samples = read_audio(click, probe_of(6.0), ffmpeg=tool, start=0.0, seconds=4.0)
    assert (samples.dtype, samples.shape) == (np.float32, (4 * RATE_HZ,))
    assert samples.flags.c_contiguous
    assert float(np.abs(samples).max()) <= 1.0


@pytest.mark.parametrize("ending", ["mkv", "mp4", "ts"])
@pytest.mark.parametrize(("all_late", "sound_late"), [(0.0, 0.0), (0.0, 1.5), (10.0, 1.5)])
def test_audio_keeps_its_delay_on_the_clock_of_the_container(
    tmp_path: Path, tool: ffmpeg.Ffmpeg, click: Path, ending: str, all_late: float, sound_late: float
) -> None:
    path = mux(tool, click, tmp_path / f"clip.{ending}", all_late=all_late, sound_late=sound_late)
    import av

    with av.open(str(path)) as container:
        start = (container.start_time or 0) / 1_000_000
        track = container.streams.audio[0].index
    probe = probe_of(7.5, start=start)
    for window_start in (0.0, 1.0):
        samples = read_audio(path, probe, ffmpeg=tool, start=window_start, seconds=5.0, track=track)
        # AAC begins with up to 64 ms of its own, which MPEG-TS cannot mark.
        assert window_start + click_time(samples) == pytest.approx(CLICK_AT + sound_late, abs=0.08)


def test_audio_is_shorter_at_the_end_and_empty_past_it(tool: ffmpeg.Ffmpeg, click: Path) -> None:
    probe = probe_of(6.0)
    assert read_audio(click, probe, ffmpeg=tool, start=5.0, seconds=600.0).size == RATE_HZ
    assert read_audio(click, probe, ffmpeg=tool, start=7.0, seconds=600.0).size == 0


def test_unusual_audio_becomes_16_khz_mono(tmp_path: Path, tool: ffmpeg.Ffmpeg) -> None:
    for name, options in {
        "low.wav": ["-ar", "8000", "-c:a", "pcm_u8"],
        "wide.flac": ["-ac", "8", "-ar", "96000"],
    }.items():
        tone = ["-f", "lavfi", "-i", "sine=440:duration=2"]
        process.run([tool.path, "-v", "error", *tone, *options, str(tmp_path / name)], timeout=60)
        samples = read_audio(tmp_path / name, probe_of(2.0), ffmpeg=tool, start=0.0, seconds=10.0)
        assert samples.size == pytest.approx(2 * RATE_HZ, abs=20)
        assert float(samples.std()) > 0.01


def test_a_missing_or_broken_track_is_an_error(tool: ffmpeg.Ffmpeg, click: Path, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"click\.wav: audio cannot be decoded"):
        read_audio(click, probe_of(6.0), ffmpeg=tool, start=0.0, seconds=1.0, track=5)
    with pytest.raises(MediaError, match="no audio stream"):
        read_audio(click, probe_of(6.0, tracks=[]), ffmpeg=tool, start=0.0, seconds=1.0)
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    with pytest.raises(MediaError, match=r"broken\.wav: audio cannot be decoded"):
        read_audio(broken, probe_of(6.0), ffmpeg=tool, start=0.0, seconds=1.0)


def track(index: int, *, default: bool = False, channels: int = 2) -> AudioTrack:
    return AudioTrack(index, "aac", None, default=default, channels=channels, rate_hz=48_000)


def test_choose_track_prefers_the_default_flag_then_the_first() -> None:
    assert choose_track(probe_of(1.0, tracks=[])) is None
    assert choose_track(probe_of(1.0, tracks=[track(1), track(2)])) == track(1)
    assert choose_track(probe_of(1.0, tracks=[track(1), track(2, default=True)])) == track(2, default=True)
    assert choose_track(probe_of(1.0, tracks=[track(1, channels=0), track(2)])) == track(2)


def test_a_damaged_timestamp_does_not_end_the_audio(tool: ffmpeg.Ffmpeg, tmp_path: Path) -> None:
    tone = clips.sound(tmp_path / "tone.flv", seconds=6, codec=("-c:a", "aac"))
    path = clips.mistimed(tmp_path / "damaged.flv", tone, 80, 5000.0, kind=8)
    with Prober() as prober:
        probe = prober.probe(path)
    samples = read_audio(path, probe, ffmpeg=tool, start=0.0, seconds=60.0)
    assert len(samples) == pytest.approx(6 * RATE_HZ, rel=0.02)
    assert np.mean(np.abs(samples) > 0.01) > 0.9


def stereo(tool: ffmpeg.Ffmpeg, click: Path, target: Path, mixture: str) -> Samples:
    """The audio of a file of two channels, made of `click` by an expression for each."""
    clips.run("-i", click, "-af", f"pan=stereo|{mixture}", target)
    track = AudioTrack(0, "pcm_s16le", None, default=False, channels=2, rate_hz=RATE_HZ)
    probe = probe_of(6.0, tracks=[track])
    return read_audio(target, probe, ffmpeg=tool, start=0.0, seconds=6.0)


@pytest.mark.parametrize("mixture", ["c0=c0|c1=-1*c0", "c0=0.7*c0|c1=-1*c0"])
def test_opposite_channels_do_not_cancel_each_other(
    tmp_path: Path, tool: ffmpeg.Ffmpeg, click: Path, mixture: str
) -> None:
    samples = stereo(tool, click, tmp_path / "stereo.wav", mixture)
    assert click_time(samples) == pytest.approx(CLICK_AT, abs=0.01)
    assert float(np.abs(samples).max()) > 0.2


@pytest.mark.parametrize("mixture", ["c0=c0|c1=c0", "c0=c0|c1=0*c0", "c0=0*c0|c1=c0"])
def test_other_channels_are_mixed(tmp_path: Path, tool: ffmpeg.Ffmpeg, click: Path, mixture: str) -> None:
    samples = stereo(tool, click, tmp_path / "stereo.wav", mixture)
    assert (samples.shape, samples.dtype) == ((6 * RATE_HZ,), np.float32)
    assert click_time(samples) == pytest.approx(CLICK_AT, abs=0.01)
