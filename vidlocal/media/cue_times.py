"""Correct the times of transcribed cues and words by the loud spans of the audio. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from vidlocal.records import Cue, Word
from vidlocal.voice_levels import SpeechSpan

# A cue farther than this from any speech is a hallucination. Times this close to an end of a span are that end.
_MAX_DISTANCE_S = 0.3

# Shares of the shorter one of a cue and a span of speech: a cue overlapping a span by less does not belong to it.
_MIN_OVERLAP = 0.3
_MIN_OVERLAP_S = 0.3

# A first word ends at least so long after its gap. A cue may begin too late by the second.
_MIN_WORD_S = 0.06
_MAX_EARLY_S = 0.1

# A first word is no longer than this. Its start may be far too early, after a pause.
_MAX_FIRST_WORD_S = 0.6


def shifted(cue: Cue, seconds: float) -> Cue:
    """Move a cue and its words."""
    words = tuple(replace(word, start=word.start + seconds, end=word.end + seconds) for word in cue.words)
    return replace(cue, start=cue.start + seconds, end=cue.end + seconds, words=words)


def clip_to_speech(cue: Cue, spans: Sequence[SpeechSpan], bursts: Sequence[SpeechSpan] = ()) -> Cue | None:
    """Clip the times of a cue and its words to the loud spans below. None for a hallucination without speech.

    A cue begins where its first span does, if it begins before or just after, and ends with its last span. A cue that
    begins within a span begins after the longest gap between `bursts` in its first word.
    """
    first, last = _spoken(cue)
    near = [span for span in spans if span[0] < last + _MAX_DISTANCE_S and span[1] > first - _MAX_DISTANCE_S]
    if not near:
        return None
    own = [span for span in near if _overlaps(first, last, span)] or near
    start = min(_after_gap(cue, first, bursts), own[-1][1])
    if first < own[0][0] + _MAX_DISTANCE_S:
        start = own[0][0]
    end = own[-1][1] if last > own[-1][1] - _MAX_DISTANCE_S else last
    end = max(start, end)
    return replace(cue, start=start, end=end, words=_clipped_words(cue.words, own, start, end))


def _after_gap(cue: Cue, first: float, bursts: Sequence[SpeechSpan]) -> float:
    """Return the end of the longest gap from just before the cue to the end of its first word, else `first`."""
    last = cue.words[0].end - _MIN_WORD_S if cue.words else first
    gaps = [
        (after[0] - before[1], after[0])
        for before, after in pairwise(bursts)
        if first - _MAX_EARLY_S <= after[0] <= last
    ]
    return max(gaps, default=(0.0, first))[1]


def _spoken(cue: Cue) -> SpeechSpan:
    """Return start and end of a cue, corrected by its words: pauses before and after belong to no word."""
    if not cue.words:
        return cue.start, cue.end
    first = max(cue.start, cue.words[0].end - _MAX_FIRST_WORD_S)
    return first, max(first, min(cue.end, cue.words[-1].end))


def _overlaps(first: float, last: float, span: SpeechSpan) -> bool:
    overlap = min(last, span[1]) - max(first, span[0])
    return overlap >= min(_MIN_OVERLAP_S, _MIN_OVERLAP * min(last - first, span[1] - span[0]))


def _clipped_words(words: Sequence[Word], spans: Sequence[SpeechSpan], start: float, end: float) -> tuple[Word, ...]:
    """Clip words to a cue, in order.

    A word does not begin before the span it ends in, and the last one ends with the cue.
    """
    clipped: list[Word] = []
    for position, word in enumerate(words):
        last = end if position == len(words) - 1 else min(max(word.end, start), end)
        begins = [span[0] for span in spans if span[0] < last]
        first = max(word.start, start, begins[-1] if begins else start, clipped[-1].end if clipped else start)
        clipped.append(Word(word.text, min(first, last), last))
    return tuple(clipped)
