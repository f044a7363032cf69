"""Recall over time: distinct scenes described after 10, 25 and 50 % of the work.

    python benchmarks/value_order.py [--seed 1] [--small]

A library of generated films with known truth: every picture knows its scene. Scenes last from 4 seconds to some
minutes, come back (a conversation cuts to and fro), and vary: exposure, noise, a slow pan, somebody walking through;
a variant is still its scene. The films go through the sampling that ingest uses, and the queue is asked for its order.
A scene is covered once a frame of it is described. Beside our order: the order of time, and a random one.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vidlocal.ingest.sampling import sample_frames
from vidlocal.media.decoded_frame import DecodedFrame
from vidlocal.records import FileStamp, MediaKind, Probe
from vidlocal.store import staging
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.queue import priorities

WIDTH, HEIGHT = 256, 144
EVERY_S = 2.0
SHARES = (0.10, 0.25, 0.50)

Pixels = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Film:
    """Composition of a film: `scenes` distinct scenes, `cuts` cuts, and the usual length of a shot."""

    name: str
    scenes: int
    cuts: int
    usual_s: float


FILMS = (
    Film("wedding", scenes=60, cuts=110, usual_s=14.0),
    Film("holiday", scenes=150, cuts=160, usual_s=7.0),
    Film("lecture", scenes=5, cuts=40, usual_s=60.0),
    Film("interview", scenes=3, cuts=90, usual_s=12.0),
    Film("birthday", scenes=25, cuts=40, usual_s=10.0),
    Film("drive", scenes=40, cuts=45, usual_s=25.0),
    Film("clip", scenes=4, cuts=4, usual_s=5.0),
    Film("rushes", scenes=30, cuts=90, usual_s=20.0),
)


class Scene:
    """A place with its objects, in the view of a moving camera."""

    def __init__(self, seed: int) -> None:
        dice = np.random.default_rng(seed)
        self.picture = _place(dice)
        self.pan = dice.normal(size=2) * dice.choice([0.0, 0.3, 1.5], p=[0.5, 0.3, 0.2])
        self.passers = int(dice.integers(0, 3))
        self.noise = float(dice.choice([1.0, 3.0, 6.0]))

    def seen(self, seconds: float, dice: np.random.Generator, light: float) -> npt.NDArray[np.uint8]:
        """The picture after some seconds of a shot. `light` is the exposure of the shot."""
        shift = (self.pan * seconds).astype(int)
        picture = np.roll(self.picture, tuple(shift), axis=(0, 1)).copy()
        for _ in range(self.passers):
            x, size = int(dice.integers(0, WIDTH - 12)), int(dice.integers(14, 40))
            picture[HEIGHT - size - 10 : HEIGHT - 10, x : x + size // 3] = dice.uniform(20, 220, size=3)
        picture = picture * light + dice.normal(scale=self.noise, size=picture.shape).astype(np.float32)
        return picture.clip(0, 255).astype(np.uint8)


def _place(dice: np.random.Generator) -> Pixels:
    """A picture of a place: light from a side, walls or a sky, and objects."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    low, high = dice.uniform(10, 200, 3), dice.uniform(60, 250, 3)
    slope = (np.cos(turn := dice.uniform(0, 6.28)) * x / WIDTH + np.sin(turn) * y / HEIGHT) / 1.5
    picture = (low + np.abs(slope)[..., None] * (high - low)).astype(np.float32)
    horizon = int(dice.uniform(0.3, 0.9) * HEIGHT)
    picture[horizon:] = picture[horizon:] * 0.4 + dice.uniform(0, 140, 3).astype(np.float32)
    for _ in range(int(dice.integers(4, 14))):
        cx, cy = dice.uniform(0, WIDTH), dice.uniform(0, HEIGHT)
        rx, ry = dice.uniform(5, 60), dice.uniform(5, 50)
        inside = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1
        if dice.random() < 0.5:
            inside = (np.abs(x - cx) < rx) & (np.abs(y - cy) < ry)
        picture[inside] = dice.uniform(0, 255, 3) * 0.8 + picture[inside] * 0.2
    grain = dice.normal(scale=dice.uniform(2, 14), size=(HEIGHT // 4, WIDTH // 4, 1)).astype(np.float32)
    return np.asarray(picture + grain.repeat(4, 0).repeat(4, 1), np.float32)


def cut(film: Film, dice: random.Random) -> list[tuple[int, float, float]]:
    """The shots of a film: scene, seconds, exposure. Every scene comes at least once, some again and again."""
    order = list(range(film.scenes))
    dice.shuffle(order)
    loved = dice.choices(range(film.scenes), weights=[1 / (n + 1) for n in range(film.scenes)], k=film.cuts)
    shots = order + loved[: max(0, film.cuts - film.scenes)]
    dice.shuffle(shots)
    # Heavy-tailed: most shots are short, a few go on and on.
    lengths = [max(3.0, film.usual_s * dice.lognormvariate(-0.5, 1.0)) for _ in shots]
    return [(scene, length, dice.uniform(0.85, 1.15)) for scene, length in zip(shots, lengths, strict=True)]


def pictures(film: Film, seed: int, truth: dict[float, int]) -> Iterator[DecodedFrame]:
    """The sampled pictures of a film. `truth` learns the scene of each time."""
    scenes = [Scene(seed * 1000 + number) for number in range(film.scenes)]
    noise = np.random.default_rng(seed)
    now = begun = 0.0
    for scene, length, light in cut(film, random.Random(seed)):
        while now < begun + length:
            truth[round(now, 6)] = scene
            yield DecodedFrame(round(now, 6), scenes[scene].seen(now - begun, noise, light))
            now += EVERY_S
        begun += length


def build(library: Library, films: Sequence[Film], seed: int) -> dict[tuple[int, float], tuple[str, int]]:
    """Index the films. Returns the scene of every frame to describe, by video and time."""
    found: dict[tuple[int, float], tuple[str, int]] = {}
    for number, film in enumerate(films):
        truth: dict[float, int] = {}
        folder = library.folder / staging.image_prefix(film.name)
        folder.mkdir(parents=True)
        drafts = sample_frames(
            pictures(film, seed * 100 + number, truth), folder=folder, prefix=staging.image_prefix(film.name)
        )
        video_id = videos.add(
            library,
            content_hash=film.name,
            path=Path(f"/{film.name}.mp4"),
            stamp=FileStamp(1, 1, 1),
            probe=Probe(MediaKind.VIDEO, EVERY_S * len(truth)),
            frame_drafts=drafts,
            text_passages=[],
            plan=[],
        )
        distinct = sum(draft.image is not None for draft in drafts)
        print(f"  {film.name:10} {film.scenes:4} scenes {len(truth):5} frames {distinct:5} distinct", flush=True)
        found |= {(video_id, time): (film.name, scene) for time, scene in truth.items()}
    return found


def covered(order: Sequence[tuple[int, float]], truth: dict[tuple[int, float], tuple[str, int]]) -> list[float]:
    """The share of described scenes after each share of the work."""
    scenes = {truth[frame] for frame in truth}
    return [len({truth[frame] for frame in order[: round(share * len(order))]}) / len(scenes) for share in SHARES]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="the four shortest films only")
    options = parser.parse_args()
    films = sorted(FILMS, key=lambda film: film.cuts * film.usual_s)[:4] if options.small else FILMS
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place, Library.open(Path(place), create=True) as library:
        truth = build(library, films, options.seed)
        ours = [(waiting.video_id, waiting.time) for waiting in priorities.queued_frames(library)]
    scenes = len(set(truth.values()))
    print(f"{len(films)} films, {scenes} scenes, {len(ours)} frames to describe; {time.monotonic() - began:.0f} s")
    by_chance = random.Random(options.seed).sample(ours, len(ours))
    print(f"{'scenes covered after':24}" + "".join(f"{share:8.0%}" for share in SHARES))
    for name, order in (("our order", ours), ("order of time", sorted(ours)), ("random order", by_chance)):
        print(f"{name:24}" + "".join(f"{share:8.1%}" for share in covered(order, truth)))


if __name__ == "__main__":
    main()
