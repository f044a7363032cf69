"""Pictures on their way into the library: repeats told apart, shots cut, the rest kept as JPEG and measured."""

import os
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from PIL import Image

from vidlocal.media.decoded_frame import DecodedFrame
from vidlocal.records import FrameDraft
from vidlocal.signals import representatives, sharpness, shots
from vidlocal.signals.features import Descriptors, FrameFeatures, distance, extract_features
from vidlocal.signals.novelty import NoveltyTracker
from vidlocal.signals.similarity import is_repeat

JPEG_QUALITY = 85

# Pictures waiting to be written: enough that decoding goes on, few enough that 896 px cost 6 MB.
_LOOK_AHEAD = 4


def sample(pictures: Iterable[DecodedFrame], *, folder: Path, prefix: str) -> tuple[FrameDraft, ...]:
    """The frames of a video in order of time, empty when there are no pictures.

    The picture of every frame that repeats no other is written to `folder` as JPEG while the film is still being
    decoded, and named `prefix/...` in its draft. Besides the drafts some hundred bytes a frame stay in memory.
    OSError when the folder cannot be written.
    """
    sampler = _Sampler(prefix)
    with _Writer(folder) as writer:
        for picture in pictures:
            image = Image.fromarray(picture.rgb)
            name = sampler.take(picture, image)
            if name is not None:
                writer.write(image, name)
    return sampler.drafts()


@dataclass(frozen=True, slots=True)
class _Kept:
    """What stays of a frame that repeats no other."""

    name: str
    novelty: float
    gist: Descriptors
    sharpness: float


class _Sampler:
    """Takes the pictures of one film one by one, and knows all about its frames at the end."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._times: list[float] = []
        self._hashes: list[int] = []
        self._changes: list[shots.FrameChange] = []
        self._same_as: list[int | None] = []
        self._kept: dict[int, _Kept] = {}
        self._novelty = NoveltyTracker()
        self._original: FrameFeatures | None = None
        self._last: deque[FrameFeatures] = deque(maxlen=2)

    def take(self, picture: DecodedFrame, image: Image.Image) -> str | None:
        """The file name for a picture that is to be kept, None for one that repeats an earlier one."""
        look = extract_features(image)
        position = len(self._times)
        same_as = self._repeated(picture.time, look)
        if same_as is None:
            self._original = look
            self._kept[position] = self._keep(picture, look, f"{position:06}.jpg")
        self._changes.append(self._change(look))
        self._times.append(picture.time)
        self._hashes.append(look.dhash)
        self._same_as.append(same_as)
        self._last.append(look)
        return None if same_as is not None else self._kept[position].name

    def drafts(self) -> tuple[FrameDraft, ...]:
        """All frames, with their shots and ranks."""
        of_frame = shots.number_shots(self._changes)
        ranks = self._ranks(of_frame)
        return tuple(self._draft(position, shot, ranks.get(position)) for position, shot in enumerate(of_frame))

    def _draft(self, position: int, shot: int, rank: int | None) -> FrameDraft:
        time, dhash = self._times[position], self._hashes[position]
        kept = self._kept.get(position)
        if kept is None:
            return FrameDraft(time=time, shot=shot, image=None, dhash=dhash, same_as=self._same_as[position])
        return FrameDraft(
            time=time,
            shot=shot,
            image=f"{self._prefix}/{kept.name}",
            dhash=dhash,
            rank=rank,
            novelty=kept.novelty,
        )

    def _repeated(self, time: float, look: FrameFeatures) -> int | None:
        """The position of the frame that this one repeats: the last one that was kept, or none."""
        if self._original is None:
            return None
        position = next(reversed(self._kept))
        return position if is_repeat(self._original, look, seconds_later=time - self._times[position]) else None

    def _keep(self, picture: DecodedFrame, look: FrameFeatures, name: str) -> _Kept:
        novelty = round(self._novelty.score(look.descriptor), 4)
        return _Kept(name, novelty, look.descriptor, sharpness.detail(picture.rgb))

    def _change(self, look: FrameFeatures) -> shots.FrameChange:
        return shots.FrameChange(
            step=_between(self._last[-1], look) if self._last else 0.0,
            two_step=_between(self._last[0], look) if len(self._last) == 2 else 0.0,
            brightness=float(look.grid.mean()),
            contrast=float(look.grid.std()),
        )

    def _ranks(self, of_frame: list[int]) -> dict[int, int]:
        """Rank by position in the film, of the representative frames."""
        positions = list(self._kept)
        of_kept = [of_frame[position] for position in positions]
        quality = representatives.rate_quality(
            brightness=np.array([self._changes[position].brightness for position in positions], np.float32),
            contrast=np.array([self._changes[position].contrast for position in positions], np.float32),
            sharpness=np.array([kept.sharpness for kept in self._kept.values()], np.float32),
            shots=of_kept,
        )
        gists = np.array([kept.gist for kept in self._kept.values()])
        chosen = representatives.choose_frames(gists, shots=of_kept, quality=quality)
        return {positions[place]: rank for rank, place in enumerate(chosen)}


class _Writer:
    """Writes JPEGs in a thread of its own: Pillow and the disk need no Python, decoding goes on meanwhile.

    A context manager: leaving it waits for what is unfinished, and raises what went wrong.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unfinished: deque[Future[None]] = deque()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="jpeg")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True, cancel_futures=error is not None)
        if error is None:
            for written in self._unfinished:
                written.result()

    def write(self, image: Image.Image, name: str) -> None:
        """Have a picture written; waits when the thread is too far behind. Raises what went wrong before."""
        if len(self._unfinished) >= _LOOK_AHEAD:
            self._unfinished.popleft().result()
        self._unfinished.append(self._thread.submit(_save, image, self._folder / name))


def _save(image: Image.Image, path: Path) -> None:
    with open(path, "xb", opener=_private) as file:
        image.save(file, "JPEG", quality=JPEG_QUALITY)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _between(one: FrameFeatures, other: FrameFeatures) -> float:
    return float(distance(one.descriptor[None], other.descriptor)[0])
