"""Filter of a search, as SQL conditions on passages."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from vidlocal.folding import fold
from vidlocal.records import PassageKind
from vidlocal.store.index.appearances import MAX_APART_S, SEEN, SEEN_AT_TIME
from vidlocal.store.index.tokenizer import UNSPACED, words

# Local time of a recording. UTC is converted to the time zone of this machine; with another offset, or none, the value
# is the local time of the camera. A date alone has no time of day.
_RECORDED = """CASE WHEN recorded_at LIKE '%T%Z' OR recorded_at LIKE '%+00:00' OR recorded_at LIKE '%+0000'
  THEN datetime(recorded_at, 'localtime') ELSE replace(substr(recorded_at, 1, 19), 'T', ' ') END"""
_TIME_OF_DAY = f"""CASE WHEN length(recorded_at) > 10
  THEN strftime('%H:%M', {_RECORDED}, printf('+%.3f seconds', passages.start)) END"""

# Descriptions are in English without a language of their own; speech has the language of its video.
_LANGUAGE = """coalesce(passages.language, CASE WHEN passages.kind IN ('scene', 'action', 'summary') THEN 'en'
  WHEN passages.kind IN ('speech', 'subtitle') THEN (SELECT language FROM videos WHERE id = passages.video_id) END)"""

# All passages overlapping a tagged one in time, so that speech over a tagged scene matches too.
_TAGGED_SPANS = """(
    SELECT passages.video_id, start, "end" FROM tags JOIN passages USING (frame_id) WHERE tag IN :spellings
    UNION SELECT passages.video_id, start, "end" FROM video_tags JOIN passages ON passages.id = passage_id
      WHERE tag IN :spellings) AS tagged"""
_TAGGED = f"""passages.id IN (
  SELECT around.id FROM {_TAGGED_SPANS}
  JOIN passages AS around ON around.video_id = tagged.video_id
    AND around.start <= tagged."end" AND around."end" >= tagged.start)"""
_TAGGED_BY_TIME = f"""EXISTS (
  SELECT 1 FROM {_TAGGED_SPANS} WHERE tagged.video_id = passages.video_id
    AND passages.start >= tagged.start AND (passages.start < tagged."end" OR passages.start = tagged.start))"""

# Passages of a speaker, and points in time at which a speaker speaks.
_SPOKEN_BY = """passages.id IN (SELECT passage_id FROM passage_speakers JOIN voices ON voices.id = voice_id
  WHERE speaker_id IN (SELECT value FROM json_each(?)))"""
_SPOKEN_BY_AT_TIME = """EXISTS (SELECT 1 FROM voices JOIN passage_speakers ON voice_id = voices.id
  JOIN passages AS spoken ON spoken.id = passage_id
  WHERE voices.video_id = passages.video_id AND speaker_id IN (SELECT value FROM json_each(?))
    AND spoken.start <= passages.start AND spoken."end" > passages.start)"""
_SPELLINGS = "(SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """Restricts the passages of a search. None does not restrict; an empty set of videos or kinds matches nothing.

    A passage must contain all `phrases` and no `excluded` one, have a spelling of each of `tags`, be said by one of
    `speakers` (ids), and be at a time when one of each of `people` (ids) is seen, and none of `absent`. `before` and
    `after` (inclusive) are prefixes of an ISO 8601 recording date. `span` is in seconds of the video. `time_of_day` is
    (start, end) of the recording time in minutes; it wraps past midnight if end < start. `split_lines`: ids of the
    lines that count as containing a phrase, by phrase, because it is spread over them.
    """

    videos: frozenset[int] | None = None
    kinds: frozenset[PassageKind] | None = None
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    tags: tuple[frozenset[str], ...] = ()
    languages: frozenset[str] = frozenset()
    speakers: frozenset[int] | None = None
    people: tuple[frozenset[int], ...] = ()
    absent: frozenset[int] = frozenset()
    before: str | None = None
    after: str | None = None
    span: tuple[float, float] | None = None
    time_of_day: tuple[int, int] | None = None
    split_lines: Mapping[str, frozenset[int]] = field(default_factory=dict)

    @property
    def needs_passages(self) -> bool:
        """True if only passages can match, not whole videos by their names and recording."""
        only_passages = self.kinds is not None and PassageKind.TITLE not in self.kinds
        texts = self.phrases or self.excluded or self.tags or self.languages or self.people or self.absent
        return bool(only_passages or texts) or self.speakers is not None or self.span is not None

    @property
    def needs_rows(self) -> bool:
        """True if the filter needs columns missing in the vector cache (other than video and kind)."""
        return bool(next(self._row_conditions(), None))

    @property
    def cached_part(self) -> "SearchFilter":
        """The part of the filter on video and kind."""
        return SearchFilter(self.videos, self.kinds)

    def condition(self, *, by_time: bool = False) -> tuple[str, tuple[str | float, ...]]:
        """Return SQL for the WHERE of a query over `passages` (empty, or starting with AND) and the parameters.

        `by_time`: `passages` is a subquery of points in time, possibly without a row in the table.
        """
        sql, values = "", []
        for part, bound in (*self._cached_conditions(), *self._row_conditions(by_time=by_time)):
            sql += f" AND {part}"
            values += bound
        return sql, tuple(values)

    def _cached_conditions(self) -> Iterator[tuple[str, list[str | float]]]:
        if self.videos is not None:
            yield "passages.video_id IN (SELECT value FROM json_each(?))", [json.dumps(sorted(self.videos))]
        if self.kinds is not None:
            yield "passages.kind IN (SELECT value FROM json_each(?))", [json.dumps(sorted(self.kinds))]

    def _row_conditions(self, *, by_time: bool = False) -> Iterator[tuple[str, list[str | float]]]:
        for phrase in self.phrases:
            yield from self._contains(phrase)
        for phrase in self.excluded:
            yield from ((f"NOT ({sql})", bound) for sql, bound in self._contains(phrase))
        for tag in self.tags:
            tagged = _TAGGED_BY_TIME if by_time else _TAGGED
            yield tagged.replace(":spellings", _SPELLINGS), [json.dumps(sorted(tag))] * 2
        if self.speakers is not None:
            yield (_SPOKEN_BY_AT_TIME if by_time else _SPOKEN_BY), [json.dumps(sorted(self.speakers))]
        yield from self._people_conditions(by_time=by_time)
        if self.languages:
            yield f"{_LANGUAGE} IN (SELECT value FROM json_each(?))", [json.dumps(sorted(self.languages))]
        if self.span is not None:
            start, end = self.span
            yield 'passages.start <= ? AND passages."end" >= ?', [end, start]
        yield from self._recording_conditions()

    def _people_conditions(self, *, by_time: bool) -> Iterator[tuple[str, list[str | float]]]:
        seen = SEEN_AT_TIME if by_time else SEEN
        # Around a text, two people may be seen one after the other.
        tolerance = MAX_APART_S / 2 if len(self.people) > 1 else 0.0
        for ids in self.people:
            yield seen, [tolerance, tolerance, json.dumps(sorted(ids))]
        if self.absent:
            yield f"NOT {seen}", [0.0, 0.0, json.dumps(sorted(self.absent))]

    def _contains(self, phrase: str) -> Iterator[tuple[str, list[str | float]]]:
        """Yield the condition for a phrase: the words in this order, in any inflection. Empty for punctuation only."""
        folded = fold(phrase)
        parts = list(words(folded))
        if any(UNSPACED.search(part) for part in parts):
            sql, bound = "instr(lower(coalesce(passages.folded, passages.text)), ?)", folded
        elif parts:
            sql = "passages.id IN (SELECT rowid FROM passage_words WHERE passage_words MATCH ?)"
            bound = '"' + " ".join(parts) + '"'
        else:
            return
        split = self.split_lines.get(phrase)
        if split:
            yield f"({sql} OR passages.id IN (SELECT value FROM json_each(?)))", [bound, json.dumps(sorted(split))]
        else:
            yield sql, [bound]

    def _recording_conditions(self) -> Iterator[tuple[str, list[str | float]]]:
        sql = "passages.video_id IN (SELECT id FROM videos WHERE {})"
        if self.before is not None:
            yield sql.format(f"{_RECORDED} < ?"), [self.before]
        if self.after is not None:
            yield sql.format(f"{_RECORDED} >= ?"), [self.after]
        if self.time_of_day is not None:
            start, end = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in self.time_of_day)
            operator = "OR" if self.time_of_day[0] > self.time_of_day[1] else "AND"
            day = f"SELECT {_TIME_OF_DAY} AS day FROM videos WHERE id = passages.video_id"
            yield f"EXISTS (SELECT 1 FROM ({day}) WHERE day >= ? {operator} day < ?)", [start, end]


NO_FILTER = SearchFilter()
