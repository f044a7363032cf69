"""Run reports as named values, for people."""

from collections.abc import Sequence
from datetime import datetime

from vidlocal.enrich.report import Report
from vidlocal.records import JobKind
from vidlocal.text import format_size, pluralize
from vidlocal.timecode import format_duration, format_pace

_MAX_REASONS = 5

# Reasons to hold work inside its hours, by the name of the condition.
HOLD_REASONS = {"paused": "while paused", "battery": "on battery", "busy": "by other programs"}


def report_rows(report: Report) -> Sequence[tuple[str, str]]:
    """Name and value of each line of a report."""
    pairs = [("run", _span(report)), ("done", _done(report)), ("worked", _worked(report))]
    if report.seconds_per_frame is not None:
        rate = report.caption_tokens_per_second
        tokens = "" if rate is None else f", {rate:,.0f} tokens per second"
        pairs.append(("pace", f"{format_pace(report.seconds_per_frame)} per frame{tokens}"))
    if report.speech_hours_per_hour is not None:
        pairs.append(("speech", f"{report.speech_hours_per_hour:,.1f} hours transcribed per hour"))
    for failure in report.failed[:_MAX_REASONS]:
        pairs.append(("failed", f"{failure.number:,} {failure.kind}: {failure.reason}"))
    if len(report.failed) > _MAX_REASONS:
        more = pluralize(len(report.failed) - _MAX_REASONS, "more reason")
        pairs.append(("failed", f"and {more}. All: vidlocal failed"))
    pairs.append(("left", _left(report)))
    if report.sent_bytes:
        pairs.append(("sent", f"{format_size(report.sent_bytes)} to the cluster"))
    if report.ended:
        pairs.append(("ended", report.ended))
    return pairs


def _span(report: Report) -> str:
    began, ended = (datetime.fromisoformat(at).astimezone() for at in (report.started_at, report.ended_at))
    until = f"{ended:%H:%M}" if ended.date() == began.date() else f"{ended:%a %d %b %H:%M}"
    return f"{began:%a %d %b %H:%M} to {until}"


def _done(report: Report) -> str:
    parts = [
        pluralize(report.done.get(JobKind.DESCRIBE, 0), "frame"),
        f"{pluralize(report.videos_finished, 'video')} finished",
    ]
    parts += [f"{kind} {number:,}" for kind, number in report.done.items() if kind is not JobKind.DESCRIBE]
    return ", ".join(parts)


def _worked(report: Report) -> str:
    held = [
        f"{format_duration(seconds)} {HOLD_REASONS.get(name, name)}"
        for name, seconds in report.held_s.items()
        if seconds >= 1
    ]
    return format_duration(report.worked_s) + (f", held {' and '.join(held)}" if held else "")


def _left(report: Report) -> str:
    if not any(report.left.values()):
        return "nothing"
    parts = [f"{kind} {number:,}" for kind, number in report.left.items() if kind is not JobKind.DESCRIBE and number]
    frames = report.left.get(JobKind.DESCRIBE, 0)
    if frames:
        parts.insert(0, pluralize(frames, "frame") + _time_left(report))
    return ", ".join(parts)


def _time_left(report: Report) -> str:
    if report.seconds_left is None or report.nights_left is None:
        return " (no measured time yet)"
    nights = f"{pluralize(report.nights_left, 'night')} of {format_duration(report.night_s)}"
    return f" ({format_duration(report.seconds_left)}, {nights})"
