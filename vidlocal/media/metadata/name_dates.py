"""Find dates in names of files and folders. Pure.

A date is `2023-07-14`, `2023-07` or `2023`, as precise as the name.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

_YEAR = r"(?<!\d)((?:19[89]|20\d)\d)"
_MONTH = r"(0[1-9]|1[0-2])"
_DAY = r"(0[1-9]|[12]\d|3[01])"
# A time may follow without a separator: 20230714153012, with up to three digits of a second.
_END = r"(?=(?:[01]\d|2[0-3])[0-5]\d[0-5]\d\d{0,3}(?!\d)|(?!\d))"

# Year, month and day, in order of reliability.
_DAYS = (
    re.compile(rf"{_YEAR}([-_. ]){_MONTH}\2{_DAY}(?!\d)"),  # 2023-07-14 15.30.12, 2023_07_14
    re.compile(rf"{_YEAR}(){_MONTH}{_DAY}{_END}"),  # VID_20230714_153012, PXL_20230714_153012345, VID-20230714-WA0001
    re.compile(rf"{_YEAR}(_){_MONTH}{_DAY}(?=_\d{{4,6}}(?!\d))"),  # 2023_0714_153012 of dash cameras
    re.compile(r"(?<!\d)((?:19|20)\d\d)(年)(\d\d?)月(\d\d?)日"),
)
_DAY_FIRST = re.compile(rf"(?<!\d){_DAY}\.{_MONTH}\.((?:19|20)\d\d)(?!\d)")  # 14.07.2023
# Screen recordings of iPhones and videos of WeChat, in seconds since 1970: RPReplay_Final1689343812.
_UNIX_TIME = re.compile(r"(?:RPReplay_Final|mmexport)(1\d{9})(?:\d{3})?(?!\d)")
_MONTHS = (re.compile(rf"{_YEAR}[-_.]{_MONTH}(?!\d)"), re.compile(r"(?<!\d)((?:19|20)\d\d)年(\d\d?)月"))
# Not after an underscore or a letter: IMG_2023 is a number. Not before one: 1980x1080 is a size.
_YEAR_WORD = re.compile(r"(?:^|(?<=[\s(,'\[]))((?:19[89]|20[0-4])\d)(?=$|[\s),.\]'-])")

# In paths, the parts of a date may be folders: 2023/07/14, 2023/07 Lisbon, 2023/07-14 Lisbon.
_FOLDER_DAYS = (
    re.compile(rf"{_YEAR}[-_. /]?{_MONTH}[-_. /]?{_DAY}(?!\d)"),
    re.compile(rf"{_YEAR}/{_YEAR}-{_MONTH}/{_DAY}(?!\d)"),
)
_FOLDER_MONTHS = (re.compile(rf"{_YEAR}[-_. /]?{_MONTH}(?!\d)"), _MONTHS[1])
_FOLDER_YEAR = re.compile(rf"{_YEAR}(?![\dA-Za-z])")


def date_in_name(stem: str) -> str | None:
    """Find the date in a file name without extension, in the forms of cameras, phones, messengers and people.

    >>> date_in_name("VID_20230714_153012"), date_in_name("Lisbon 2023-07"), date_in_name("IMG_2023")
    ('2023-07-14', '2023-07', None)
    """
    days = (_iso(match[1], match[3], match[4]) for pattern in _DAYS for match in pattern.finditer(stem))
    day_first = (_iso(match[3], match[2], match[1]) for match in _DAY_FIRST.finditer(stem))
    unix = (_local_day(int(match[1])) for match in _UNIX_TIME.finditer(stem))
    return (
        _first(days)
        or _first(day_first)
        or _first(unix)
        or _first(_iso(*match.groups()) for pattern in _MONTHS for match in pattern.finditer(stem))
        or _first(match[1] for match in _YEAR_WORD.finditer(stem))
    )


def date_in_folders(names: Sequence[str]) -> str | None:
    """Find the date in folder names, outermost first. Of dates equally precise the innermost counts.

    >>> date_in_folders(["2023", "07", "14"]), date_in_folders(["2023-07 Lisbon"]), date_in_folders(["Holidays 2023"])
    ('2023-07-14', '2023-07', '2023')
    """
    path = "/".join(names)
    days = [_iso(*match.groups()[-3:]) for pattern in _FOLDER_DAYS for match in pattern.finditer(path)]
    day_first = [_iso(match[3], match[2], match[1]) for match in _DAY_FIRST.finditer(path)]
    months = [_iso(*match.groups()) for pattern in _FOLDER_MONTHS for match in pattern.finditer(path)]
    years = [match[1] for match in _FOLDER_YEAR.finditer(path)]
    return _first(reversed(days)) or _first(day_first) or _first(reversed(months)) or _first(reversed(years))


def agree(first: str, second: str) -> bool:
    """True if a date equals or contains the other: 2023-07 and 2023-07-14."""
    return first.startswith(second) or second.startswith(first)


def _first(dates: Iterable[str | None]) -> str | None:
    return next(filter(None, dates), None)


def _iso(year: str, month: str, day: str | None = None) -> str | None:
    """Return the ISO date; None for an impossible day."""
    try:
        text = date(int(year), int(month), int(day or 1)).isoformat()
    except ValueError:
        return None
    return text if day else text[:7]


def _local_day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).astimezone().date().isoformat()
