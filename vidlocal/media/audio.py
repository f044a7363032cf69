"""The sound of a file as Whisper wants it: 16 kHz, mono, on the clock of the container."""

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vidlocal import process
from vidlocal.errors import MediaError
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.records import AudioTrack, Probe

RATE_HZ = 16_000

# Ten minutes of sound decode in seconds; a slow network drive may have to be read to find their place.
_TIMEOUT_S = 600.0

# No sound goes on for so long after the end that the packets tell.
_MAX_OVERRUN_S = 60.0

# ffmpeg begins lines with the part of it that speaks, and ends with lines about itself.
_SPEAKER = re.compile(r"^(?:\[[^\]]*\]\s*)+")
_OF_ITSELF = ("Task finished", "Terminating thread", "Conversion failed", "Error sending", "Nothing was written")

Samples = npt.NDArray[np.float32]


def choose_track(probe: Probe) -> AudioTrack | None:
    """The track to listen to: the one flagged as default, else the first. None when there is no sound."""
    usable = [track for track in probe.audio if track.channels > 0] or list(probe.audio)
    return next((track for track in usable if track.default), usable[0] if usable else None)


def read_audio(
    path: Path, probe: Probe, *, ffmpeg: Ffmpeg, start: float, seconds: float, track: int | None = None
) -> Samples:
    """The sound from `start` on, float32, 1-D, 16 kHz mono, -1 to 1: sample 0 is `start` on the container's clock.

    Sound that begins late or has gaps is padded with silence; at the end of the track there is less than
    `seconds`, past it nothing. `track` is a stream index, None for `choose_track`. Raises MediaError when the
    file has no such sound or none of it can be decoded.
    """
    index = track if track is not None else _chosen_index(path, probe)
    first = probe.start + start
    filters = (
        # A damaged time stamp would end the sound where it stands.
        f"aselect='lt(t,{probe.start + probe.duration + _MAX_OVERRUN_S:.6f})'",
        f"aresample={RATE_HZ}",
        f"atrim=start={first:.6f}",
        # Fills the gap before late sound, and gaps in it; first_pts counts samples.
        f"aresample=async=1:first_pts={round(first * RATE_HZ)}",
        f"atrim=end={first + seconds:.6f}",
    )
    # Times stay those of the file (-copyts): of MPEG-TS, ffmpeg would otherwise take the start of the sound for
    # the start of the file. The second before `start` lets decoders settle.
    argv = [
        *ffmpeg.input_command(path, options=("-copyts", "-ss", f"{max(0.0, start - 1.0):.6f}")),
        *("-map", f"0:{index}", "-af", ",".join(filters), "-ac", "1", "-f", "f32le", "pipe:1"),
    ]
    wanted = round(seconds * RATE_HZ)
    finished = process.run(argv, timeout=_TIMEOUT_S, max_output_bytes=wanted * 4 + (1 << 20))
    samples = np.frombuffer(finished.stdout[: len(finished.stdout) // 4 * 4], dtype="<f4")[:wanted]
    if finished.returncode != 0 and not samples.size:
        raise MediaError(f"The sound of {path.name} cannot be decoded ({complaint(finished.stderr)}).")
    whole: Samples = np.clip(np.nan_to_num(samples, posinf=0.0, neginf=0.0), -1.0, 1.0).astype(np.float32)
    return whole


def _chosen_index(path: Path, probe: Probe) -> int:
    chosen = choose_track(probe)
    if chosen is None:
        raise MediaError(f"{path.name} has no sound.")
    return chosen.index


def complaint(stderr: str) -> str:
    """The last thing ffmpeg said of the file, short enough for a sentence."""
    lines = [_SPEAKER.sub("", line).strip() for line in stderr.splitlines()]
    telling = [line for line in lines if line and not line.startswith(_OF_ITSELF)]
    return telling[-1][:200] if telling else "ffmpeg gives no reason"
