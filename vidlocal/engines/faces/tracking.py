"""Follow faces through the frames of a shot. Pure.

Frames are seconds apart: a face is followed by its vector, and by its place if the vectors do not contradict.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from vidlocal.engines.arrays import Vectors
from vidlocal.engines.base import Face, FaceScale

# Boxes on neighbouring frames that overlap by this intersection over union may be one face that hardly moved.
_MIN_OVERLAP = 0.3


@dataclass(frozen=True, slots=True)
class FrameFaces:
    """The faces on a frame, visible from `time` until `until` (seconds)."""

    frame_id: int
    time: float
    until: float
    shot: int
    faces: tuple[Face, ...]


@dataclass(slots=True)
class FaceTrack:
    """A face on frames of a shot: (frame id, face), the span in seconds, and the sum of the vectors by quality."""

    start: float
    end: float
    faces: list[tuple[int, Face]]
    total: "Vectors | None" = field(default=None)

    @property
    def vector(self) -> "Vectors | None":
        """Mean of the vectors, of unit length; None if no face is good enough."""
        length = 0.0 if self.total is None else float(np.linalg.norm(self.total))
        return None if self.total is None or not length else (self.total / length).astype(np.float32)

    @property
    def quality(self) -> float:
        """Quality of the best face, 0 to 1."""
        return max(face.quality for _, face in self.faces)

    def add(self, frame: FrameFaces, face: Face) -> None:
        """Add the face of the next frame."""
        self.faces.append((frame.frame_id, face))
        self.end = max(self.end, frame.until)
        if face.vector is not None:
            weighted = face.quality * face.vector
            self.total = weighted if self.total is None else self.total + weighted


def follow(frames: Iterable[FrameFaces], scale: FaceScale) -> list[FaceTrack]:
    """Return the tracks of faces in the frames of a video, in order. Tracks without a vector are left out."""
    tracks: list[FaceTrack] = []
    for _, shot in groupby(frames, key=lambda frame: frame.shot):
        of_shot: list[FaceTrack] = []
        for frame in shot:
            _add(frame, of_shot, scale)
        tracks += [track for track in of_shot if track.vector is not None]
    return tracks


def overlap(first: Face, second: Face) -> float:
    """Return the intersection over union of two boxes, 0 to 1."""
    width = min(first.x + first.width, second.x + second.width) - max(first.x, second.x)
    height = min(first.y + first.height, second.y + second.height) - max(first.y, second.y)
    shared = max(0.0, width) * max(0.0, height)
    union = first.width * first.height + second.width * second.height - shared
    return shared / union if union > 0 else 0.0


def _add(frame: FrameFaces, tracks: list[FaceTrack], scale: FaceScale) -> None:
    """Give the faces of a frame to the tracks of its shot, the most similar first, and begin new tracks."""
    matches = sorted(
        (
            (score, number, position)
            for number, track in enumerate(tracks)
            for position, face in enumerate(frame.faces)
            if (score := _score(track, face, scale)) is not None
        ),
        reverse=True,
    )
    assigned: set[int] = set()
    extended: set[int] = set()
    for _, number, position in matches:
        if number not in extended and position not in assigned:
            tracks[number].add(frame, frame.faces[position])
            extended.add(number)
            assigned.add(position)
    for face in _others(frame.faces, assigned):
        track = FaceTrack(frame.time, frame.until, [])
        track.add(frame, face)
        tracks.append(track)


def _others(faces: Sequence[Face], assigned: set[int]) -> list[Face]:
    return [face for position, face in enumerate(faces) if position not in assigned]


def _score(track: FaceTrack, face: Face, scale: FaceScale) -> float | None:
    """Return the similarity of a face to a track, None for another face."""
    place = overlap(track.faces[-1][1], face)
    if place < _MIN_OVERLAP:
        place = 0.0
    vector = track.vector
    if vector is None or face.vector is None:
        return place or None
    cosine = float(vector @ face.vector)
    # A face that stays where it is may look a little different.
    tolerance = scale.min_same - scale.min_alike if place else 0.0
    return cosine + place if cosine >= scale.min_alike - tolerance else None
