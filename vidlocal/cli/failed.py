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


def command(
    video: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VIDEO...", help="Only of these: id, path or part of the title. None means all.", show_default=False
        ),
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Queue them again, with all their attempts.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what was set aside after failing, and why; or queue it again.

    Piped, it prints tab-separated lines: video id, title, kind of work, time in the video, fault, attempts, reason.
    The fault is answer (of the model), file, tool or crash.
    """
    with open_library() as library:
        found = tuple(videos.resolve(library, name).id for name in video or [])
        among = JobFilter(found or None)
        failed = jobs.failures(library, among)
        titles = {known.id: known for known in videos.every(library)}
        if retry:
            jobs.retry(library, among)
    if json:
        console.document({"failed": [_as_data(failure, titles) for failure in failed], "queued": retry})
    elif console.is_terminal() and failed:
        _draw(failed, titles)
    else:
        for failure in failed:
            console.fields(*_fields(failure, titles))
    console.notice(_sentence(len(failed), retry=retry), quiet=quiet)


def _sentence(number: int, *, retry: bool) -> str:
    if not number:
        return "Nothing was set aside."
    what = pluralize(number, "job")
    if retry:
        return f"{what} queued again. Go on with: vidlocal enrich"
    return f"{what} set aside. Try again with: vidlocal failed --retry"


def _fields(failure: FailedJob, known: dict[int, Video]) -> list[str]:
    time = "" if failure.time is None else format_time(failure.time)
    fault = failure.fault or ""
    title = known[failure.video_id].title
    return [str(failure.video_id), title, failure.kind, time, fault, str(failure.attempts), failure.reason]


def _draw(failed: Sequence[FailedJob], known: dict[int, Video]) -> None:
    from vidlocal.render.grid import grid

    rows = [
        [
            f"{failure.video_id}  {known[failure.video_id].title}",
            "-" if failure.time is None else format_short_time(failure.time),
            failure.kind,
            failure.fault or "-",
            str(failure.attempts),
            failure.reason,
        ]
        for failure in failed
    ]
    console.show(grid(["video", "time", "work", "fault", "tries", "reason"], rows, numbers={"time", "tries"}))


def _as_data(failure: FailedJob, known: dict[int, Video]) -> dict[str, object]:
    video = known[failure.video_id]
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
