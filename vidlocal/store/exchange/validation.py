"""Validators for the values of imported lines."""

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

from vidlocal.records import TagKind, Word
from vidlocal.store.values import storable

Line = Mapping[str, object]
Value = TypeVar("Value")

# Limit of SQLite integers.
_MAX_INTEGER = 1 << 63


class BadLine(ValueError):
    """An invalid line. `str()` is the reason, for messages such as "line 7: no name"."""


def text(line: Line, name: str) -> str:
    """Return a non-blank string, storable in SQLite."""
    return storable(exact_text(line, name))


def exact_text(line: Line, name: str) -> str:
    """Return a non-blank string unchanged, including the surrogates for bytes of file names."""
    value = line.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadLine(f"no {name}")
    return value


def number(line: Line, name: str) -> float:
    """Return a finite number within the range of SQLite."""
    value = line.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) >= _MAX_INTEGER:
        raise BadLine(f"{name} is not a number")
    if not math.isfinite(value):
        raise BadLine(f"{name} is not a number")
    return float(value)


def seconds(line: Line, name: str) -> float:
    """Return a non-negative number."""
    value = number(line, name)
    if value < 0:
        raise BadLine(f"{name} is negative")
    return value


def integer(line: Line, name: str) -> int:
    """Return an integer within the range of SQLite."""
    value = line.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not -_MAX_INTEGER <= value < _MAX_INTEGER:
        raise BadLine(f"{name} is not an integer")
    return value


def optional(line: Line, name: str, read: Callable[[Line, str], Value]) -> Value | None:
    """Validate a value; None for a missing, null or empty value."""
    return None if line.get(name) in (None, "") else read(line, name)


def words(line: Line, name: str) -> tuple[str, ...]:
    """Return a list of strings, empty if missing."""
    values = line.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadLine(f"{name} is not a list of strings")
    return tuple(values)


def numbers(line: Line, name: str) -> tuple[int, ...]:
    """Return a list of integers, empty if missing."""
    values = line.get(name, [])
    if not isinstance(values, list | tuple) or not all(type(value) is int for value in values):
        raise BadLine(f"{name} is not a list of integers")
    return tuple(values)


def pairs(line: Line, name: str) -> tuple[tuple[str, str], ...]:
    """Return a list of [tag kind, tag] pairs, empty if missing."""
    values = line.get(name, [])
    if not isinstance(values, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and pair[0] in _TAG_KINDS and isinstance(pair[1], str)
        for pair in values
    ):
        raise BadLine(f"{name} is not a list of [kind, tag] pairs")
    return tuple((kind, storable(tag)) for kind, tag in values)


def timed_words(line: Line, name: str) -> tuple[Word, ...]:
    """Return a list of [word, start, end] triples, empty if missing."""
    values = line.get(name, [])
    if not isinstance(values, list) or not all(
        isinstance(item, list)
        and len(item) == 3
        and isinstance(item[0], str)
        and all(type(time) in (int, float) and 0 <= time < _MAX_INTEGER for time in item[1:])
        for item in values
    ):
        raise BadLine(f"{name} is not a list of [word, start, end] triples")
    return tuple(Word(storable(word), float(start), float(end)) for word, start, end in values)


_TAG_KINDS = tuple(TagKind)
