"""Cache of the probabilities of texts matching queries, as judged by models. Stores hashes, no words."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

from vidlocal.store.database import Library
from vidlocal.store.values import now_utc, storable

# Some 40 bytes each. The oldest are deleted.
_MAX_KEPT = 100_000

Question = tuple[str, str]


def get(library: Library, digest: str, version: str, questions: Sequence[Question]) -> dict[Question, float]:
    """Return the probabilities of pairs of query and text, as answered by this model build and prompt version."""
    keys = {_key(digest, version, question): question for question in questions}
    marks = ", ".join("?" * len(keys))
    rows = library.rows(f"SELECT key, probability FROM judgements WHERE key IN ({marks})", *keys)
    return {keys[row["key"]]: row["probability"] for row in rows}


def put(library: Library, digest: str, version: str, probabilities: Mapping[Question, float]) -> None:
    """Store probabilities of pairs of query and text."""
    now = now_utc()
    with library.writing() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO judgements (key, probability, at) VALUES (?, ?, ?)",
            [(_key(digest, version, question), probability, now) for question, probability in probabilities.items()],
        )
        surplus = connection.execute("SELECT count(*) FROM judgements").fetchone()[0] - _MAX_KEPT
        if surplus > 0:
            connection.execute(
                "DELETE FROM judgements WHERE key IN (SELECT key FROM judgements ORDER BY at LIMIT ?)", (surplus,)
            )


def _key(digest: str, version: str, question: Question) -> bytes:
    parts = "\0".join(storable(part).replace("\0", " ") for part in (digest, version, *question))
    return blake2b(parts.encode(), digest_size=16).digest()
