"""`vidlocal failed`."""

from collections.abc import Sequence
from typing import Annotated

import typer

from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options
from vidlocal.records import Video
from vidlocal.store.content import videos
from vidlocal.store.queue import jobs
from vidlocal.store.queue.job_filter import JobFilter
from vidlocal.store.queue.jobs import FailedJob
from vidlocal.text import pluralize
from vidlocal.timecode import format_short_time, format_time

EXAMPLES = ("vidlocal failed", "vidlocal failed wedding", "vidlocal failed --retry && vidlocal enrich")


def command(
    video: Annotated[
        list[str] | None,
        typer.Argument(metavar="VIDEO...", help="Only these videos: id, path or part of the title (default: all)."),
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Requeue the failed jobs.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, help="Maximum number of jobs to list.")
    ] = 100,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """List failed jobs with their reasons, or retry them.

    Piped output is tab-separated: video id, title, kind of work, time in the video, fault (answer, file, tool or
    crash), attempts, reason.
    """
    with open_library() as library:
        video_ids = tuple(videos.resolve(library, name).id for name in video or [])
        job_filter = JobFilter(video_ids or None)
        failures = jobs.failures(library, job_filter)
        by_id = {record.id: record for record in videos.every(library)}
        if retry:
            jobs.retry(library, job_filter)
    if json:
        console.document({"failed": [_as_data(failure, by_id) for failure in failures], "queued": retry})
    elif console.is_terminal() and failures:
        _draw(failures[:limit], by_id)
    else:
        for failure in failures[:limit]:
            console.fields(*_fields(failure, by_id))
    if len(failures) > limit and not json:
        console.notice(f"{len(failures) - limit:,} more. Show them with -n {len(failures)}.", quiet=quiet)
    console.notice(_summary(len(failures), retry=retry), quiet=quiet)


def _summary(count: int, *, retry: bool) -> str:
    if not count:
        return "No failed jobs."
    number = pluralize(count, "job")
    if retry:
        return f"{number} queued again. Run: vidlocal enrich"
    return f"{number} failed. Retry with: vidlocal failed --retry"


def _fields(failure: FailedJob, by_id: dict[int, Video]) -> list[str]:
    time = "" if failure.time is None else format_time(failure.time)
    fault = failure.fault or ""
    title = by_id[failure.video_id].title
    return [str(failure.video_id), title, failure.kind, time, fault, str(failure.attempts), failure.reason]


def _draw(failures: Sequence[FailedJob], by_id: dict[int, Video]) -> None:
    from vidlocal.render.grid import grid

    rows = [
        [
            f"{failure.video_id}  {by_id[failure.video_id].title}",
            "-" if failure.time is None else format_short_time(failure.time),
            failure.kind,
            failure.fault or "-",
            str(failure.attempts),
            failure.reason,
        ]
        for failure in failures
    ]
    heads = ["video", "time", "work", "fault", "tries", "reason"]
    console.show(grid(heads, rows, width=console.rich_console().width, numbers={"time", "tries"}))


def _as_data(failure: FailedJob, by_id: dict[int, Video]) -> dict[str, object]:
    video = by_id[failure.video_id]
    return {
        "video": {"id": video.id, "title": video.title, "path": video.path},
        "kind": failure.kind,
        "target": failure.target,
        "time": failure.time,
        "fault": failure.fault,
        "attempts": failure.attempts,
        "reason": failure.reason,
        "at": failure.at,
    }
