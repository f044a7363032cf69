"""`vidlocal report`."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options
from vidlocal.records import JobKind
from vidlocal.text import counted
from vidlocal.timecode import lasting, pace

if TYPE_CHECKING:
    from vidlocal.enrich.report import Report

_REASONS_SHOWN = 5

# What may hold the work inside its hours, by the name of the condition.
HELD_BY = {"paused": "while paused", "battery": "on battery", "busy": "by other programs"}


def command(
    last: Annotated[int, typer.Option(min=1, help="So many reports, the newest first.")] = 1,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what the last night brought: frames, pace, failures, and how many nights are left.

    There is one report for every run of `vidlocal enrich`, and one for every night of a run that lasts several.
    Piped, it prints tab-separated lines: a name and its value. With --json and --last, a list.
    """
    from vidlocal.enrich import report

    with open_library() as library:
        reports = report.kept(library, limit=last)
    if json:
        shown = [one.as_data() for one in reports]
        console.document(shown if last > 1 else shown[0] if shown else None)
        return
    if not reports:
        console.notice("There is no report yet. It comes with: vidlocal enrich --all overnight", quiet=quiet)
    for one in reports:
        _show(one)


def _show(one: "Report") -> None:
    if console.on_terminal():
        from vidlocal.render import table

        console.show(table.facts(describe(one)))
        return
    for pair in describe(one):
        console.fields(*pair)


def describe(report: "Report") -> Sequence[tuple[str, str]]:
    """The report as named values, for a person."""
    pairs = [("run", _span(report)), ("done", _done(report)), ("worked", _worked(report))]
    if report.seconds_per_frame is not None:
        pairs.append(("pace", f"{pace(report.seconds_per_frame)} per frame"))
    for alike in report.failed[:_REASONS_SHOWN]:
        pairs.append(("set aside", f"{alike.number:,} {alike.kind}: {alike.reason}"))
    if len(report.failed) > _REASONS_SHOWN:
        pairs.append(("set aside", f"and {len(report.failed) - _REASONS_SHOWN} more reasons; vidlocal status has all"))
    pairs.append(("left", _left(report)))
    if report.ended:
        pairs.append(("ended", report.ended))
    return pairs


def _span(report: "Report") -> str:
    began, ended = (datetime.fromisoformat(at).astimezone() for at in (report.started_at, report.ended_at))
    until = f"{ended:%H:%M}" if ended.date() == began.date() else f"{ended:%a %d %b %H:%M}"
    return f"{began:%a %d %b %H:%M} to {until}"


def _done(report: "Report") -> str:
    parts = [
        counted(report.done.get(JobKind.DESCRIBE, 0), "frame"),
        f"{counted(report.videos_finished, 'video')} finished",
    ]
    parts += [f"{kind} {number:,}" for kind, number in report.done.items() if kind is not JobKind.DESCRIBE]
    return ", ".join(parts)


def _worked(report: "Report") -> str:
    held = [f"{lasting(seconds)} {HELD_BY.get(name, name)}" for name, seconds in report.held_s.items() if seconds >= 1]
    return lasting(report.worked_s) + (f", held {' and '.join(held)}" if held else "")


def _left(report: "Report") -> str:
    if not any(report.left.values()):
        return "nothing"
    parts = [f"{kind} {number:,}" for kind, number in report.left.items() if kind is not JobKind.DESCRIBE and number]
    frames = report.left.get(JobKind.DESCRIBE, 0)
    if frames:
        parts.insert(0, counted(frames, "frame") + _time_left(report))
    return ", ".join(parts)


def _time_left(report: "Report") -> str:
    if report.seconds_left is None or report.nights_left is None:
        return " (how long that takes is not yet known)"
    nights = f"{counted(report.nights_left, 'night')} of {lasting(report.night_s)}"
    return f" ({lasting(report.seconds_left)}, {nights})"
