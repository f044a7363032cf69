"""Moments that look like a picture, by perceptual hash."""

from collections.abc import Sequence
from pathlib import Path

from vidlocal.media.probe import Prober
from vidlocal.moments import GAP
from vidlocal.records import Frame, Moment
from vidlocal.signals.look import look_at
from vidlocal.store import frames, hits
from vidlocal.store.database import Library
from vidlocal.store.frames import Hashed

BITS = 64

# The hashes of unrelated pictures differ in 32 bits, give or take 4: one pair in 500 comes as near as this.
MOST_BITS = 20


def hash_of_picture(path: Path) -> int:
    """The perceptual hash of a picture file. MediaError when it is none."""
    from PIL import Image

    with Prober() as prober:
        return look_at(Image.fromarray(prober.photo(path).rgb)).dhash


def similar(library: Library, dhash: int, *, limit: int, besides: Frame | None = None) -> tuple[Moment, ...]:
    """The moments whose pictures are nearest to a hash, nearest first, at most `limit`.

    Not those of `besides`, and of neighbours within GAP the nearest only. A moment's score is the share of the 64 bits
    that agree, its text what is known of its picture; it has no hits.
    """
    own = None if besides is None else besides.same_as or besides.id
    near = [(one, (one.dhash ^ dhash).bit_count()) for one in frames.hashed(library) if one.id != own]
    near = sorted((pair for pair in near if pair[1] <= MOST_BITS), key=lambda pair: (pair[1], pair[0].id))
    chosen: list[tuple[Hashed, int]] = []
    for one, bits in near:
        if len(chosen) == limit:
            break
        if not any(_neighbours(one, other) for other, _ in chosen):
            chosen.append((one, bits))
    return _moments(library, chosen)


def _neighbours(one: Hashed, other: Hashed) -> bool:
    return one.video_id == other.video_id and abs(one.time - other.time) <= GAP


def _moments(library: Library, chosen: Sequence[tuple[Hashed, int]]) -> tuple[Moment, ...]:
    places = hits.places(library, {one.video_id for one, _ in chosen})
    found = []
    for one, bits in chosen:
        frame = frames.get(library, one.id)
        if frame is None or one.video_id not in places:
            continue
        place, text = places[one.video_id], frames.description(library, one.id)
        found.append(
            Moment(
                video_id=one.video_id,
                video_title=place.title,
                video_path=place.path,
                start=frame.time,
                end=frames.shown_until(library, frame),
                score=1 - bits / BITS,
                kinds=(),
                text=text,
                hits=(),
            )
        )
    return tuple(found)
