"""A library of drawn people for the screenshot of the page, without a model of faces."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from vidlocal.engines.jpeg import encode
from vidlocal.records import FileStamp, FrameDraft, MediaKind, Passage, PassageKind, Probe
from vidlocal.store.content import face_tracks, frames, people, videos
from vidlocal.store.content.face_tracks import NewFace, NewTrack
from vidlocal.store.database import Library

Colour = tuple[int, int, int]

KEY = "sface@000000000000"
WIDTH, HEIGHT, STEP_S = 640, 360, 8.0

# Name, skin, hair, clothes, long hair.
PEOPLE: tuple[tuple[str, Colour, Colour, Colour, bool], ...] = (
    ("Anna", (244, 205, 175), (96, 56, 30), (176, 52, 70), True),
    ("Tom", (225, 172, 130), (40, 34, 30), (46, 92, 150), False),
    ("Aunt Mary", (246, 214, 190), (196, 196, 200), (92, 120, 76), True),
    ("", (141, 92, 62), (24, 20, 20), (214, 160, 44), False),
    ("", (236, 190, 150), (204, 150, 60), (100, 70, 140), True),
    ("", (198, 140, 100), (60, 40, 28), (60, 130, 130), False),
)
# Title, and who is seen, one after the other.
VIDEOS = (
    ("wedding", (0, 1, 2, 0, 1, 3, 0)),
    ("garden party", (2, 0, 4, 2, 5)),
    ("at the lake", (1, 5, 1, 4)),
)
LINES = (("Aunt Mary", "A toast to the bride and groom!"), ("SPEAKER_00", "Thank you all for coming."))


def make_people_library(home: Path) -> None:
    """Create a library with videos of drawn people."""
    with Library.open(home, create=True) as library:
        people.give_consent(library)
        tracks: dict[int, list[int]] = {}
        for title, seen in VIDEOS:
            for person, track in zip(seen, _add_video(library, title, seen), strict=True):
                tracks.setdefault(person, []).append(track)
        for number, (name, *_) in enumerate(PEOPLE):
            person_id = people.add(library)
            face_tracks.assign(library, [(person_id, tracks[number])])
            if name:
                people.rename(library, person_id, name)


def _add_video(library: Library, title: str, seen: tuple[int, ...]) -> list[int]:
    """Add a video of consecutive people. Returns the ids of the tracks."""
    seconds = STEP_S * len(seen)
    lines = [
        Passage(STEP_S * n, STEP_S * n + 3, PassageKind.SPEECH, text, "en", speaker=speaker)
        for n, (speaker, text) in enumerate(LINES)
    ]
    video_id = videos.add(
        library,
        content_hash=title.ljust(64, "0"),
        path=Path(f"/videos/{title}.mp4"),
        stamp=FileStamp(1, 1, 1),
        probe=Probe(kind=MediaKind.VIDEO, duration=seconds, width_px=WIDTH, height_px=HEIGHT),
        frame_drafts=[FrameDraft(STEP_S * n, n, f"frames/{title}/{n}.jpg", n) for n in range(len(seen))],
        text_passages=lines,
        plan=[],
    )
    new = []
    for n, (frame, person) in enumerate(zip(frames.of_video(library, video_id), seen, strict=True)):
        path = library.folder / str(frame.image)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(_portrait(person, shift=20 * (n % 3) - 20)))
        box = ((WIDTH / 2 - 75 + 20 * (n % 3) - 20) / WIDTH, 80 / HEIGHT, 150 / WIDTH, 180 / HEIGHT)
        new.append(NewTrack(STEP_S * n, STEP_S * (n + 1), 0.9, _vector(person), (NewFace(frame.id, box, 0.9),)))
    face_tracks.store(library, video_id, KEY, new)
    return [row["id"] for row in library.rows("SELECT id FROM face_tracks WHERE video_id = ? ORDER BY start", video_id)]


def _vector(person: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """A direction for each person; the fifth is near the first."""
    vector = np.random.default_rng(person).normal(size=128)
    if person == 4:
        vector = 0.45 * np.random.default_rng(0).normal(size=128) + 0.85 * vector
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def _portrait(person: int, *, shift: int) -> Image.Image:
    """Draw the head and shoulders of a person in a garden."""
    _, skin, hair, clothes, is_long = PEOPLE[person]
    picture = Image.new("RGB", (WIDTH * 2, HEIGHT * 2), (150, 190, 220))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 420, WIDTH * 2, HEIGHT * 2), fill=(120, 160, 96))
    x = WIDTH + 2 * shift
    if is_long:
        draw.ellipse((x - 170, 130, x + 170, 620), fill=hair)
    draw.ellipse((x - 280, 560, x + 280, 1100), fill=clothes)
    draw.rectangle((x - 50, 470, x + 50, 620), fill=skin)
    draw.ellipse((x - 130, 160, x + 130, 530), fill=skin)
    draw.pieslice((x - 140, 130, x + 140, 430), 180, 360, fill=hair)
    for side in (-1, 1):
        draw.ellipse((x + side * 55 - 16, 320, x + side * 55 + 16, 346), fill=(250, 250, 250))
        draw.ellipse((x + side * 55 - 8, 324, x + side * 55 + 8, 342), fill=(40, 50, 60))
        draw.arc((x + side * 55 - 28, 290, x + side * 55 + 28, 330), 200, 340, fill=hair, width=6)
    draw.line((x, 345, x - 10, 400, x + 8, 404), fill=(120, 80, 60), width=4)
    draw.chord((x - 50, 400, x + 50, 470), 10, 170, fill=(170, 60, 60))
    return picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
