"""Conversions between Python values and SQLite columns, and the array types of the store."""

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from _typeshed import DataclassInstance
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]  # d
    Vectors = NDArray[np.float32]  # n x d
    Ids = NDArray[np.int64]  # row ids
    Positions = NDArray[np.int64]  # indexes into an array
    Mask = NDArray[np.bool_]
    Bits = NDArray[np.uint64]  # sign bits, 64 dimensions per value (`index.sign_bits`)
    Distances = NDArray[np.uint16]  # Hamming distances of sign bits

Record = TypeVar("Record", bound="DataclassInstance")


def storable(text: str) -> str:
    """Make text storable in SQLite: NUL and lone surrogates become the replacement character."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def stored_path(path: Path) -> str | bytes:
    """Return a path as a column value: text, or the raw bytes of a name in another encoding than UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return str(path)


def sql_list(values: Iterable[str]) -> str:
    """Return trusted constants as the list of an SQL IN: `('a', 'b')`."""
    return "(" + ", ".join(f"'{value}'" for value in values) + ")"


def now_utc() -> str:
    """Return the current time in UTC: ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class RowReader(Generic[Record]):
    """Reads rows into dataclasses by column names equal to the field names. `converters` apply to single fields.

    `computed`: SQL expressions of fields without a column.
    """

    def __init__(
        self, record: type[Record], *, computed: Mapping[str, str] | None = None, **converters: Callable[[Any], object]
    ) -> None:
        names = [field.name for field in fields(record)]
        expressions = computed or {}
        self.columns = ", ".join(
            f'{expressions[name]} AS "{name}"' if name in expressions else f'"{name}"' for name in names
        )
        self._record = record
        self._converters = [(names.index(name), convert) for name, convert in converters.items()]

    def __call__(self, row: sqlite3.Row) -> Record:
        """Convert a row of `SELECT {columns}`."""
        values = list(row)
        for position, convert in self._converters:
            values[position] = convert(values[position])
        return self._record(*values)
