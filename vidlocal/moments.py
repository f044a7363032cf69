"""Hits to moments: neighbours of one video become one span. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from vidlocal.records import Hit, Moment, PassageKind

# Hits of one video at most this far apart belong together.
MERGE_GAP_S = 5.0

# A moment never grows beyond this by merging; a passage that is longer by itself takes nothing in. Queries that had a
# right moment (overlap of 0.3) among the first ten: transcripts of tutorialvqa, whose lines mean little alone, 0.14
# unmerged, 0.46 at 30 s, 0.45 at 60 s; whole scenes of activitynet 0.222 unmerged, 0.216 at 30 s, 0.203 at 60 s.
MAX_MOMENT_S = 30.0

# A hit moves the borders of a moment when its score is at least this part of the moment's. Transcripts, R@1 and R@10 of
# moments with an overlap of 0.5, fused: 0.140 and 0.303 at 0.6, 0.160 and 0.330 at 0.5 (300 queries of tutorialvqa).
MIN_EXTEND_RATIO = 0.5

# What a person wrote outranks what a model wrote of the same worth: a note has this share of what its score lacks
# to 1 on top of it, so that no order among notes changes and none outruns a much better hit.
NOTE_BOOST = 0.2

# Words shared by two texts over all their words, from which on they say the same.
DUPLICATE_JACCARD = 0.8
# The score of a moment that says what a better one of the same video said already is multiplied by this.
DUPLICATE_PENALTY = 0.7

_words = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class VideoRef:
    """The video a hit lies in, as far as a moment names it."""

    title: str
    path: str


@dataclass(slots=True)
class _Span:
    """A moment in the making. Its first hit is its best."""

    start: float
    end: float
    hits: list[Hit]

    @property
    def text(self) -> str:
        """That of the best hit that has one: of a frame that looks like the query maybe nothing was said yet."""
        return next((hit.text for hit in self.hits if hit.text), "")

    def takes(self, hit: Hit) -> bool:
        """Whether the hit belongs here; the span then has it."""
        if (
            hit.start - self.end > MERGE_GAP_S
            or self.start - hit.end > MERGE_GAP_S
            or self.end - self.start > MAX_MOMENT_S
        ):
            return False
        start, end = min(self.start, hit.start), max(self.end, hit.end)
        if (start, end) != (self.start, self.end):
            if hit.end - hit.start > MAX_MOMENT_S and (start, end) == (hit.start, hit.end):
                self.hits.append(hit)  # a summary of all this: it backs the moment and is none of its own
                return True
            if end - start <= MAX_MOMENT_S and hit.score >= MIN_EXTEND_RATIO * self.hits[0].score:
                self.start, self.end = start, end
            elif hit.kind is not PassageKind.PICTURE or self.hits[0].kind is PassageKind.PICTURE:
                return False  # but what is only seen there backs what is said
        self.hits.append(hit)
        return True


def group(hits: Sequence[Hit], videos: Mapping[int, VideoRef], *, limit: int) -> tuple[Moment, ...]:
    """The moments of `hits`, best first, at most `limit`. `places` has the video of every hit.

    A moment's score is that of its best hit, its text that of the best one that has any, its kinds are in the order of
    their best hits. Notes stand a little higher than their score.
    """
    spans: dict[int, list[_Span]] = {}
    for hit in sorted(map(_weighed, hits), key=lambda hit: -hit.score):
        of_video = spans.setdefault(hit.video_id, [])
        if not any(span.takes(hit) for span in of_video):
            of_video.append(_Span(hit.start, hit.end, [hit]))
    found = [
        _moment(span, videos[video_id], score)
        for video_id, of_video in spans.items()
        for span, score in _without_echoes(of_video)
    ]
    return tuple(sorted(found, key=lambda moment: -moment.score)[:limit])


def _weighed(hit: Hit) -> Hit:
    if hit.kind is not PassageKind.NOTE:
        return hit
    return replace(hit, score=hit.score + NOTE_BOOST * (1 - hit.score))


def _without_echoes(spans: Sequence[_Span]) -> list[tuple[_Span, float]]:
    """Spans of one video, best first, with their scores; those that repeat a better one's text are worth less."""
    said: list[frozenset[str]] = []
    scored = []
    for span in spans:
        words = frozenset(_words.findall(span.text.lower()))
        score = span.hits[0].score
        if any(_alike(words, before) for before in said):
            score *= DUPLICATE_PENALTY
        said.append(words)
        scored.append((span, score))
    return scored


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one) and len(one & other) >= DUPLICATE_JACCARD * len(one | other)


def _moment(span: _Span, place: VideoRef, score: float) -> Moment:
    kinds: dict[PassageKind, None] = dict.fromkeys(hit.kind for hit in span.hits)
    return Moment(
        video_id=span.hits[0].video_id,
        video_title=place.title,
        video_path=place.path,
        start=span.start,
        end=span.end,
        score=score,
        kinds=tuple(kinds),
        text=span.text,
        hits=tuple(span.hits),
    )
