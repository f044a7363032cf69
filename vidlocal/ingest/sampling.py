"""Sample decoded frames: detect repeats and shots, rank the remaining frames, write JPEG files."""

import io
import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from PIL import Image

from vidlocal.media.decoded_frame import DecodedFrame
from vidlocal.process import SerialThread
from vidlocal.records import FrameDraft
from vidlocal.signals import representatives, sharpness, shots
from vidlocal.signals.features import Descriptors, FrameFeatures, distance, extract_features
from vidlocal.signals.novelty import NoveltyTracker
from vidlocal.signals.similarity import is_repeat

JPEG_QUALITY = 85

# Frames waiting to be written: enough to keep the decoder busy, few enough to take 6 MB at 896 px.
_MAX_QUEUED = 4


def sample_frames(
    decoded: Iterable[DecodedFrame],
    *,
    folder: Path,
    prefix: str,
    on_image: Callable[[bytes], None] = lambda jpeg: None,
) -> tuple[FrameDraft, ...]:
    """Return the frames of a video in order of time; empty without decoded frames.

    Every distinct frame is written to `folder` as JPEG during decoding, and named `prefix/...` in its draft; `on_image`
    gets the JPEG, in another thread. Besides the drafts, some hundred bytes per frame stay in memory. Raises OSError if
    the folder cannot be written.
    """
    sampler = _Sampler(prefix)
    with _Writer(folder, on_image) as writer:
        for frame in decoded:
            image = Image.fromarray(frame.rgb)
            name = sampler.add(frame, image)
            if name is not None:
                writer.write(image, name)
    return sampler.drafts()


@dataclass(frozen=True, slots=True)
class _Distinct:
    """Values of a distinct frame."""

    name: str
    novelty: float
    descriptor: Descriptors
    sharpness: float


class _Sampler:
    """Collects the frames of a video, and builds the drafts at the end."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._times: list[float] = []
        self._hashes: list[int] = []
        self._changes: list[shots.FrameChange] = []
        self._same_as: list[int | None] = []
        self._distinct: dict[int, _Distinct] = {}
        self._novelty = NoveltyTracker()
        self._original: FrameFeatures | None = None
        self._previous: deque[FrameFeatures] = deque(maxlen=2)

    def add(self, frame: DecodedFrame, image: Image.Image) -> str | None:
        """Add a frame. Returns the file name for a distinct frame, None for a repeat."""
        features = extract_features(image)
        position = len(self._times)
        same_as = self._original_position(frame.time, features)
        if same_as is None:
            self._original = features
            self._distinct[position] = self._measure(frame, features, f"{position:06}.jpg")
        self._changes.append(self._change(features))
        self._times.append(frame.time)
        self._hashes.append(features.dhash)
        self._same_as.append(same_as)
        self._previous.append(features)
        return None if same_as is not None else self._distinct[position].name

    def drafts(self) -> tuple[FrameDraft, ...]:
        """Return all frames with shots and ranks."""
        frame_shots = shots.number_shots(self._changes)
        ranks = self._ranks(frame_shots)
        return tuple(self._draft(position, shot, ranks.get(position)) for position, shot in enumerate(frame_shots))

    def _draft(self, position: int, shot: int, rank: int | None) -> FrameDraft:
        time, dhash = self._times[position], self._hashes[position]
        distinct = self._distinct.get(position)
        if distinct is None:
            return FrameDraft(time=time, shot=shot, image=None, dhash=dhash, same_as=self._same_as[position])
        return FrameDraft(
            time=time,
            shot=shot,
            image=f"{self._prefix}/{distinct.name}",
            dhash=dhash,
            rank=rank,
            novelty=distinct.novelty,
        )

    def _original_position(self, time: float, features: FrameFeatures) -> int | None:
        """Position of the original of a repeat, always the last distinct frame; None for a distinct frame."""
        if self._original is None:
            return None
        position = next(reversed(self._distinct))
        return position if is_repeat(self._original, features, seconds_later=time - self._times[position]) else None

    def _measure(self, frame: DecodedFrame, features: FrameFeatures, name: str) -> _Distinct:
        novelty = round(self._novelty.score(features.descriptor), 4)
        return _Distinct(name, novelty, features.descriptor, sharpness.detail(frame.rgb))

    def _change(self, features: FrameFeatures) -> shots.FrameChange:
        return shots.FrameChange(
            step=_distance(self._previous[-1], features) if self._previous else 0.0,
            two_step=_distance(self._previous[0], features) if len(self._previous) == 2 else 0.0,
            brightness=float(features.grid.mean()),
            contrast=float(features.grid.std()),
        )

    def _ranks(self, frame_shots: list[int]) -> dict[int, int]:
        """Ranks of the representative frames by position in the video."""
        positions = list(self._distinct)
        distinct_shots = [frame_shots[position] for position in positions]
        quality = representatives.rate_quality(
            brightness=np.array([self._changes[position].brightness for position in positions], np.float32),
            contrast=np.array([self._changes[position].contrast for position in positions], np.float32),
            sharpness=np.array([distinct.sharpness for distinct in self._distinct.values()], np.float32),
            shots=distinct_shots,
        )
        descriptors = np.array([distinct.descriptor for distinct in self._distinct.values()])
        ranking = representatives.choose_frames(descriptors, shots=distinct_shots, quality=quality)
        return {positions[index]: rank for rank, index in enumerate(ranking)}


def encode_frame(image: Image.Image) -> bytes:
    """Encode a frame as JPEG of the quality of stored frames."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


class _Writer:
    """Writes JPEGs in a thread, in parallel to decoding: Pillow and the disk release the GIL.

    A context manager: on exit it waits for pending files, and raises their errors.
    """

    def __init__(self, folder: Path, on_image: Callable[[bytes], None]) -> None:
        self._folder = folder
        self._on_image = on_image
        self._pending: deque[Future[None]] = deque()
        self._thread = SerialThread("jpeg")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for future in self._pending:
                future.cancel()
        self._thread.shutdown()
        if error is None:
            for future in self._pending:
                future.result()

    def write(self, image: Image.Image, name: str) -> None:
        """Queue a JPEG for writing; waits if the queue is full. Raises errors of earlier files."""
        if len(self._pending) >= _MAX_QUEUED:
            self._pending.popleft().result()
        self._pending.append(self._thread.submit(self._save, image, self._folder / name))

    def _save(self, image: Image.Image, path: Path) -> None:
        jpeg = encode_frame(image)
        with open(path, "xb", opener=_open_private) as file:
            file.write(jpeg)
        self._on_image(jpeg)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _distance(first: FrameFeatures, second: FrameFeatures) -> float:
    return float(distance(first.descriptor[None], second.descriptor)[0])
