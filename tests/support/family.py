"""A library with people and speakers, with pictures of plain colours in place of faces."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.support.seen_people import KEY, add_video
from vidlocal.engines.jpeg import encode
from vidlocal.records import Passage, PassageKind
from vidlocal.store.content import face_tracks, people
from vidlocal.store.content.face_tracks import NewFace, NewTrack
from vidlocal.store.database import Library

Vector = np.ndarray[tuple[int], np.dtype[np.float32]]


def make_family(home: Path) -> Path:
    """A wedding with Anna and Tom, a stranger at the beach with some similarity to Anna, and two voices."""
    with Library.open(home, create=True) as library:
        said = Passage(0, 4, PassageKind.SPEECH, "A toast to the bride", "en", speaker="SPEAKER_00")
        answer = Passage(10, 14, PassageKind.SPEECH, "Thank you, Tom", "en", speaker="Mary")
        add_video(library, "wedding", {"Anna": [(0, 20)], "Tom": [(10, 30)]}, said, answer)
        beach = add_video(library, "beachday", {}, Passage(0, 4, PassageKind.SPEECH, "the sea", "en"))
        _add_stranger(library, beach)
        people.give_consent(library)
        for number, row in enumerate(library.rows("SELECT image FROM frames WHERE image IS NOT NULL")):
            path = home / str(row["image"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode(Image.new("RGB", (320, 180), (40 + number % 120, 90, 140))))
    return home


def _add_stranger(library: Library, video_id: int) -> None:
    row = library.row("SELECT vector FROM face_tracks JOIN people ON people.id = person_id WHERE name = 'Anna'")
    frame = library.row("SELECT id FROM frames WHERE video_id = ? ORDER BY time", video_id)
    assert row is not None
    assert frame is not None
    anna = np.frombuffer(row["vector"], dtype="<f4")
    vector = _unit(0.4 * anna + 0.9 * _unit(np.random.default_rng(5).normal(size=128)))
    track = NewTrack(0, 8, 0.9, vector, (NewFace(frame["id"], (0.2, 0.2, 0.3, 0.3), 0.9),))
    face_tracks.store(library, video_id, KEY, [track])
    face_tracks.assign(library, [(people.add(library), _track_ids(library, video_id))])


def _track_ids(library: Library, video_id: int) -> list[int]:
    return [row["id"] for row in library.rows("SELECT id FROM face_tracks WHERE video_id = ?", video_id)]


def _unit(values: Any) -> Vector:
    array = np.asarray(values, dtype=np.float32)
    return np.asarray(array / np.linalg.norm(array), dtype=np.float32)
