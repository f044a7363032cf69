"""Edits of passages with undo, until the server ends."""

from collections import OrderedDict
from itertools import count
from threading import Lock

from vidlocal.errors import UsageError
from vidlocal.store.content import deleted_passages, passages
from vidlocal.store.content.deleted_passages import StoredRows
from vidlocal.store.database import Library

_MAX_EDITS = 200


class EditJournal:
    """Keeps the rows of passages from before the last edits."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._lock = Lock()
        self._edits: OrderedDict[int, tuple[int, StoredRows | None]] = OrderedDict()

    def record(self, passage_id: int, before: StoredRows | None) -> int:
        """Keep the rows of a passage from before an edit, None for a new passage. Returns the number for undo."""
        with self._lock:
            number = next(self._numbers)
            self._edits[number] = (passage_id, before)
            while len(self._edits) > _MAX_EDITS:
                self._edits.popitem(last=False)
        return number

    def undo(self, library: Library, number: int) -> int:
        """Undo an edit: restore the passage, or delete a new one. Returns its id. Raises UsageError."""
        with self._lock:
            edit = self._edits.pop(number, None)
        if edit is None:
            raise UsageError("This edit cannot be undone any more.")
        passage_id, before = edit
        if before is not None:
            deleted_passages.restore(library, before)
            return passage_id
        existing = passages.get(library, passage_id)
        if existing is not None:
            passages.delete(library, existing)
        return passage_id
