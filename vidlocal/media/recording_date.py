"""Find the recording date of a file that holds none: in the JSON of a Google Takeout beside it, or in its name."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from vidlocal.media.name_dates import date_in_name
from vidlocal.records import Probe

# Google cuts the name of a JSON file to this many characters, without `.json`.
_TAKEOUT_CHARACTERS = 46
_TAKEOUT_ENDINGS = (".supplemental-metadata", "")
_MAX_TAKEOUT_BYTES = 1 << 20
_COPY_NUMBER = re.compile(r"(.*)(\(\d{1,3}\))")
# The film of a Live Photo has the JSON of its photo.
_PHOTO_EXTENSIONS = (".HEIC", ".heic", ".JPG", ".jpg")
_MAX_TIMESTAMP = 1 << 33

_TIME = r"(?: at )?[-_. T]?([01]\d|2[0-3])[-_.:h]?([0-5]\d)[-_.:m]?([0-5]\d)(?!\d{4})"
_UTC_PREFIX = "PXL_"  # Pixel phones name files by UTC


def with_date(path: Path, probe: Probe) -> Probe:
    """Add the recording date from Takeout or the file name, if the file holds none."""
    if probe.recorded_at is not None:
        return probe
    return replace(probe, recorded_at=_takeout_date(path) or _name_date(path.stem))


def _name_date(stem: str) -> str | None:
    """Return the day in a name, with the time if there is one. Years and months alone may be of the content."""
    day = date_in_name(stem)
    if day is None or len(day) < len("2023-07-14"):
        return None
    time = re.search(day.replace("-", "[-_. ]?") + _TIME, stem)
    if time is None:
        return day
    return f"{day}T{':'.join(time.groups())}{'+00:00' if stem.startswith(_UTC_PREFIX) else ''}"


def _takeout_date(path: Path) -> str | None:
    """Return the time of recording by the JSON file that Google Takeout puts beside a photo or video, in UTC."""
    for name in dict.fromkeys(_takeout_names(path)):
        with suppress(OSError, ValueError, LookupError, TypeError, RecursionError):
            file = path.with_name(name)
            if not file.is_file() or file.stat().st_size > _MAX_TAKEOUT_BYTES:
                continue
            seconds = int(json.loads(file.read_bytes())["photoTakenTime"]["timestamp"])
            if 0 < seconds < _MAX_TIMESTAMP:
                return datetime.fromtimestamp(seconds, UTC).isoformat()
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
