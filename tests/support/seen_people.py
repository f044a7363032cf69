"""Videos with visible people, without any images or models."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vidlocal.records import FileStamp, FrameDraft, MediaKind, Passage, Probe
from vidlocal.store.content import face_tracks, frames, people, videos
from vidlocal.store.content.face_tracks import NewFace, NewTrack
from vidlocal.store.database import Library

KEY = "sface@0123456789ab"

Spans = Sequence[tuple[float, float]]


def add_video(library: Library, name: str, seen: Mapping[str, Spans], *texts: Passage, seconds: float = 120.0) -> int:
    """A video with a frame every 2 s, and spans of visible people by name. Returns the id."""
    video_id = videos.add(
        library,
        content_hash=name * 8,
        path=Path(f"/films/{name}.mp4"),
        stamp=FileStamp(1, 1, 1),
        probe=Probe(kind=MediaKind.VIDEO, duration=seconds, width_px=640, height_px=360),
        frame_drafts=[FrameDraft(2.0 * number, 0, f"frames/{name}/{number}.jpg", number) for number in range(60)],
        text_passages=texts,
        plan=[],
    )
    see(library, video_id, seen)
    return video_id


def see(library: Library, video_id: int, seen: Mapping[str, Spans]) -> None:
    """Store the tracks of people by name, as from a model."""
    of_video = frames.of_video(library, video_id)
    named = {person.name: person.id for person in people.every(library, hidden=True)}
    tracks = [
        (name, NewTrack(start, end, 0.9, _vector(name), _face(place, of_video[int(start // 2)].id)))
        for place, (name, spans) in enumerate(seen.items())
        for start, end in spans
    ]
    face_tracks.store(library, video_id, KEY, [track for _, track in tracks])
    ids = [row["id"] for row in library.rows("SELECT id FROM face_tracks WHERE video_id = ? ORDER BY id", video_id)]
    by_name: dict[str, list[int]] = {}
    for (name, _), track_id in zip(tracks, ids, strict=True):
        by_name.setdefault(name, []).append(track_id)
    for name, track_ids in by_name.items():
        person_id = named.get(name) or people.add(library)
        people.confirm(library, person_id, track_ids)
        if name not in named:
            people.rename(library, person_id, name)


def _face(place: int, frame_id: int) -> tuple[NewFace, ...]:
    return (NewFace(frame_id, (0.1 + 0.25 * place, 0.2, 0.2, 0.3), 0.9),)


def _vector(name: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """A direction for each name."""
    vector = np.random.default_rng(list(name.encode())).normal(size=128).astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)
