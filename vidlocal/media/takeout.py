"""Read the JSON files of Google Takeout beside photos and videos."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from vidlocal.geography import GeoPoint

# Google cuts the name of a JSON file to this many characters, without `.json`.
_TAKEOUT_CHARACTERS = 46
_TAKEOUT_ENDINGS = (".supplemental-metadata", "")
_MAX_TAKEOUT_BYTES = 1 << 20
_COPY_NUMBER = re.compile(r"(.*)(\(\d{1,3}\))")
# The film of a Live Photo has the JSON of its photo.
_PHOTO_EXTENSIONS = (".HEIC", ".heic", ".JPG", ".jpg")
_MAX_TIMESTAMP = 1 << 33


class Takeout(NamedTuple):
    """Time of recording in UTC, ISO 8601, and coordinates."""

    recorded_at: str | None = None
    location: GeoPoint | None = None


def read_takeout(path: Path) -> Takeout:
    """Return time and place from the JSON file of a photo or video; empty without a readable file."""
    for name in dict.fromkeys(_takeout_names(path)):
        with suppress(OSError, ValueError, LookupError, TypeError, RecursionError):
            file = path.with_name(name)
            if not file.is_file() or file.stat().st_size > _MAX_TAKEOUT_BYTES:
                continue
            values = json.loads(file.read_bytes())
            seconds = int(values["photoTakenTime"]["timestamp"])
            if 0 < seconds < _MAX_TIMESTAMP:
                return Takeout(datetime.fromtimestamp(seconds, UTC).isoformat(), _location(values))
    return Takeout()


def _location(values: dict[str, dict[str, float]]) -> GeoPoint | None:
    with suppress(LookupError, TypeError, ValueError):
        return GeoPoint.checked(float(values["geoData"]["latitude"]), float(values["geoData"]["longitude"]))
    return None


def _takeout_names(path: Path) -> Iterator[str]:
    stem = path.stem.removesuffix("-edited")
    numbered = _COPY_NUMBER.fullmatch(stem)
    base, number = numbered.groups() if numbered else (stem, "")
    for extension in (path.suffix, *_PHOTO_EXTENSIONS):
        for ending in _TAKEOUT_ENDINGS:
            yield f"{f'{base}{extension}{ending}'[:_TAKEOUT_CHARACTERS]}{number}.json"
            yield f"{f'{stem}{extension}{ending}'[:_TAKEOUT_CHARACTERS]}.json"
    yield f"{stem}.json"
