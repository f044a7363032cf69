"""Group hits into moments: nearby hits of a video become a span; fold repeated passages. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from vidlocal.records import Hit, Moment, Passage, PassageKind

# Maximum gap between hits of a moment.
MERGE_GAP_S = 5.0

# Maximum length of a merged moment; a longer passage keeps its length but does not grow. Queries with a correct moment
# (overlap of 0.3) among the first ten: transcripts of tutorialvqa, whose lines mean little alone, 0.14 unmerged,
# 0.46 at 30 s, 0.45 at 60 s; whole scenes of activitynet 0.222 unmerged, 0.216 at 30 s, 0.203 at 60 s.
MAX_MOMENT_S = 30.0

# A hit extends a moment if its score is at least this ratio of the moment's. Transcripts, R@1 and R@10 of moments with
# an overlap of 0.5, fused: 0.140 and 0.303 at 0.6, 0.160 and 0.330 at 0.5 (300 queries of tutorialvqa).
MIN_EXTEND_RATIO = 0.5

# Notes by people rank above model output with the same score: a note gains this share of the distance between its
# score and 1, which keeps the order of notes and does not lift a note above a much better hit.
NOTE_BOOST = 0.2

# Jaccard index of the words of two texts from which they count as duplicates.
DUPLICATE_JACCARD = 0.8
# Factor on the score of a moment whose text duplicates a better moment of the same video.
DUPLICATE_PENALTY = 0.7

_words = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class VideoRef:
    """Title and path of the video of a moment."""

    title: str
    path: str


@dataclass(slots=True)
class _Span:
    """A moment under construction. The first hit is the best."""

    start: float
    end: float
    hits: list[Hit]

    def text(self, runs: Collection[tuple[int, ...]] = ()) -> str:
        """Text of the best hit with text, and of its run; empty for frames found by image only."""
        best = next((hit for hit in self.hits if hit.text), None)
        if best is None:
            return ""
        together = next((run for run in runs if best.passage_id in run), ())
        lines = {hit.passage_id: hit.text for hit in self.hits if hit.passage_id in together}
        return " ".join(lines[line] for line in together if line in lines) or best.text

    def extended(self, hit: Hit) -> tuple[float, float] | None:
        """Start and end of the span with `hit` added; None if the hit belongs to another moment."""
        is_far = hit.start - self.end > MERGE_GAP_S or self.start - hit.end > MERGE_GAP_S
        if is_far or self.end - self.start > MAX_MOMENT_S:
            return None
        start, end = min(self.start, hit.start), max(self.end, hit.end)
        if (start, end) == (self.start, self.end):
            return start, end
        is_summary = hit.end - hit.start > MAX_MOMENT_S and (start, end) == (hit.start, hit.end)
        if is_summary:  # covers the whole span: supports the moment without extending it
            return self.start, self.end
        if end - start <= MAX_MOMENT_S and hit.score >= MIN_EXTEND_RATIO * self.hits[0].score:
            return start, end
        # A frame found by image supports a moment found by text, without extending it.
        is_support = hit.kind is PassageKind.PICTURE and self.hits[0].kind is not PassageKind.PICTURE
        return (self.start, self.end) if is_support else None


def group(
    hits: Sequence[Hit],
    videos: Mapping[int, VideoRef],
    *,
    limit: int,
    runs: Collection[tuple[int, ...]] = (),
    penalize_duplicates: bool = True,
) -> tuple[Moment, ...]:
    """Group `hits` into at most `limit` moments, best first. `videos` has the video of every hit.

    A moment has the score of its best hit, the text of its best hit with text, and its kinds in the order of their
    best hits. `runs`: passage ids of lines that hold a phrase together, in order; their texts are joined. The score of
    notes is raised by NOTE_BOOST. `penalize_duplicates`: lower the score of a text that is like a better one of its
    video.
    """
    spans: dict[int, list[_Span]] = {}
    for hit in sorted(map(_boost_note, hits), key=lambda hit: -hit.score):
        _add(hit, spans.setdefault(hit.video_id, []))
    moments = [
        _moment(span, videos[video_id], score, runs)
        for video_id, of_video in spans.items()
        for span, score in (_penalize_duplicates(of_video) if penalize_duplicates else _scored(of_video))
    ]
    return tuple(sorted(moments, key=lambda moment: -moment.score)[:limit])


def fold_repeats(passages: Sequence[Passage]) -> list[tuple[Passage, int]]:
    """Join consecutive passages of a kind with nearly the same text, and count them.

    A joined passage has the text of the first one and spans all of them.
    """
    folded: list[tuple[Passage, int]] = []
    last_of_kind: dict[PassageKind, int] = {}
    for passage in passages:
        position = last_of_kind.get(passage.kind)
        if position is not None and _is_repeat(folded[position][0], passage):
            first, count = folded[position]
            folded[position] = replace(first, end=max(first.end, passage.end)), count + 1
        else:
            last_of_kind[passage.kind] = len(folded)
            folded.append((passage, 1))
    return folded


def _is_repeat(first: Passage, second: Passage) -> bool:
    if first.text == second.text:
        return True
    words, other = (frozenset(_words.findall(passage.text.lower())) for passage in (first, second))
    return _is_duplicate(words, other)


def _boost_note(hit: Hit) -> Hit:
    if hit.kind is not PassageKind.NOTE:
        return hit
    return replace(hit, score=hit.score + NOTE_BOOST * (1 - hit.score))


def _add(hit: Hit, spans: list[_Span]) -> None:
    """Add `hit` to the first span within reach, else to a new span at the end of `spans`."""
    for span in spans:
        borders = span.extended(hit)
        if borders is not None:
            span.start, span.end = borders
            span.hits.append(hit)
            return
    spans.append(_Span(hit.start, hit.end, [hit]))


def _penalize_duplicates(spans: Sequence[_Span]) -> list[tuple[_Span, float]]:
    """Spans of a video, best first, with their scores, lowered where the text duplicates a better span's."""
    seen: list[frozenset[str]] = []
    scored = []
    for span in spans:
        words = frozenset(_words.findall(span.text().lower()))
        score = span.hits[0].score
        if any(_is_duplicate(words, earlier) for earlier in seen):
            score *= DUPLICATE_PENALTY
        seen.append(words)
        scored.append((span, score))
    return scored


def _scored(spans: Sequence[_Span]) -> list[tuple[_Span, float]]:
    return [(span, span.hits[0].score) for span in spans]


def _is_duplicate(words: frozenset[str], other: frozenset[str]) -> bool:
    return bool(words) and len(words & other) >= DUPLICATE_JACCARD * len(words | other)


def _moment(span: _Span, video: VideoRef, score: float, runs: Collection[tuple[int, ...]]) -> Moment:
    kinds: dict[PassageKind, None] = dict.fromkeys(hit.kind for hit in span.hits)
    return Moment(
        video_id=span.hits[0].video_id,
        video_title=video.title,
        video_path=video.path,
        start=span.start,
        end=span.end,
        score=score,
        kinds=tuple(kinds),
        text=span.text(runs),
        hits=tuple(span.hits),
    )
