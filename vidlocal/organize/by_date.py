"""Folders and names by date. Event folders and already ordered files stay unchanged. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from vidlocal.engines.prompts.organize_prompts import FileDescription
from vidlocal.media.filenames import sanitize_name
from vidlocal.media.metadata import name_dates
from vidlocal.records import Video
from vidlocal.timecode import format_date

UNDATED = "undated"

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
# Words in names of folders that devices and programs make, or that only sort: no events.
_SORTING = (
    "android avchd backup backups bdmv bluetooth camera clip clips dcim desktop documents download downloads facebook"
    " film films footage home images import imported inbox instagram media messenger misc movies mp new other phone"
    " photo photos pictures private received recordings root sd sdcard sent signal snapchat sort sorted stream telegram"
    " temp tmp todo undated unsorted untitled video videos whatsapp"
)
_MONTHS = (
    "january february march april may june july august september october november december jan feb mar apr jun jul aug"
    " sep sept oct nov dec"
)
_SORTING_WORDS = frozenset(_SORTING.split()) | frozenset(_MONTHS.split())
_SORTING_PHRASES = re.compile(
    r"(?:new|untitled) folder|camera roll|screen ?(?:shots?|recordings?)|whatsapp (?:video|images|documents)"
    r"|photos from|\d{3}[a-z_]{1,5}\d?"  # 100GOPRO, 101MSDCF, 100_PANA
)


@dataclass(frozen=True, slots=True)
class Placement:
    """Folder, as names from the outside in, and name without extension."""

    folder: tuple[str, ...]
    name: str


def recording_date(video: Video, folder_names: Sequence[str]) -> str:
    """Return the recording date in the file, else the date in its name, else in its folders; empty without.

    A name has the local day: it wins over a recording date of the day before or after, which may be in UTC. A more
    precise date further on completes a year or month.
    """
    recorded = _DATE.match(format_date(video.recorded_at or ""))
    named = name_dates.date_in_name(Path(video.path).stem) or ""
    if recorded is not None:
        return named if _are_neighbours(recorded[0], named) else recorded[0]
    in_folders = name_dates.date_in_folders(folder_names) or ""
    first = named or in_folders
    return max(first, in_folders, key=len) if name_dates.agree(first, in_folders) else first


def place_by_date(file: FileDescription, root: str = "", folder: Sequence[str] = ()) -> Placement:
    """Place a file by date. Files in the `folder` of an event, or with the file's date, stay.

    `root`: name of the folder to organize; `folder`: names of the folders in it down to the file.
    """
    title = sanitize_name(file.title)
    year = (file.date[:4],) if file.date else (UNDATED,)
    in_folder = name_dates.date_in_folders(folder or [root]) or ""
    is_in_order = bool(in_folder) and name_dates.agree(in_folder, file.date)
    parts = tuple(folder) if is_in_order or any(map(_is_event, folder)) else year
    has_day = file.date in (in_folder, name_dates.date_in_name(title)) or not is_full_date(file.date)
    return Placement(parts, title if has_day else f"{file.date} {title}")


def is_full_date(text: str) -> bool:
    """True for a date with year, month and day."""
    return _DATE.fullmatch(text) is not None


def _are_neighbours(first: str, second: str) -> bool:
    """True for two consecutive days."""
    try:
        return abs((date.fromisoformat(first) - date.fromisoformat(second)).days) == 1
    except ValueError:
        return False


def _is_event(folder_name: str) -> bool:
    """True for a folder with a name of its own, such as `Holidays 2023`; not for `2023-07`, `DCIM` or `100GOPRO`."""
    name = folder_name.casefold().strip()
    words = [word for word in re.findall(r"[^\W\d_]+", _SORTING_PHRASES.sub("", name)) if len(word) > 1]
    return any(word not in _SORTING_WORDS for word in words)
