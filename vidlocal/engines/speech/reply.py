"""Parse transcripts of speech servers: `verbose_json` of the OpenAI API in its dialects. Pure.

whisper.cpp has tokens as words in each segment, speaches and others whole words beside the segments; some servers have
words but no segments, or only a text.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vidlocal.records import Cue, Word
from vidlocal.token_words import group_tokens, mean_probability

# Of a window of 30 s. A longer text is a loop.
MAX_CHARACTERS = 4_000

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Transcript:
    """A transcript: segments as cues without language, and probabilities of languages by the names of the server."""

    cues: tuple[Cue, ...]
    languages: Mapping[str, float]


def parse_transcript(reply: Json, duration: float) -> Transcript:
    """Parse a transcript of audio of `duration` seconds.

    Raises ValueError, TypeError, KeyError or AttributeError for another form.
    """
    if not isinstance(reply["text"], str):
        raise TypeError("text")
    segments = [segment for segment in reply.get("segments") or () if str(segment["text"]).strip()]
    if sum(len(segment["text"]) for segment in segments) + len(reply["text"]) > 2 * MAX_CHARACTERS:
        raise ValueError("too long")
    beside = list(_raw_words(reply.get("words")))
    if not segments and reply["text"].strip():
        segments = [_only_segment(reply["text"], beside, duration)]
    return Transcript(tuple(_cue(segment, beside, duration) for segment in segments), _languages(reply))


def _only_segment(text: str, words: Sequence[tuple[str, float, float]], duration: float) -> Json:
    """Return the whole text as a segment, from the first word to the last."""
    start, end = (words[0][1], words[-1][2]) if words else (0.0, duration)
    return {"text": text, "start": start, "end": end}


def _cue(segment: Json, beside: Sequence[tuple[str, float, float]], duration: float) -> Cue:
    start, end = _time(segment.get("start", 0.0), duration), _time(segment.get("end", duration), duration)
    inside = list(_raw_words(segment.get("words"), start))
    if not inside:
        inside = [word for word in beside if start <= (word[1] + word[2]) / 2 <= end]
    words = tuple(
        Word(word.text, min(word.start, duration), min(max(word.start, word.end), duration)) for word in _words(inside)
    )
    return Cue(start, max(start, end), segment["text"].strip(), None, _confidence(segment), words)


def _raw_words(entries: object, segment_start: float = 0.0) -> Iterator[tuple[str, float, float]]:
    """Yield text, start and end of words or tokens with times.

    whisper.cpp with the option --dtw aligns tokens with the audio: `t_dtw` is the end of one in 1/100 s, -1 without.
    """
    end = segment_start
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and entry.get("start") is not None and entry.get("end") is not None:
            aligned = entry.get("t_dtw")
            is_aligned = isinstance(aligned, int) and aligned >= 0
            start = end if is_aligned else _seconds(entry["start"])
            end = max(start, _seconds(aligned) / 100 if is_aligned else _seconds(entry["end"]))
            yield str(entry["word"]), start, end


def _words(raw: Sequence[tuple[str, float, float]]) -> Iterable[Word]:
    """Return whole words. If tokens start with spaces, tokens without a space continue the previous word."""
    if any(text.startswith(" ") for text, _, _ in raw[1:]):
        return group_tokens((text.encode(), start, end) for text, start, end in raw)
    return [Word(text.strip(), start, end) for text, start, end in raw if text.strip()]


def _confidence(segment: Json) -> float | None:
    """Return the mean probability of a segment: of its words, else by its mean logarithm; None if not told."""
    words = segment.get("words")
    told = [word.get("probability") for word in words if isinstance(word, Mapping)] if isinstance(words, list) else []
    probabilities = [float(value) for value in told if isinstance(value, int | float) and 0 <= value <= 1]
    if probabilities:
        return mean_probability(probabilities)
    log = segment.get("avg_logprob")
    return math.exp(min(0.0, log)) if isinstance(log, int | float) and math.isfinite(log) and log else None


def _languages(reply: Json) -> dict[str, float]:
    told = reply.get("language_probabilities")
    if isinstance(told, Mapping) and told:
        return {str(name): _seconds(value) for name, value in told.items()}
    name = reply.get("detected_language") or reply.get("language")
    probability = reply.get("detected_language_probability")
    sure = float(probability) if isinstance(probability, int | float) and 0 <= probability <= 1 else 1.0
    return {name: sure} if isinstance(name, str) and name else {}


def _time(value: object, duration: float) -> float:
    return min(_seconds(value), duration)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not a time")
    return max(0.0, float(value))
