"""People: time to group many faces, groups of public pictures with known people, and cost against decoding.

    PYTHONPATH=. python benchmarks/people.py --group 100000
    PYTHONPATH=. python benchmarks/people.py --pictures FOLDER [--models FOLDER]    # a folder of pictures per person
    PYTHONPATH=. python benchmarks/people.py --film FILE [--models FOLDER]

Without models in the folder, those of dlib are used (`pip install "vidlocal[people]"`).
"""

import argparse
import io
import resource
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vidlocal.engines.faces.face_files import face_models
from vidlocal.engines.faces.finder import FaceFinder
from vidlocal.engines.faces.grouping import group, nearest_people
from vidlocal.media.decoded_frame import LONG_SIDE_PX
from vidlocal.media.ffmpeg import find_ffmpeg
from vidlocal.media.frames import read_frames
from vidlocal.media.probe.prober import Prober

# As far apart as faces of SFace: a mean cosine of 0.6 between pictures of a person, of 0 between people.
_MIN_SAME, _NOISE = 0.45, 0.82
_DIMENSIONS = 128
_SEED = 1
_PER_PERSON = 20
_PICTURES = {".jpg", ".jpeg", ".png", ".pgm", ".bmp", ".webp"}

Vectors = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", type=int, metavar="N")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    parser.add_argument("--film", type=Path, metavar="FILE")
    parser.add_argument("--models", type=Path, default=Path("models"), metavar="FOLDER")
    options = parser.parse_args()
    if options.group:
        measure_grouping(options.group)
    if options.pictures:
        measure_pictures(options.pictures, options.models)
    if options.film:
        measure_cost(options.film, options.models)


def measure_grouping(count: int) -> None:
    """Group faces of `count` / 20 people from scratch, then the faces of a new video with known people."""
    vectors, owners = _faces(count)
    before = _memory_mb()
    seconds, cpu = time.perf_counter(), time.process_time()
    labels = group(vectors, [1] * count, min_cosine=_MIN_SAME)
    seconds, cpu = time.perf_counter() - seconds, time.process_time() - cpu
    precision, recall = pair_scores(labels, owners)
    print(
        f"{count:,} faces in {len(np.unique(labels)):,} groups: {cpu:.1f} s of CPU, {seconds:.1f} s, "
        f"{_memory_mb() - before:.0f} MB more; precision {precision:.4f}, recall {recall:.4f}"
    )
    people = np.unique(labels)
    means = np.stack([vectors[labels == label].mean(axis=0) for label in people[:20_000]])
    seconds = time.perf_counter()
    joined = len(list(nearest_people(vectors[:100], means, min_cosine=_MIN_SAME)))
    print(f"100 faces of a new video with {len(means):,} people: {time.perf_counter() - seconds:.3f} s, {joined} pairs")


def measure_pictures(folder: Path, models: Path) -> None:
    """Group the largest face of each picture, and compare with the folders at several thresholds."""
    with FaceFinder(face_models(models)) as finder:
        vectors, owners, missed = faces_of_pictures(folder, finder)
        scale = finder.scale
    people = len(np.unique(owners))
    print(f"{len(vectors)} faces of {people} people; in {missed} pictures no face good enough")
    for threshold in (scale.min_alike, (scale.min_alike + scale.min_same) / 2, scale.min_same):
        labels = group(vectors, [1] * len(vectors), min_cosine=threshold)
        precision, recall = pair_scores(labels, owners)
        print(
            f"mean cosine {threshold:.3f}: {len(np.unique(labels))} groups, "
            f"pairs: precision {precision:.4f}, recall {recall:.4f}"
        )


def faces_of_pictures(folder: Path, finder: FaceFinder) -> tuple[Vectors, NDArray[np.int64], int]:
    """Return vector and person of the largest face of each picture, and the number of pictures without faces.

    `folder` has a folder of pictures for each person.
    """
    vectors, owners, missed = [], [], 0
    for number, person in enumerate(sorted(path for path in folder.iterdir() if path.is_dir())):
        for path in sorted(path for path in person.iterdir() if path.suffix.lower() in _PICTURES):
            face = next((face for face in finder.find_faces(_jpeg(path)) if face.vector is not None), None)
            if face is None or face.vector is None:
                missed += 1
                continue
            vectors.append(face.vector)
            owners.append(number)
    return np.stack(vectors), np.array(owners), missed


def measure_cost(film: Path, models: Path) -> None:
    """Compare face detection on the frames of a film, every 2 s, with full decoding by ffmpeg."""
    ffmpeg = find_ffmpeg(None)
    decoding = time.perf_counter()
    subprocess.run([str(ffmpeg.path), "-v", "error", "-i", str(film), "-map", "0:v:0", "-f", "null", "-"], check=True)
    decoding = time.perf_counter() - decoding
    with Prober() as prober, FaceFinder(face_models(models)) as finder:
        probe = prober.probe(film)
        frames = [
            _encode(Image.fromarray(frame.rgb))
            for frame in read_frames(film, probe, every=2.0, ffmpeg=ffmpeg, prober=prober)
        ]
        finder.find_faces(frames[0])  # loads the models
        seconds = time.perf_counter()
        count = sum(len(finder.find_faces(frame)) for frame in frames)
        seconds = time.perf_counter() - seconds
    print(
        f"{film.name}: {probe.duration:.0f} s, {len(frames)} frames, {count} faces in {seconds:.1f} s, "
        f"{seconds / len(frames) * 1000:.0f} ms per frame; decoding {decoding:.1f} s: ratio {seconds / decoding:.2f}"
    )


def pair_scores(labels: Sequence[int] | NDArray[np.int64], owners: NDArray[np.int64]) -> tuple[float, float]:
    """Return precision and recall of the pairs within groups."""
    cells = np.unique(np.stack([np.asarray(labels), owners]), axis=1, return_counts=True)[1]
    right, grouped, true = (_pairs(counts) for counts in (cells, _sizes(labels), _sizes(owners)))
    return right / max(1, grouped), right / max(1, true)


def _sizes(labels: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(np.asarray(labels), return_counts=True)[1]


def _pairs(counts: NDArray[np.int64]) -> int:
    return int((counts * (counts - 1) // 2).sum())


def _faces(count: int) -> tuple[Vectors, NDArray[np.int64]]:
    chance = np.random.default_rng(_SEED)
    centres = chance.normal(size=(max(1, count // _PER_PERSON), _DIMENSIONS)).astype(np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    owners = chance.integers(0, len(centres), count)
    vectors = centres[owners] + _NOISE / np.sqrt(_DIMENSIONS) * chance.normal(size=(count, _DIMENSIONS)).astype("f4")
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), owners


def _jpeg(path: Path) -> bytes:
    """Read a picture, at most as large as a frame; enlarge small pictures twice, on a larger background."""
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    image.thumbnail((LONG_SIDE_PX, LONG_SIDE_PX))
    if max(image.size) < LONG_SIDE_PX // 4:
        image = image.resize((image.width * 2, image.height * 2))
    ground = Image.new("RGB", (image.width * 3 // 2, image.height * 3 // 2), (110, 110, 110))
    ground.paste(image, (image.width // 4, image.height // 4))
    return _encode(ground)


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _memory_mb() -> float:
    """Highest memory of this process to date."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
