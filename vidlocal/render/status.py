"""Status of a library as named values, for people."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from vidlocal.enrich.status import FailedWork, RunningWork, Status
from vidlocal.records import EnrichmentStatus, JobKind
from vidlocal.timecode import format_duration, format_pace

_MAX_TITLES = 3


def headline(status: Status) -> str:
    """Format a line: `videos 2/5, frames 1,234/5,000, now wedding 45 %, done by 05:40`."""
    coverage = status.coverage
    parts = [
        f"videos {status.videos[EnrichmentStatus.ENRICHED]:,}/{sum(status.videos.values()):,}",
        f"frames {coverage.described:,}/{coverage.total:,}",
    ]
    for work in status.running[:1]:
        parts.append(f"now {work.video.title} {work.done:.0%}".replace("%", " %"))
    if status.running and status.seconds_left:
        parts.append(f"done by {_clock_in(status.seconds_left)}")
    return ", ".join(parts)


def status_rows(status: Status) -> list[tuple[str, str]]:
    """Name and value of each line of a status, most important first."""
    coverage = status.coverage
    pairs = [
        ("videos", _videos(status)),
        (
            "frames",
            f"{coverage.described:,} of {coverage.total:,} captioned, "
            f"{coverage.distinct_undescribed:,} distinct remaining",
        ),
    ]
    if status.paused_since:
        pairs.append(("paused", f"since {_day_and_time(status.paused_since)}. Continue with: vidlocal resume"))
    if status.waiting is not None:
        pairs.append(("held", f"since {_day_and_time(status.waiting.since)}. {status.waiting.reason}"))
    pairs += [("now", line) for line in _running_lines(status.running)]
    if any(status.queued.values()):
        pairs.append(("queue", ", ".join(f"{kind} {number:,}" for kind, number in status.queued.items() if number)))
    pairs += [("failed", line) for line in _failures(status.failed)]
    if status.seconds_left is None:
        pairs.append(("time left", "unknown until the first frames are captioned"))
    elif status.seconds_left and status.seconds_per_frame is not None:
        pairs.append(
            (
                "time left",
                f"{format_duration(status.seconds_left)} at {format_pace(status.seconds_per_frame)} per frame",
            )
        )
    return pairs


def _videos(status: Status) -> str:
    """`2 done, 1 partly done, 4 waiting`."""
    labels = {
        EnrichmentStatus.ENRICHED: "done",
        EnrichmentStatus.ENRICHING: "partly done",
        EnrichmentStatus.PENDING: "waiting",
    }
    parts = [f"{status.videos[state]:,} {label}" for state, label in labels.items() if status.videos[state]]
    return ", ".join(parts) or "none"


def _running_lines(running: Sequence[RunningWork]) -> Iterator[str]:
    """Format a line for all parallel jobs of a kind on a video."""
    groups: dict[tuple[JobKind, int], list[RunningWork]] = {}
    for work in running:
        groups.setdefault((work.kind, work.video.id), []).append(work)
    for group in groups.values():
        oldest = min(group, key=lambda work: work.since)
        yield _running_line(oldest) + (f", {len(group)} at once" if len(group) > 1 else "")


def _running_line(work: RunningWork) -> str:
    progress = f"{work.done:.0%} of its frames, ".replace("%", " %") if work.kind == JobKind.DESCRIBE else ""
    return f"{work.kind} {work.video.title}, {progress}since {work.since:%H:%M:%S}"


def _failures(failed: Sequence[FailedWork]) -> list[str]:
    """Format a line per kind and reason, most frequent first."""
    titles_by_reason: dict[tuple[JobKind, str], list[str]] = {}
    for failure in failed:
        titles_by_reason.setdefault((failure.kind, failure.reason), []).append(failure.video.title)
    lines = []
    for (kind, reason), titles in sorted(titles_by_reason.items(), key=lambda item: -len(item[1])):
        names = list(dict.fromkeys(titles))
        more = f" and {len(names) - _MAX_TITLES} more" if len(names) > _MAX_TITLES else ""
        lines.append(f"{len(titles):,} {kind}: {reason} (in {', '.join(names[:_MAX_TITLES])}{more})")
    return lines


def _day_and_time(utc: str) -> str:
    return f"{datetime.fromisoformat(utc).astimezone():%a %d %b %H:%M}"


def _clock_in(seconds: float) -> str:
    """Local time in `seconds` from now, with the day unless today or soon."""
    now = datetime.now().astimezone()
    time = now + timedelta(seconds=seconds)
    return f"{time:%H:%M}" if time.date() == now.date() or seconds < 12 * 3600 else f"{time:%a %d %b %H:%M}"
