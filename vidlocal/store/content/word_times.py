"""Times of the words of passages, packed: 8 bytes a word.

A value is the version of the format (1 byte), then for each word, little-endian, 16 bits each: position and length in
the text of the passage in characters, start and end after the start of the passage in hundredths of a second.
"""

import struct
from collections.abc import Iterable, Sequence

from vidlocal.records import Passage, Word
from vidlocal.store.database import Library

_VERSION = 1
_FIELDS = 4
_MAX = 0xFFFF


def put(library: Library, passage_id: int, text: str, start: float, words: Sequence[Word]) -> None:
    """Store the times of the words of a passage with this `text` and `start`."""
    times = pack(text, start, words)
    if times:
        with library.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO word_times (passage_id, times) VALUES (?, ?)", (passage_id, times)
            )


def of_passage(library: Library, passage: Passage) -> tuple[Word, ...]:
    """Return the timed words of a passage in the order of the text, empty if their times are not known."""
    row = library.row("SELECT times FROM word_times WHERE passage_id = ?", passage.id)
    return unpack(passage.text, passage.start, row["times"]) if row is not None else ()


def pack(text: str, start: float, words: Iterable[Word]) -> bytes:
    """Pack words in the order of the text; words missing from the text are left out. Empty without any."""
    numbers: list[int] = []
    position = 0
    for word in words:
        index = text.find(word.text, position) if word.text else -1
        first, last = (round(100 * (time - start)) for time in (word.start, word.end))
        if index >= 0 and 0 <= first <= last <= _MAX and index + len(word.text) <= _MAX:
            numbers += (index, len(word.text), first, last)
            position = index + len(word.text)
    return struct.pack(f"<B{len(numbers)}H", _VERSION, *numbers) if numbers else b""


def unpack(text: str, start: float, times: bytes) -> tuple[Word, ...]:
    """Unpack words. Empty for another version of the format."""
    count = (len(times) - 1) // 2
    if not times or times[0] != _VERSION or count % _FIELDS or len(times) != 1 + 2 * count:
        return ()
    numbers = struct.unpack(f"<{count}H", times[1:])
    rows = (numbers[first : first + _FIELDS] for first in range(0, count, _FIELDS))
    return tuple(
        Word(text[position : position + length], start + first / 100, start + last / 100)
        for position, length, first, last in rows
    )
