"""Group the faces of a video, or of the whole library, into people.

    tracks without a person -> groups within each video -> people they belong to -> groups over videos -> new people

New faces join people or stay apart; people are never merged here, and a face never leaves its person.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vidlocal.engines.base import FaceScale
from vidlocal.engines.faces.grouping import group, nearest_people
from vidlocal.store.content import face_tracks
from vidlocal.store.content.face_tracks import Tracks
from vidlocal.store.database import Library

if TYPE_CHECKING:
    from vidlocal.engines.arrays import Vectors


def group_faces(library: Library, key: str, scale: FaceScale, video_id: int | None = None) -> int:
    """Give the tracks of model `key` without a person to people: of a video, or of all. Returns their number."""
    tracks = face_tracks.ungrouped(library, key, video_id)
    if not len(tracks.ids):
        return 0
    groups = _groups_of_videos(library, tracks, scale)
    owners = _people_of(library, key, scale, groups)
    remaining = [number for number in range(len(groups)) if number not in owners]
    joined = _join(groups, remaining, scale)
    assignments: list[tuple[int | None, Sequence[int]]] = [
        (person_id, groups[number].track_ids) for number, person_id in owners.items()
    ]
    assignments += [(None, [track for number in numbers for track in groups[number].track_ids]) for numbers in joined]
    face_tracks.assign(library, assignments)
    return len(tracks.ids)


@dataclass(frozen=True, slots=True)
class _Group:
    """Tracks of a person in a video. `apart`: numbers of groups with a face on the same frame."""

    track_ids: list[int]
    total: "Vectors"
    apart: set[int]


def _groups_of_videos(library: Library, tracks: Tracks, scale: FaceScale) -> list[_Group]:
    pairs = face_tracks.together(library, tracks.ids.tolist())
    position = {track_id: number for number, track_id in enumerate(tracks.ids.tolist())}
    by_video: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for first, second in pairs:
        by_video[int(tracks.videos[position[first]])].append((position[first], position[second]))
    groups: list[_Group] = []
    group_of: dict[int, int] = {}
    starts = np.flatnonzero(np.diff(tracks.videos, prepend=-1)).tolist()
    for start, end in zip(starts, [*starts[1:], len(tracks.ids)], strict=True):
        vectors = tracks.vectors[start:end]
        apart = [(first - start, second - start) for first, second in by_video[int(tracks.videos[start])]]
        labels = group(vectors, [1] * len(vectors), min_cosine=scale.min_same, apart=apart)
        for label in np.unique(labels).tolist():
            members = np.flatnonzero(labels == label) + start
            group_of |= dict.fromkeys(members.tolist(), len(groups))
            groups.append(_Group(tracks.ids[members].tolist(), tracks.vectors[members].sum(axis=0), set()))
    for first, second in ((position[first], position[second]) for first, second in pairs):
        groups[group_of[first]].apart.add(group_of[second])
        groups[group_of[second]].apart.add(group_of[first])
    return groups


def _people_of(library: Library, key: str, scale: FaceScale, groups: Sequence[_Group]) -> dict[int, int]:
    """Map groups to people, the most similar pairs first."""
    people_ids, means = face_tracks.means(library, key)
    if not len(people_ids):
        return {}
    barred = face_tracks.barred(library, [track for group in groups for track in group.track_ids])
    own = np.stack([group.total / np.float32(len(group.track_ids)) for group in groups])
    owners: dict[int, int] = {}
    for number, column, _ in nearest_people(own, means, min_cosine=scale.min_same):
        person_id = int(people_ids[column])
        is_barred = any(person_id in barred.get(track, ()) for track in groups[number].track_ids)
        has_rival = any(owners.get(second) == person_id for second in groups[number].apart)
        if number not in owners and not is_barred and not has_rival:
            owners[number] = person_id
    return owners


def _join(groups: Sequence[_Group], remaining: Sequence[int], scale: FaceScale) -> list[list[int]]:
    """Join groups over videos. Returns the numbers of the groups of each new person."""
    if not remaining:
        return []
    position = {number: place for place, number in enumerate(remaining)}
    apart = [
        (position[number], position[second])
        for number in remaining
        for second in groups[number].apart
        if second > number and second in position
    ]
    sums = np.stack([groups[number].total for number in remaining])
    counts = [len(groups[number].track_ids) for number in remaining]
    labels = group(sums, counts, min_cosine=scale.min_same, apart=apart)
    members: dict[int, list[int]] = defaultdict(list)
    for number, label in zip(remaining, labels.tolist(), strict=True):
        members[label].append(number)
    return list(members.values())
