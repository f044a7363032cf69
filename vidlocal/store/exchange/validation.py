"""Single values of a line somebody else wrote: of the right sort, or the reason why not."""

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

from vidlocal.records import TagKind
from vidlocal.store.values import storable

Line = Mapping[str, object]
Value = TypeVar("Value")

# What SQLite holds as a whole number.
_MAX_INTEGER = 1 << 63


class BadLine(ValueError):
    """A line that cannot be taken in. `str()` goes behind "line 7": what it is, or has."""


def text(line: Line, name: str) -> str:
    """Text as SQLite can hold it."""
    return storable(exact_text(line, name))


def exact_text(line: Line, name: str) -> str:
    """Text as it is: the bytes of a file's name that are no UTF-8 stand in it as halves of surrogate pairs."""
    value = line.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadLine(f"has no {name}")
    return value


def number(line: Line, name: str) -> float:
    value = line.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) >= _MAX_INTEGER:
        raise BadLine(f"has no {name} that is a number")
    if not math.isfinite(value):
        raise BadLine(f"has no {name} that is a number")
    return float(value)


def seconds(line: Line, name: str) -> float:
    """Seconds, not negative."""
    seconds = number(line, name)
    if seconds < 0:
        raise BadLine(f"has a {name} below 0")
    return seconds


def integer(line: Line, name: str) -> int:
    value = line.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not -_MAX_INTEGER <= value < _MAX_INTEGER:
        raise BadLine(f"has no {name} that is a whole number")
    return value


def optional(line: Line, name: str, read: Callable[[Line, str], Value]) -> Value | None:
    """The value, None when there is none. Empty text is none."""
    return None if line.get(name) in (None, "") else read(line, name)


def words(line: Line, name: str) -> tuple[str, ...]:
    found = line.get(name, [])
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        raise BadLine(f"has {name} that are no list of words")
    return tuple(found)


def numbers(line: Line, name: str) -> tuple[int, ...]:
    found = line.get(name, [])
    if not isinstance(found, list | tuple) or not all(type(value) is int for value in found):
        raise BadLine(f"has {name} that are no list of numbers")
    return tuple(found)


def pairs(line: Line, name: str) -> tuple[tuple[str, str], ...]:
    """Kinds of tag and tags."""
    found = line.get(name, [])
    if not isinstance(found, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and pair[0] in _TAG_KINDS and isinstance(pair[1], str)
        for pair in found
    ):
        raise BadLine(f"has {name} that are no pairs of a kind and a word")
    return tuple((kind, storable(tag)) for kind, tag in found)


_TAG_KINDS = tuple(TagKind)
