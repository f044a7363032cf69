"""`vidlocal plan`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options
from vidlocal.records import Video
from vidlocal.store.content import frames, videos
from vidlocal.store.content.frames import Distinct
from vidlocal.store.database import Library
from vidlocal.store.history import facts
from vidlocal.store.queue import priorities
from vidlocal.store.queue.priorities import Reason, Waiting
from vidlocal.timecode import format_time, format_duration, format_short_time

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class VideoPlan:
    """What is to be described of one video, most valuable first."""

    video: Video
    counts: Distinct
    waiting: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the next run of the deep pass would describe. `first` runs across the videos, in order."""

    videos: tuple[VideoPlan, ...]
    first: tuple[Waiting, ...]
    seconds_per_frame: float | None

    def seconds(self, count: int) -> float | None:
        """How long so many frames take; None while it is not known."""
        return None if self.seconds_per_frame is None else count * self.seconds_per_frame


def command(
    video: Annotated[
        str | None,
        typer.Argument(
            metavar="VIDEO",
            help="An id, a path, or a unique part of the title or file name; none means all.",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show which frames will be described first, and why.

    Frames near what was searched for come first, then those that represent each video best, then the newest
    looking. Piped, it prints tab-separated lines. Of all videos: id, title, frames, distinct frames, described, left,
    seconds. Of one: time, reason (sought, searched, rank or novelty), rank, novelty, search.
    """
    with open_library() as library:
        chosen = None if video is None else videos.resolve(library, video)
        plan = read(library, chosen)
    if json:
        console.document(_as_data(plan))
    elif console.on_terminal():
        _draw(plan)
    elif chosen is None:
        for line in plan.videos:
            console.fields(*_video_fields(plan, line))
    else:
        for waiting in plan.first:
            console.fields(*_frame_fields(waiting))
    if not plan.first:
        console.notice("No frame waits to be described.", quiet=quiet)


def read(library: Library, video: Video | None = None) -> Plan:
    """The plan of one video, or of all."""
    counts = frames.distinct(library)
    queue = priorities.queue(library, None if video is None else video.id)
    waiting: dict[int, list[Waiting]] = {}
    for frame in queue:
        waiting.setdefault(frame.video_id, []).append(frame)
    known = videos.every(library) if video is None else [video]
    plans = [VideoPlan(one, counts.get(one.id, Distinct(0, 0, 0)), tuple(waiting.get(one.id, ()))) for one in known]
    pace = facts.get(library, facts.SECONDS_PER_FRAME)
    return Plan(tuple(plans), tuple(queue[:_SHOWN]), None if pace is None else float(pace))


def why(waiting: Waiting) -> str:
    """The reason in words: `represents its video, rank 3`."""
    if waiting.reason is Reason.SOUGHT:
        return f'near what a search found little of: "{waiting.query}"'
    if waiting.reason is Reason.SEARCHED:
        return f'near a moment that was searched for: "{waiting.query}"'
    if waiting.rank is not None:
        return f"represents its video, rank {waiting.rank + 1}"
    return f"looks new: {waiting.novelty:.0%} unlike all before".replace("%", " %")


def _video_fields(plan: Plan, line: VideoPlan) -> list[str]:
    seconds = plan.seconds(len(line.waiting))
    counts = (line.counts.frames, line.counts.distinct, line.counts.described, len(line.waiting))
    known = "" if seconds is None else f"{seconds:.0f}"
    return [str(line.video.id), line.video.title, *map(str, counts), known]


def _frame_fields(waiting: Waiting) -> list[str]:
    rank = "" if waiting.rank is None else str(waiting.rank + 1)
    return [format_time(waiting.time), waiting.reason, rank, f"{waiting.novelty:.4f}", waiting.query or ""]


def _draw(plan: Plan) -> None:
    from vidlocal.render.grid import grid

    heads = ["id", "title", "frames", "distinct", "described", "left", "takes"]
    console.show(grid(heads, [_video_row(plan, line) for line in plan.videos], numbers={"id", *heads[2:]}))
    if plan.first:
        titles = {line.video.id: line.video.title for line in plan.videos}
        console.line("")
        console.show(grid(["next", "video", "why"], _frame_rows(plan.first, titles), numbers={"next"}))


def _video_row(plan: Plan, line: VideoPlan) -> list[str]:
    seconds = plan.seconds(len(line.waiting))
    counts = (line.counts.frames, line.counts.distinct, line.counts.described, len(line.waiting))
    takes = "-" if not line.waiting else "not known" if seconds is None else format_duration(seconds)
    return [str(line.video.id), line.video.title, *(f"{count:,}" for count in counts), takes]


def _frame_rows(first: Sequence[Waiting], titles: dict[int, str]) -> list[list[str]]:
    return [[format_short_time(frame.time), titles.get(frame.video_id, ""), why(frame)] for frame in first]


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
                "next": [_frame_data(frame) for frame in line.waiting[:_SHOWN]],
            }
            for line in plan.videos
        ],
        "next": [_frame_data(frame) for frame in plan.first],
    }


def _frame_data(frame: Waiting) -> dict[str, object]:
    return {
        "frame": frame.frame_id,
        "video": frame.video_id,
        "time": frame.time,
        "reason": frame.reason,
        "rank": frame.rank,
        "novelty": frame.novelty,
        "query": frame.query,
        "why": why(frame),
    }
