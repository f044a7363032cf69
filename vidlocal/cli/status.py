"""`vidlocal status`."""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated

import typer

from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options
from vidlocal.enrich.status import Activity, FailedWork, RunningWork, Status, read
from vidlocal.records import EnrichmentStatus, JobKind, Video
from vidlocal.store.database import Library
from vidlocal.timecode import format_duration, format_pace

_WATCH_EVERY_S = 2.0
_TITLES_SHOWN = 3
_BUSY = "A vidlocal is at work, with none of these jobs in hand right now."
_IDLE = "Nothing is running. Go on with: vidlocal enrich"


def command(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay, and show what changes, until Ctrl-C.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what is done, what is running and what is left.

    Also true while another process is at work on the library. Piped, it prints tab-separated lines: a name and its
    value. With --watch, JSON is one object per line; its `state` is working, waiting (`waiting` tells for what, since
    when and why) or idle.
    """
    with open_library() as library:
        if watch:
            _watch(library, json=json)
            return
        status = read(library)
    if json:
        console.document(as_data(status))
        return
    pairs = [("all", headline(status)), *describe(status)]
    if console.is_terminal():
        from vidlocal.render import table

        console.show(table.facts(pairs))
    else:
        for pair in pairs:
            console.fields(*pair)
    if not status.running and status.waiting is None and any(status.queued.values()):
        console.notice(_BUSY if status.state is Activity.WORKING else _IDLE, quiet=quiet)


def headline(status: Status) -> str:
    """`videos 2/5, frames 1,234/5,000, now wedding 45 %, done by 05:40`."""
    coverage = status.coverage
    parts = [
        f"videos {status.videos[EnrichmentStatus.ENRICHED]:,}/{sum(status.videos.values()):,}",
        f"frames {coverage.described:,}/{coverage.total:,}",
    ]
    for now in status.running[:1]:
        parts.append(f"now {now.video.title} {now.done:.0%}".replace("%", " %"))
    if status.running and status.seconds_left:
        parts.append(f"done by {_clock_in(status.seconds_left)}")
    return ", ".join(parts)


def describe(status: Status) -> list[tuple[str, str]]:
    """Names and values for a person, in the order of their importance."""
    coverage = status.coverage
    pairs = [
        ("videos", ", ".join(f"{number:,} {state}" for state, number in status.videos.items() if number) or "none"),
        (
            "frames",
            f"{coverage.described:,} of {coverage.total:,} described, {coverage.distinct_undescribed:,} distinct ones left",
        ),
    ]
    if status.paused_since:
        pairs.append(("paused", f"since {_day_and_time(status.paused_since)}; go on with: vidlocal resume"))
    if status.waiting is not None:
        pairs.append(("held", f"since {_day_and_time(status.waiting.since)}. {status.waiting.reason}"))
    pairs += [("now", line) for line in _running_lines(status.running)]
    if any(status.queued.values()):
        pairs.append(("waiting", ", ".join(f"{kind} {number:,}" for kind, number in status.queued.items() if number)))
    pairs += [("failed", line) for line in _failures(status.failed)]
    if status.seconds_left is None:
        pairs.append(("time left", "not known before the first frames are described"))
    elif status.seconds_left and status.seconds_per_frame is not None:
        pairs.append(
            (
                "time left",
                f"{format_duration(status.seconds_left)} at {format_pace(status.seconds_per_frame)} per frame",
            )
        )
    return pairs


def as_data(status: Status) -> dict[str, object]:
    """The status as JSON holds it."""
    awaited = status.waiting
    return {
        "state": str(status.state),
        "waiting": None if awaited is None else {"for": awaited.topic, "since": awaited.since, "why": awaited.reason},
        "videos": {"total": sum(status.videos.values())} | {str(state): n for state, n in status.videos.items()},
        "frames": {
            "total": status.coverage.total,
            "described": status.coverage.described,
            "distinct_left": status.coverage.distinct_undescribed,
        },
        "running": [
            {"kind": now.kind, "video": _name(now.video), "since": now.since.isoformat(), "done": round(now.done, 4)}
            for now in status.running
        ],
        "queue": {
            str(kind): {
                "queued": status.queued[kind],
                "running": sum(now.kind == kind for now in status.running),
                "done": status.done[kind],
                "failed": sum(failure.kind == kind for failure in status.failed),
            }
            for kind in JobKind
        },
        "failed": [
            {"kind": failure.kind, "video": _name(failure.video), "target": failure.target, "reason": failure.reason}
            for failure in status.failed
        ],
        "seconds_per_frame": status.seconds_per_frame,
        "seconds_left": status.seconds_left,
        "paused_since": status.paused_since,
    }


def _watch(library: Library, *, json: bool) -> None:
    """Show the status again and again: drawn anew on a terminal, a line per change elsewhere."""
    if json or not console.is_terminal():
        shown: object = None
        for status in _every_while(library):
            data = as_data(status) if json else headline(status)
            if data != shown:
                console.record(data) if json else console.line(headline(status))
                console.flush()
                shown = data
        return
    from rich.live import Live

    from vidlocal.render import table

    with Live(console=console.rich_console(), auto_refresh=False) as live:
        for status in _every_while(library):
            live.update(table.facts([("all", headline(status)), *describe(status)]), refresh=True)


def _every_while(library: Library) -> Iterator[Status]:
    while True:
        yield read(library)
        time.sleep(_WATCH_EVERY_S)


def _running_lines(running: Sequence[RunningWork]) -> Iterator[str]:
    """One line for all jobs of a kind on one video: several are asked for at once."""
    together: dict[tuple[JobKind, int], list[RunningWork]] = {}
    for now in running:
        together.setdefault((now.kind, now.video.id), []).append(now)
    for alike in together.values():
        first = min(alike, key=lambda now: now.since)
        yield _running_line(first) + (f", {len(alike)} at once" if len(alike) > 1 else "")


def _running_line(now: RunningWork) -> str:
    part = f"{now.done:.0%} of its frames, ".replace("%", " %") if now.kind == JobKind.DESCRIBE else ""
    return f"{now.kind} {now.video.title}, {part}since {now.since:%H:%M:%S}"


def _failures(failed: Sequence[FailedWork]) -> list[str]:
    """One line per kind and reason, the most frequent first."""
    alike: dict[tuple[JobKind, str], list[str]] = {}
    for failure in failed:
        alike.setdefault((failure.kind, failure.reason), []).append(failure.video.title)
    lines = []
    for (kind, reason), titles in sorted(alike.items(), key=lambda item: -len(item[1])):
        names = list(dict.fromkeys(titles))
        more = f" and {len(names) - _TITLES_SHOWN} more" if len(names) > _TITLES_SHOWN else ""
        lines.append(f"{len(titles):,} {kind}: {reason} (in {', '.join(names[:_TITLES_SHOWN])}{more})")
    return lines


def _name(video: Video) -> dict[str, object]:
    return {"id": video.id, "title": video.title, "path": video.path}


def _day_and_time(utc: str) -> str:
    return f"{datetime.fromisoformat(utc).astimezone():%a %d %b %H:%M}"


def _clock_in(seconds: float) -> str:
    """The local wall clock in so many seconds, with the day when it is not today."""
    now = datetime.now().astimezone()
    then = now + timedelta(seconds=seconds)
    return f"{then:%H:%M}" if then.date() == now.date() or seconds < 12 * 3600 else f"{then:%a %d %b %H:%M}"
