"""Results of a check."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """Part of a library. The values are printed."""

    DATABASE = "database"
    TEXT_INDEX = "text index"
    ROWS = "rows"
    IMAGES = "images"
    VECTORS = "vectors"
    LEFTOVERS = "leftovers"
    SOURCES = "sources"


@dataclass(frozen=True, slots=True)
class Finding:
    """A defect of the library. `repair` is None without a way to repair from the rest of the library.

    `repair` raises VidlocalError if it fails. A note is information, not damage.
    """

    category: Category
    message: str
    video_id: int | None = None
    repair: Callable[[], None] | None = None
    is_note: bool = False
