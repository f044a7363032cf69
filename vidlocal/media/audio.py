"""Decode audio for Whisper: 16 kHz, mono, on the clock of the container."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from vidlocal import process
from vidlocal.errors import MediaError
from vidlocal.media.ffmpeg import Ffmpeg, error_line
from vidlocal.records import AudioTrack, Probe

RATE_HZ = 16_000

# Ten minutes of audio decode in seconds, but a seek on a slow network drive may read the whole file.
_TIMEOUT_S = 600.0

_SETTLING_S = 1.0
# Audio later than this after the end of the packets has a damaged timestamp.
_MAX_OVERRUN_S = 60.0

# Power of the mix relative to the louder channel: 1 for equal channels, 0.25 with a silent one, 0 for opposite ones.
_MIN_MIXED_POWER = 0.1

Samples = npt.NDArray[np.float32]


def tracks_by_preference(probe: Probe) -> list[AudioTrack]:
    """List the audio tracks to choose from: the default track first, then in the order of the file."""
    usable = [track for track in probe.audio if track.channels > 0] or list(probe.audio)
    return sorted(usable, key=lambda track: not track.default)


def choose_track(probe: Probe) -> AudioTrack | None:
    """Choose the track to transcribe: the default track, else the first. None without audio."""
    return next(iter(tracks_by_preference(probe)), None)


def read_audio(
    path: Path, probe: Probe, *, ffmpeg: Ffmpeg, start: float, seconds: float, track: int | None = None
) -> Samples:
    """Decode up to `seconds` of audio: float32, 1-D, 16 kHz mono, -1 to 1. See `read_channels`."""
    return mix(read_channels(path, probe, ffmpeg=ffmpeg, start=start, seconds=seconds, track=track))


def read_channels(
    path: Path, probe: Probe, *, ffmpeg: Ffmpeg, start: float, seconds: float, track: int | None = None
) -> Samples:
    """Decode up to `seconds` of audio: float32, n x 1 or n x 2, 16 kHz, -1 to 1. More channels are mixed to two.

    Sample 0 is at `start` on the container's clock. Late starts and gaps are padded with silence; at the end of the
    track the result is shorter, past the end empty. `track` is a stream index, None for `choose_track`. Raises
    MediaError if the file has no such track or no audio can be decoded.
    """
    index = track if track is not None else _default_index(path, probe)
    channels = 2 if any(audio.index == index and audio.channels > 1 for audio in probe.audio) else 1
    first = probe.start + start
    filters = (
        # A damaged timestamp would end the audio early.
        f"aselect='lt(t,{probe.start + probe.duration + _MAX_OVERRUN_S:.6f})'",
        f"aresample={RATE_HZ}",
        f"atrim=start={first:.6f}",
        # Fills gaps and a late start with silence; first_pts counts samples.
        f"aresample=async=1:first_pts={round(first * RATE_HZ)}",
        f"atrim=end={first + seconds:.6f}",
    )
    # Decoders settle in the second before `start`. A seek leads to a key frame of the video: before the first one the
    # file is read from its beginning.
    settled = start - _SETTLING_S
    seek = ("-ss", f"{settled:.6f}") if settled > max(0.0, probe.first_key_frame) else ()
    # -copyts keeps the times of the file: in MPEG-TS, ffmpeg would otherwise take the start of the audio for the start
    # of the file.
    argv = [
        *ffmpeg.input_command(path, options=("-copyts", *seek)),
        *("-map", f"0:{index}", "-af", ",".join(filters), "-ac", str(channels), "-f", "f32le", "pipe:1"),
    ]
    count = round(seconds * RATE_HZ)
    finished = process.run(argv, timeout=_TIMEOUT_S, max_output_bytes=count * 4 * channels + (1 << 20))
    whole = len(finished.stdout) // (4 * channels) * 4 * channels
    decoded = np.frombuffer(finished.stdout[:whole], dtype="<f4").reshape(-1, channels)[:count]
    if finished.returncode != 0 and not decoded.size:
        raise MediaError(f"{path.name}: audio cannot be decoded ({error_line(finished.stderr, finished.returncode)}).")
    samples: Samples = np.clip(np.nan_to_num(decoded, posinf=0.0, neginf=0.0), -1.0, 1.0).astype(np.float32)
    return samples


def mix(stereo: Samples) -> Samples:
    """Mix channels (n x 1 or n x 2) to mono.

    Seconds in which the channels cancel each other, as with a microphone wired the wrong way, have the louder channel.
    """
    mono: Samples = stereo.mean(axis=1, dtype=np.float32)
    for first in range(0, len(stereo) if stereo.shape[1] > 1 else 0, RATE_HZ):
        second = stereo[first : first + RATE_HZ]
        power = np.square(second).sum(axis=0)
        if np.square(mono[first : first + RATE_HZ]).sum() < _MIN_MIXED_POWER * power.max():
            mono[first : first + RATE_HZ] = second[:, power.argmax()]
    return mono


def _default_index(path: Path, probe: Probe) -> int:
    track = choose_track(probe)
    if track is None:
        raise MediaError(f"{path.name}: no audio stream.")
    return track.index
