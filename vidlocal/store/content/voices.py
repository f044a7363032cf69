"""Voices of a diarization: their turns, vectors and speakers."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from vidlocal.records import JobKind
from vidlocal.store.content import speakers
from vidlocal.store.content.turns import Turns
from vidlocal.store.database import Library
from vidlocal.store.queue import checkpoints, jobs
from vidlocal.store.values import sql_list

if TYPE_CHECKING:
    from vidlocal.store.values import Vector

Spans = Sequence[tuple[float, float]]

# A voice of a new diarization is the one before, or the one with a name in the transcript, if it shares so much time
# with it.
_MIN_SHARED = 0.5
_MIN_SHARED_S = 2.0
_NEARLY_ALL = 0.9


@dataclass(frozen=True, slots=True)
class NewVoice:
    """A voice to store: `turns` in seconds, and a unit vector, float32, d."""

    turns: Spans
    vector: "Vector"


def step(key: str) -> str:
    """Return the name of the checkpoint of a finished diarization by a model."""
    return f"speakers by {key}"


def store(
    library: Library,
    video_id: int,
    key: str,
    voices: Sequence[NewVoice],
    *,
    nearest: Callable[["Vector", Sequence["Vector"]], int | None],
) -> None:
    """Replace the voices of a video by a new diarization with model `key`, and assign its passages.

    Each voice is given to the speaker whom a transcript names at the time, or whom it had before; else to the speaker
    whose voices in other videos are the nearest; else to a new speaker. Speakers are never merged.
    """
    with library.writing() as connection:
        named, earlier = _named_spans(library, video_id), _earlier_turns(library, video_id)
        means = mean_vectors(library, key, exclude=video_id)
        speaker_ids, vectors = list(means), list(means.values())
        connection.execute(
            "DELETE FROM passage_speakers WHERE voice_id IN (SELECT id FROM voices WHERE video_id = ? "
            "AND label IS NULL)",
            (video_id,),
        )
        old = [
            row["id"] for row in library.rows("SELECT id FROM voices WHERE video_id = ? AND label IS NULL", video_id)
        ]
        for voice in voices:
            speaker_id = _speaker_at(voice.turns, named)
            if speaker_id is None:
                speaker_id = _speaker_at(voice.turns, earlier, min_share=_MIN_SHARED)
            if speaker_id is None:
                position = nearest(voice.vector, vectors)
                speaker_id = speakers.add(library, None) if position is None else speaker_ids[position]
            voice_id = speakers.add_voice(library, video_id, speaker_id)
            connection.execute(
                "UPDATE voices SET model = ?, vector = ? WHERE id = ?",
                (key, voice.vector.astype("<f4").tobytes(), voice_id),
            )
            connection.executemany(
                'INSERT INTO turns (voice_id, start, "end") VALUES (?, ?, ?)',
                [(voice_id, start, end) for start, end in voice.turns],
            )
        connection.executemany("DELETE FROM voices WHERE id = ?", [(voice_id,) for voice_id in old])
        _delete_unspoken(library, video_id)
        speakers.assign(library, video_id)
        connection.execute("DELETE FROM checkpoints WHERE video_id = ? AND step LIKE 'speakers by %'", (video_id,))
        checkpoints.put(library, video_id, step(key), 0.0)


def has_spoken_passages(library: Library, video_id: int) -> bool:
    """Return True for a video with transcribed speech."""
    sql = f"SELECT 1 FROM passages WHERE video_id = ? AND kind IN {sql_list(speakers.SPOKEN_KINDS)} LIMIT 1"
    return library.row(sql, video_id) is not None


def queue_missing(library: Library, key: str) -> int:
    """Queue the videos with speech not yet diarized by this model. Returns their number. Failed jobs stay failed."""
    condition = f"""EXISTS (
      SELECT 1 FROM passages WHERE video_id = videos.id AND kind IN {sql_list(speakers.SPOKEN_KINDS)})"""
    return jobs.queue_without_checkpoint(library, JobKind.SPEAKERS, step=step(key), condition=condition)


def _delete_unspoken(library: Library, video_id: int) -> None:
    """Delete voices without transcribed speech: singers, and noises mistaken for voices."""
    with library.writing() as connection:
        connection.execute(
            f"""DELETE FROM voices WHERE video_id = ? AND label IS NULL AND NOT EXISTS (
              SELECT 1 FROM turns JOIN passages ON passages.video_id = voices.video_id
                AND passages.kind IN {sql_list(speakers.SPOKEN_KINDS)}
                AND turns.start < passages."end" AND turns."end" > passages.start
              WHERE turns.voice_id = voices.id)""",
            (video_id,),
        )


def _named_spans(library: Library, video_id: int) -> Turns:
    """Return the passages with a speaker named by a transcript, by speaker."""
    rows = library.rows(
        """SELECT passages.start, passages."end", speaker_id FROM voices
          JOIN passage_speakers ON voice_id = voices.id JOIN passages ON passages.id = passage_id
          WHERE voices.video_id = ? AND label IS NOT NULL""",
        video_id,
    )
    return Turns((row["start"], row["end"], row["speaker_id"]) for row in rows)


def _earlier_turns(library: Library, video_id: int) -> Turns:
    """Return the turns of the last diarization of a video, by speaker."""
    sql = """SELECT turns.start, turns."end", speaker_id FROM voices JOIN turns ON voice_id = voices.id
      WHERE video_id = ?"""
    return Turns((row["start"], row["end"], row["speaker_id"]) for row in library.rows(sql, video_id))


def _speaker_at(turns: Spans, known: Turns, *, min_share: float = 0.0) -> int | None:
    """Return the speaker with the longest turns; None below `min_share` of the time.

    It is also most of the time that `known` covers, and at least two seconds, or nearly all of a short voice.
    """
    shared: Counter[int] = Counter()
    for start, end in turns:
        shared.update(known.shares(start, end))
    seconds = sum(end - start for start, end in turns)
    enough = max(min(_MIN_SHARED_S, _NEARLY_ALL * seconds), min_share * seconds, _MIN_SHARED * sum(shared.values()))
    best = max(shared.items(), key=itemgetter(1), default=None)
    return None if best is None or best[1] < enough else best[0]


def mean_vectors(library: Library, key: str, *, exclude: int | None = None) -> dict[int, "Vector"]:
    """Map speakers to the mean of their voices by a model, of unit length, without voices of video `exclude`.

    Vectors that are damaged, or of another size than most, are left out.
    """
    import numpy as np

    rows = library.rows(
        """SELECT speaker_id, vector FROM voices WHERE model = ? AND video_id IS NOT ? AND typeof(vector) = 'blob'
          AND length(vector) % 4 = 0""",
        key,
        exclude,
    )
    sizes = Counter(len(row["vector"]) for row in rows)
    sums: dict[int, Vector] = {}
    for row in rows:
        vector = np.frombuffer(row["vector"], dtype="<f4")
        if len(row["vector"]) == sizes.most_common(1)[0][0] and np.isfinite(vector).all():
            sums[row["speaker_id"]] = sums.get(row["speaker_id"], np.zeros_like(vector)) + vector
    lengths = {speaker_id: float(np.linalg.norm(total)) for speaker_id, total in sums.items()}
    return {speaker_id: (sums[speaker_id] / length).astype("<f4") for speaker_id, length in lengths.items() if length}


def models(library: Library) -> list[str]:
    """List the models with vectors of voices."""
    return [row["model"] for row in library.rows("SELECT DISTINCT model FROM voices WHERE model IS NOT NULL")]
