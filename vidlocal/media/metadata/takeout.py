"""Read the JSON files of Google Takeout beside photos and videos."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from vidlocal.errors import MediaError
from vidlocal.geography import GeoPoint
from vidlocal.media.files import read_start
from vidlocal.video_metadata import NO_METADATA, VideoMetadata

# Google cuts the name of a JSON file to this many characters, without `.json`.
_TAKEOUT_CHARACTERS = 46
_TAKEOUT_ENDINGS = (".supplemental-metadata", "")
_MAX_TAKEOUT_BYTES = 1 << 20
_COPY_NUMBER = re.compile(r"(.*)(\(\d{1,3}\))")
# The film of a Live Photo has the JSON of its photo.
_PHOTO_EXTENSIONS = (".HEIC", ".heic", ".JPG", ".jpg")
_MAX_TIMESTAMP = 1 << 33


def read_takeout(path: Path) -> VideoMetadata:
    """Return time (UTC), place, description and people from the JSON of a photo or video; empty without such a file."""
    for name in dict.fromkeys(_takeout_names(path)):
        with suppress(MediaError, ValueError, OverflowError, LookupError, TypeError, AttributeError, RecursionError):
            values = json.loads(read_start(path.with_name(name), _MAX_TAKEOUT_BYTES))
            seconds = int(values["photoTakenTime"]["timestamp"])
            if 0 < seconds < _MAX_TIMESTAMP:
                return VideoMetadata.cleaned(
                    description=str(values.get("description") or ""),
                    people=[str(person["name"]) for person in values.get("people") or ()],
                    recorded_at=datetime.fromtimestamp(seconds, UTC).isoformat(),
                    location=_location(values),
                )
    return NO_METADATA


def _location(values: dict[str, dict[str, float]]) -> GeoPoint | None:
    """Return the place set by the user, else by the camera."""
    for key in ("geoData", "geoDataExif"):
        with suppress(LookupError, TypeError, ValueError, OverflowError):
            point = GeoPoint.checked(float(values[key]["latitude"]), float(values[key]["longitude"]))
            if point is not None:
                return point
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
