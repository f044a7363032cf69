"""People of the library for commands and the page: proposals, regrouping, forgetting, JSON."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice

from vidlocal.app.search import last_results
from vidlocal.engines.faces.face_files import SCALES, scale_of
from vidlocal.enrich.workers.group_faces import group_faces
from vidlocal.store.content import face_tracks, named_texts, people, videos
from vidlocal.store.content.people import Person, SeenFace
from vidlocal.store.database import Library

CONSENT = """Face recognition stores a row of numbers for each face in your videos and photos, to group the faces of one
person. It runs on this machine only, and what it stores stays in the library file, from which the command vidlocal
people forget --all deletes it without a trace. In many countries such numbers are protected by law, in the European
Union as biometric data (GDPR, Article 9): for your own family pictures you may make them; for pictures of other people,
at work or in a club, you usually need their consent. Until you agree here, no face is searched in this library."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """An uncertain face, perhaps of person `person_id`. `track_ids`: all faces covered by the answer.

    `is_member`: they are given to the person now, with a low similarity; else they are not. `cosine`: mean similarity.
    """

    face: SeenFace
    person_id: int
    track_ids: tuple[int, ...]
    is_member: bool
    cosine: float


def alike(library: Library, *, limit: int) -> list[tuple[int, int, float]]:
    """List pairs of people, possibly identical, most similar first: two ids, and the cosine.

    Of the 2,000 people with names, or seen most.
    """
    from vidlocal.engines.faces.grouping import similar_pairs

    shown = {person.id for person in people.every(library, limit=_MAX_COMPARED)}
    pairs: list[tuple[int, int, float]] = []
    for key in _known_models(library):
        ids, means = face_tracks.means(library, key)
        chosen = [position for position, person_id in enumerate(ids.tolist()) if person_id in shown]
        pairs += [
            (int(ids[chosen[one]]), int(ids[chosen[other]]), cosine)
            for one, other, cosine in similar_pairs(means[chosen], min_cosine=scale_of(key).min_alike)
        ]
    ranked = sorted(pairs, key=lambda pair: -pair[2])
    return list(islice((pair for pair in ranked if not people.are_apart(library, *pair[:2])), limit))


def doubtful(library: Library, *, limit: int) -> list[Doubt]:
    """List faces to confirm as those of a named person, the most useful first.

    Answer with `people.confirm(library, doubt.person_id, doubt.track_ids)` or `people.reject` with the same arguments.
    """
    doubts = [
        doubt
        for key in _known_models(library)
        for doubt in (*islice(_strangers(library, key), limit), *islice(_weak(library, key), limit))
    ]
    # Strangers, the most similar first; then members, the least similar first.
    doubts.sort(key=lambda doubt: (doubt.is_member, doubt.cosine * (1 if doubt.is_member else -1)))
    return doubts[:limit]


def regroup(library: Library) -> int:
    """Regroup the faces of people without a name. Named and hidden people stay. Returns the number of faces.

    A group keeps the number of the one it has most faces of.
    """
    before = face_tracks.dissolve_unnamed(library)
    count = sum(group_faces(library, key, scale_of(key)) for key in _known_models(library))
    _restore_numbers(library, before)
    return count


def forget(library: Library, person_ids: list[int] | None) -> int:
    """Delete people (None: all) and their faces, and overwrite their bytes in the file.

    Past searches, reports and what models wrote with their names are deleted, too; the next enrich writes that again.

    Returns the number of people.
    """
    every = person_ids is None
    chosen = people.every(library, hidden=True) if every else [people.get(library, each) for each in person_ids or ()]
    named = [person for person in chosen if person is not None and person.is_named]
    video_ids = sorted({video_id for person in named for video_id in people.videos_of(library, person.id)})
    with library.writing():
        count = people.forget(library, person_ids)
        if named:
            named_texts.forget(library, [person.name for person in named], video_ids)
    last_results.forget_all(library.folder)
    videos.purge_deleted(library)
    return count


def as_data(person: Person) -> dict[str, object]:
    """Return a person as JSON data."""
    return asdict(person)


_MAX_COMPARED = 2_000


def _known_models(library: Library) -> list[str]:
    return [key for key in face_tracks.models(library) if key.partition("@")[0] in SCALES]


def _strangers(library: Library, key: str) -> Iterator[Doubt]:
    """Yield people without a name, similar to a named person, the most similar first."""
    from vidlocal.engines.faces.grouping import nearest_people

    ids, means = face_tracks.means(library, key)
    named, unnamed = (people.listed_ids(library, named=is_named) for is_named in (True, False))
    of_named, others = (
        [position for position, person_id in enumerate(ids.tolist()) if person_id in chosen]
        for chosen in (named, unnamed)
    )
    seen: set[int] = set()
    for item, column, cosine in nearest_people(means[others], means[of_named], min_cosine=scale_of(key).min_alike):
        stranger, person_id = int(ids[others[item]]), int(ids[of_named[column]])
        if stranger in seen or people.are_apart(library, stranger, person_id):
            continue
        seen.add(stranger)
        face = next(iter(people.faces(library, stranger, limit=1)), None)
        if face is not None:
            yield Doubt(face, person_id, tuple(people.track_ids(library, stranger)), False, cosine)


def _weak(library: Library, key: str) -> Iterator[Doubt]:
    """Yield faces of named people, not confirmed, with a mean cosine below `min_same`, the least similar first."""
    import numpy as np

    tracks, owners = face_tracks.of_people(library, key)
    ids, means = face_tracks.means(library, key)
    if not len(owners):
        return
    cosines = np.einsum("nd,nd->n", tracks.vectors, means[np.searchsorted(ids, owners)])
    weak = np.flatnonzero(cosines < scale_of(key).min_same)
    for position in weak[np.argsort(cosines[weak])].tolist():
        face = people.of_track(library, int(tracks.ids[position]))
        if face is not None and not face.is_confirmed:
            yield Doubt(face, int(owners[position]), (face.track_id,), True, float(cosines[position]))


def _restore_numbers(library: Library, before: dict[int, int]) -> None:
    """Renumber new groups like the earlier groups with most of their faces. `before`: people by track."""
    shared: dict[int, Counter[int]] = defaultdict(Counter)
    for track_id, person_id in face_tracks.owners(library, before).items():
        shared[person_id][before[track_id]] += 1
    used: set[int] = set()
    numbers: dict[int, int] = {}
    for person_id, counts in sorted(shared.items(), key=lambda item: -item[1].total()):
        number = next((number for number, _ in counts.most_common() if number not in used), None)
        if number is not None:
            used.add(number)
            numbers[person_id] = number
    face_tracks.renumber(library, numbers)
