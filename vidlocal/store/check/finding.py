"""What a check found."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """Which part of a library a finding is about. The values are printed."""

    DATABASE = "database"
    TEXT_INDEX = "text index"
    ROWS = "rows"
    IMAGES = "images"
    VECTORS = "vectors"
    LEFTOVERS = "leftovers"
    SOURCES = "sources"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be. `mend` puts it right, None where nothing that is left says how.

    `mend` raises VidlocalError when it turns out that it cannot. A `note` is worth knowing and no damage.
    """

    category: Category
    message: str
    video_id: int | None = None
    repair: Callable[[], None] | None = None
    is_note: bool = False
