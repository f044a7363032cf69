"""Values as SQLite stores them, and the types that all rooms of the store share."""

import os
import sqlite3
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from _typeshed import DataclassInstance
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]  # d, of length 1 where not said otherwise
    Vectors = NDArray[np.float32]  # n x d
    Ids = NDArray[np.int64]  # ids of rows, or positions in an array
    Mask = NDArray[np.bool_]
    Bits = NDArray[np.uint64]  # signs of vectors, 64 dimensions a number (see `index.sign_bits`)
    Distances = NDArray[np.uint16]  # numbers of dimensions in which signs differ

Record = TypeVar("Record", bound="DataclassInstance")


def storable(text: str) -> str:
    """Text as SQLite can hold it: NUL and lone surrogates become the replacement character."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def stored_path(path: Path) -> str | bytes:
    """A path as a column holds it: text, or the plain bytes of a name that is not valid UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return str(path)


def now_utc() -> str:
    """The current time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class RowReader(Generic[Record]):
    """Makes dataclasses of rows whose columns are named like the fields. `converters` apply to single fields."""

    def __init__(self, record: type[Record], **converters: Callable[[Any], object]) -> None:
        names = [field.name for field in fields(record)]
        self.columns = ", ".join(f'"{name}"' for name in names)
        self._record = record
        self._converters = [(names.index(name), convert) for name, convert in converters.items()]

    def __call__(self, row: sqlite3.Row) -> Record:
        """The dataclass of a row that was selected by `columns`."""
        values = list(row)
        for position, convert in self._converters:
            values[position] = convert(values[position])
        return self._record(*values)
