"""`vidlocal plan`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options
from vidlocal.enrich.plan import MAX_FIRST, Plan, VideoPlan, describe_reason, read_plan
from vidlocal.store.content import videos
from vidlocal.store.queue.priorities import QueuedFrame
from vidlocal.text import pluralize
from vidlocal.timecode import format_duration, format_short_time, format_time

EXAMPLES = ("vidlocal plan", "vidlocal plan wedding")


def command(
    video: Annotated[
        str | None,
        typer.Argument(metavar="VIDEO", help="Id, path, or a unique part of the title or file name (default: all)."),
    ] = None,
    limit: options.MaxVideos = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show the order of the frames to caption, with reasons.

    Frames near results of earlier searches come first, then the most representative frames of each video, then the most
    novel ones. Piped output is tab-separated. All videos: id, title, frames, distinct frames, captioned, remaining,
    seconds. One video: time, reason (sought, searched, rank or novelty), rank, novelty, search.
    """
    with open_library() as library:
        selected = None if video is None else videos.resolve(library, video)
        plan = read_plan(library, selected)
    shown = plan.videos[: limit or None]
    if json:
        console.document(_as_data(replace(plan, videos=shown)))
    elif console.is_terminal():
        _draw(plan, shown)
    elif selected is None:
        for line in shown:
            console.fields(*_video_fields(plan, line))
    else:
        for frame in plan.first:
            console.fields(*_frame_fields(frame))
    if len(plan.videos) > len(shown) and not json:
        console.notice(f"{pluralize(len(plan.videos) - len(shown), 'more video')}. Show more with -n N.", quiet=quiet)
    if not plan.first:
        console.notice("All frames are captioned.", quiet=quiet)


def _video_fields(plan: Plan, line: VideoPlan) -> list[str]:
    seconds = plan.seconds(len(line.waiting))
    counts = (line.counts.frames, line.counts.distinct, line.counts.described, len(line.waiting))
    duration = "" if seconds is None else f"{seconds:.0f}"
    return [str(line.video.id), line.video.title, *map(str, counts), duration]


def _frame_fields(frame: QueuedFrame) -> list[str]:
    rank = "" if frame.rank is None else str(frame.rank + 1)
    return [format_time(frame.time), frame.reason, rank, f"{frame.novelty:.4f}", frame.query or ""]


def _draw(plan: Plan, shown: Sequence[VideoPlan]) -> None:
    from vidlocal.render.grid import grid

    heads = ["id", "title", "frames", "distinct", "captioned", "to do", "time"]
    width = console.rich_console().width
    rows = [_video_row(plan, line) for line in shown]
    console.show(grid(heads, rows, width=width, numbers={"id", *heads[2:]}))
    if plan.first:
        titles = {line.video.id: line.video.title for line in plan.videos}
        console.line("")
        console.show(grid(["next", "video", "why"], _frame_rows(plan.first, titles), width=width, numbers={"next"}))


def _video_row(plan: Plan, line: VideoPlan) -> list[str]:
    seconds = plan.seconds(len(line.waiting))
    counts = (line.counts.frames, line.counts.distinct, line.counts.described, len(line.waiting))
    takes = "-" if not line.waiting else "unknown" if seconds is None else format_duration(seconds)
    return [str(line.video.id), line.video.title, *(f"{count:,}" for count in counts), takes]


def _frame_rows(first: Sequence[QueuedFrame], titles: dict[int, str]) -> list[list[str]]:
    return [[format_short_time(frame.time), titles.get(frame.video_id, ""), describe_reason(frame)] for frame in first]


def _as_data(plan: Plan) -> dict[str, object]:
    return {
        "seconds_per_frame": plan.seconds_per_frame,
        "videos": [
            {
                "video": {"id": line.video.id, "title": line.video.title, "path": line.video.path},
                "frames": line.counts.frames,
                "distinct": line.counts.distinct,
                "described": line.counts.described,
                "left": len(line.waiting),
                "seconds": plan.seconds(len(line.waiting)),
                "next": [_frame_data(frame) for frame in line.waiting[:MAX_FIRST]],
            }
            for line in plan.videos
        ],
        "next": [_frame_data(frame) for frame in plan.first],
    }


def _frame_data(frame: QueuedFrame) -> dict[str, object]:
    return {
        "frame": frame.frame_id,
        "video": frame.video_id,
        "time": frame.time,
        "reason": frame.reason,
        "rank": frame.rank,
        "novelty": frame.novelty,
        "query": frame.query,
        "why": describe_reason(frame),
    }
