"""Minutes of video with the least certain speech."""

from dataclasses import dataclass

from vidlocal.store.database import Library

# A minute with less speech says little.
_MIN_SPEECH_S = 5.0


@dataclass(frozen=True, slots=True)
class WeakMinute:
    """A minute of a video. `confidence`: mean of the words' probabilities, 0 to 1; `text`: the least sure passage."""

    video_id: int
    title: str
    start: float
    confidence: float
    model: str
    text: str


def weakest_minutes(library: Library, *, below: float, limit: int) -> list[WeakMinute]:
    """List at most `limit` minutes with a confidence below `below`, the weakest first."""
    rows = library.rows(
        """SELECT video_id, videos.title, 60.0 * CAST(start / 60 AS INTEGER) AS minute, min(confidence), model, text,
            sum(confidence * ("end" - start)) / sum("end" - start) AS mean
          FROM passages JOIN videos ON videos.id = video_id
          WHERE passages.kind = 'speech' AND confidence IS NOT NULL AND model IS NOT NULL AND visible
          GROUP BY video_id, minute HAVING sum("end" - start) >= ? AND mean < ? ORDER BY mean LIMIT ?""",
        _MIN_SPEECH_S,
        below,
        limit,
    )
    return [
        WeakMinute(row["video_id"], row["title"], row["minute"], row["mean"], row["model"], row["text"]) for row in rows
    ]
