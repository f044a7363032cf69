"""Format seconds as times and durations, and parse times."""

import re
from datetime import datetime, timedelta

# Longer than any video: rejects infinity and numbers that no date can be computed with.
MAX_TIME_S = 1e9

_TIME = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)")


def format_time(seconds: float) -> str:
    """`h:mm:ss.s`, always with one decimal: 3723.52 is `1:02:03.5`."""
    tenths = max(0, round(seconds * 10))
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{tenths // 10:02}.{tenths % 10}"


def format_short_time(seconds: float) -> str:
    """`m:ss`, or `h:mm:ss` from one hour, as in a player."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_date(text: str) -> str:
    """`2019-06-02 14:05` for an ISO 8601 time: UTC is converted to local time, other zones stay as recorded.

    A date without a time, and text in another format, is returned unchanged.
    """
    if "T" not in text:
        return text
    try:
        date = datetime.fromisoformat(text)
        local = date.astimezone() if date.utcoffset() == timedelta(0) else date
    except (ValueError, OverflowError, OSError):
        return text
    return local.isoformat(" ", "minutes")[:16]


def format_range(start: float, end: float) -> str:
    """`1:05 to 1:12`, or a single time if both read the same."""
    first, last = format_short_time(start), format_short_time(end)
    return first if first == last else f"{first} to {last}"


def format_duration(seconds: float) -> str:
    """Rounded duration: `0.4 s`, `40 s`, `12 min`, `3 h 20 min`."""
    if seconds < 0.95:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes and hours < 48 else f"{hours} h"


def format_pace(seconds: float) -> str:
    """Seconds per item with two significant digits: `0.045 s`, `4.2 s`, `38 s`."""
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


def parse_span(text: str) -> tuple[float, float]:
    """Start and end in seconds from `10:00-12:00`, `10:00-`, `-12:00` or a single time. Raises ValueError."""
    first, dash, last = text.replace("–", "-").partition("-")
    start = parse_time(first) if first else 0.0
    end = (parse_time(last) if last else float("inf")) if dash else start
    if not 0 <= start <= end or start == float("inf"):
        raise ValueError(f"{text!r} is not a span of time")
    return start, end


def parse_time(text: str) -> float:
    """Seconds from `1:02:03.5`, `2:03` or `123.5`. Raises ValueError, also for more than 30 years."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        total = float(text)
    else:
        hours, minutes, seconds = match.groups()
        total = float(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)
    if not abs(total) <= MAX_TIME_S:
        raise ValueError(f"{text[:40]!r} is not a time")
    return total
