"""Split lines of speech at changes of the speaker, by the times of the words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from vidlocal.records import Passage, PassageKind, TimedPassage, Word
from vidlocal.store.content import passages, speakers, understanding, word_times
from vidlocal.store.content.turns import Turn, Turns
from vidlocal.store.database import Library

# Minimum words and seconds of a part of a line: the borders of turns are right to about 0.3 s.
_MIN_WORDS = 2
_MIN_PART_S = 0.6

# The end of a sentence this many words from a border is the border.
_MAX_SHIFT_WORDS = 1
_SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！", "।", "؟")


@dataclass(frozen=True, slots=True)
class _Line:
    """A stored line of a transcript, with the digest of its model."""

    item: TimedPassage
    digest: str | None


def split_at_turns(library: Library, video_id: int) -> int:
    """Split the lines of a model at the turns of the video. Returns the number of split lines.

    If there is any, the transcript is stored again in its order, so that lines have their neighbours. Corrected lines
    stay whole, and so does a transcript with speakers of its own.
    """
    if library.row("SELECT 1 FROM voices WHERE video_id = ? AND label IS NOT NULL LIMIT 1", video_id) is not None:
        return 0
    turns = speakers.turns_of(library, video_id)
    lines = _lines(library, video_id) if len(turns.owners) > 1 else []
    parts = [_parts(line.item, turns) for line in lines]
    count = sum(len(pieces) > 1 for pieces in parts)
    if not count:
        return 0
    with library.writing():
        passages.delete_transcript(library, video_id)
        pieces = [(line.digest, piece) for line, own in zip(lines, parts, strict=True) for piece in own]
        for digest, group in groupby(pieces, key=lambda pair: pair[0]):
            items = [piece for _, piece in group]
            stored, words = [item.passage for item in items], [item.words for item in items]
            passages.add(library, video_id, stored, digest=digest, words=words)
        understanding.requeue(library, video_id)
    return count


def split_line(item: TimedPassage, turns: Sequence[Turn]) -> list[TimedPassage]:
    """Split a line at the change from a voice to another. Pure. Without timed words the line stays whole."""
    starts = _starts(item.words, turns)
    groups = [item.words[first:last] for first, last in pairwise([*starts, len(item.words)])]
    texts = _texts(item.passage.text, item.words, starts)
    if len(groups) < 2 or len(texts) != len(groups):
        return [item]
    parts = []
    for position, (words, text) in enumerate(zip(groups, texts, strict=True)):
        start = item.passage.start if position == 0 else words[0].start
        end = item.passage.end if position == len(groups) - 1 else words[-1].end
        parts.append(TimedPassage(replace(item.passage, start=start, end=max(start, end), text=text), tuple(words)))
    return parts


def _parts(item: TimedPassage, turns: Turns) -> list[TimedPassage]:
    is_spoken = item.passage.kind is PassageKind.SPEECH and item.words
    return split_line(item, turns.between(item.passage.start, item.passage.end)) if is_spoken else [item]


def _starts(words: Sequence[Word], turns: Sequence[Turn]) -> list[int]:
    """Return the positions of the first words of each voice, 0 first. Short runs join the run before."""
    starts, current = [0], -1
    position = 0
    for voice, run in groupby(_voices(words, turns)):
        count = len(list(run))
        seconds = words[position + count - 1].end - words[position].start
        if count >= _MIN_WORDS and seconds >= _MIN_PART_S and voice != current:
            if current >= 0:
                starts.append(_sentence_start(words, position))
            current = voice
        position += count
    return starts


def _voices(words: Sequence[Word], turns: Sequence[Turn]) -> list[int]:
    """Return the voice of each word: the voice with most of its time, else that of the previous word."""
    voices: list[int] = []
    for word in words:
        overlaps = ((min(word.end, end) - max(word.start, start), voice) for start, end, voice in turns)
        overlap, voice = max(overlaps, default=(0.0, -1))
        voices.append(voice if overlap > 0 or not voices else voices[-1])
    return voices


def _sentence_start(words: Sequence[Word], position: int) -> int:
    """Move a border to a nearby start of a sentence, if any."""
    shifts = sorted(range(-_MAX_SHIFT_WORDS, _MAX_SHIFT_WORDS + 1), key=abs)
    starts = [position + shift for shift in shifts if 0 < position + shift < len(words)]
    return next((start for start in starts if words[start - 1].text.endswith(_SENTENCE_ENDS)), position)


def _texts(text: str, words: Sequence[Word], starts: Sequence[int]) -> list[str]:
    """Cut a text before the words at `starts`. Empty if a word is not in the text."""
    places: list[int] = []
    position = 0
    for word in words:
        place = text.find(word.text, position)
        if place < 0:
            return []
        places.append(place)
        position = place + len(word.text)
    cuts = [0, *(places[start] for start in starts[1:]), len(text)]
    return [text[first:last].strip() for first, last in pairwise(cuts)]


def _lines(library: Library, video_id: int) -> list[_Line]:
    """Return the recognized speech in stored order."""
    rows = library.rows(
        """SELECT id, digest FROM passages WHERE video_id = ? AND engine IS NOT ?
          AND (kind IN ('speech', 'translation') OR (kind = 'sound' AND model IS NOT NULL)) ORDER BY id""",
        video_id,
        passages.BY_HAND,
    )
    lines = []
    for row in rows:
        passage: Passage | None = passages.get(library, row["id"])
        if passage is not None:
            words = word_times.of_passage(library, passage)
            lines.append(_Line(TimedPassage(replace(passage, speaker=None), words), row["digest"]))
    return lines
