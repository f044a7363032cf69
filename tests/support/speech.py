"""Recordings with known words: sentences known to the test model, laid on quiet noise at any time."""

import json
import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vidlocal import process
from vidlocal.media import ffmpeg
from vidlocal.records import AudioTrack, MediaKind, Probe

ASSETS = Path(__file__).parents[1] / "assets"
MODEL = ASSETS / "ggml-vidlocal-test.bin"
RATE_HZ = 16_000

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A spoken sentence. `start` and `end`: position in its file, in seconds."""

    text: str
    start: float
    end: float
    samples: Samples


def decoded(path: Path) -> Samples:
    """The sound of a file in the format of whisper.cpp."""
    program = ffmpeg.find_ffmpeg(None).path
    argv = [program, "-v", "error", "-i", str(path), "-ac", "1", "-ar", str(RATE_HZ), "-f", "f32le", "pipe:1"]
    return np.frombuffer(process.run(argv, timeout=60).stdout, dtype="<f4").astype(np.float32)


def sentences(name: str) -> list[Sentence]:
    """The sentences of `wedding-en` or `boda-es`."""
    truth = json.loads((ASSETS / f"{name}.json").read_text())
    sound = decoded(ASSETS / f"{name}.flac")
    return [
        Sentence(
            segment["text"],
            segment["start"],
            segment["end"],
            sound[int(segment["start"] * RATE_HZ) : int(segment["end"] * RATE_HZ)],
        )
        for segment in truth["segments"]
    ]


def recording(placed: Iterable[tuple[float, Sentence]], *, seconds: float) -> Samples:
    """Sentences at their times, in seconds, on faint noise."""
    noise = np.random.default_rng(7).normal(0, 0.0008, round(seconds * RATE_HZ)).astype(np.float32)
    for start, sentence in placed:
        first = round(start * RATE_HZ)
        noise[first : first + sentence.samples.size] += sentence.samples
    return noise


def write_wav(path: Path, samples: Samples) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def probe_of(seconds: float, *, start: float = 0.0, tracks: Sequence[AudioTrack] | None = None) -> Probe:
    """Properties of a file with a single sound track."""
    track = AudioTrack(0, "pcm_s16le", None, default=False, channels=1, rate_hz=RATE_HZ)
    return Probe(MediaKind.AUDIO, seconds, start=start, audio=(track,) if tracks is None else tuple(tracks))
