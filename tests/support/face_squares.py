"""Drawn faces for the models in tests/assets/faces: squares of 128 px, with the person in red and green."""

import io
import shutil
import time
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from vidlocal.engines.base import FaceEngine
from vidlocal.enrich.workers.find_people import DecodeLarger, find_people
from vidlocal.records import FileStamp, FrameDraft, JobKind, MediaKind, Probe
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.store.queue import jobs

MODELS = Path(__file__).parents[1] / "assets" / "faces"
SIDE = 128
# Images of this size are never scaled up for the detection.
WIDTH, HEIGHT = 1280, 720

Person = tuple[int, int]
Placed = tuple[Person, int, int]  # person, and left upper corner in pixels

# Red and green, from the middle. The cosine of ANNA and NEARLY_ANNA is about 0.4: they may be one.
ANNA: Person = (240, 128)
TOM: Person = (128, 240)
EVE: Person = (16, 128)
ADA: Person = (128, 16)
NEARLY_ANNA: Person = (178, 24)

LEFT, RIGHT = (64, 96), (384, 96)

_PROCESSES = count()


def place(folder: Path) -> Path:
    """Put the made models into a models folder. The folder again."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in MODELS.glob("*.onnx"):
        shutil.copy(file, folder / file.name)
    return folder


def picture(faces: Iterable[Placed], *, blur_px: float = 0.0) -> Image.Image:
    """Faces on a ground without blue."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels[:, :] = (128, 128, 20)
    for (red, green), left, top in faces:
        pixels[top : top + SIDE, left : left + SIDE] = (red, green, 250)
        for eye in (left + 28, left + 84):  # sharp edges
            pixels[top + 44 : top + 60, eye : eye + 16] = (0, 0, 250)
    return Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(blur_px))


def jpeg(faces: Iterable[Placed], *, blur_px: float = 0.0) -> bytes:
    buffer = io.BytesIO()
    picture(faces, blur_px=blur_px).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def add_film(library: Library, name: str, frames: Sequence[Sequence[Placed]], *, shots: Sequence[int] = ()) -> int:
    """A video with a distinct frame every 2 s, in a single shot unless `shots` has the shot of each frame."""
    (library.frames_folder / name).mkdir(parents=True)
    drafts = []
    for number, faces in enumerate(frames):
        image = f"frames/{name}/{number:06}.jpg"
        (library.folder / image).write_bytes(jpeg(faces))
        drafts.append(FrameDraft(2.0 * number, shots[number] if shots else 0, image, number, rank=number))
    return videos.add(
        library,
        content_hash=name * 8,
        path=Path(f"/films/{name}.mp4"),
        stamp=FileStamp(1, 1, 1),
        probe=Probe(kind=MediaKind.VIDEO, duration=2.0 * len(frames), width_px=WIDTH, height_px=HEIGHT),
        frame_drafts=drafts,
        text_passages=[],
        plan=[],
    )


def find(library: Library, engine: FaceEngine, video_id: int, *, decode_larger: DecodeLarger | None = None) -> int:
    """Find the people of a video. Returns the number of tracks."""
    jobs.add(library, JobKind.PEOPLE, video_id, video_id)
    worker = f"process {next(_PROCESSES)}"
    job = jobs.claim(library, JobKind.PEOPLE, worker=worker, now=time.monotonic(), lease_s=900.0)
    assert job is not None
    return find_people(library, job, engine=engine, decode_larger=decode_larger)
