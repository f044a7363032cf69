"""`vidlocal clusters`."""

from typing import Annotated

import typer

from vidlocal.app.library import open_library
from vidlocal.cli.ui import console as output
from vidlocal.cli.ui import options
from vidlocal.moments import VideoRef
from vidlocal.records import Cluster
from vidlocal.search.clusters import HASH, THRESHOLD, ClusterResult, cluster
from vidlocal.store.content import videos
from vidlocal.store.index import hits
from vidlocal.text import pluralize
from vidlocal.timecode import format_time

_BY_HASH = (
    "Compared by perceptual hash, which knows near copies only. To compare by what pictures show, run: "
    "vidlocal setup --pictures, then vidlocal enrich --only pictures"
)


def command(
    video: options.Videos = None,
    threshold: Annotated[
        float,
        typer.Option(
            "--threshold", metavar="SHARE", min=0.5, max=1.0, help="How alike pictures must be, up to 1 for the same."
        ),
    ] = THRESHOLD,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, max=10_000, help="How many groups at most.")
    ] = 20,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what is there more than once: pictures that look nearly the same, in groups.

    For tidying up: takes that repeat each other, copies, test pictures. Each group has a picture that all others in it
    look like, and the stretches (takes) they are in; groups with most takes come first. Pictures are compared by their
    vectors where `vidlocal enrich --only pictures` made some, else by perceptual hash. Nothing is changed.
    Piped, it prints a tab-separated line for each take: group, path, start, end, pictures.
    """
    with open_library() as library:
        among = [videos.resolve(library, name).id for name in video] if video else None
        found = cluster(library, limit=limit, threshold=threshold, videos=among)
        places = hits.video_refs(library, {take.video_id for one in found.clusters for take in one.occurrences})
    if json:
        output.document(_document(found, threshold, places))
    elif output.is_terminal() and found.clusters:
        from vidlocal.render import table

        console = output.rich_console()
        console.print(table.clusters(found.clusters, places, width=console.width))
    elif not output.is_terminal():
        _lines(found, places)
    output.notice(" ".join(_told(found)), quiet=quiet)


def _told(found: ClusterResult) -> list[str]:
    pictures = pluralize(found.compared, "picture")
    told = f"{pluralize(found.total, 'group')} among {pictures}."
    if not found.total:
        told = f"No two of {pictures} look alike."
    more = ["Show more of them with --limit."] if found.total > len(found.clusters) else []
    return [told, *more, *([_BY_HASH] if found.method == HASH else [])]


def _lines(found: ClusterResult, places: dict[int, VideoRef]) -> None:
    for number, one in enumerate(found.clusters, 1):
        for take in one.occurrences:
            if take.video_id in places:
                path = places[take.video_id].path
                output.fields(str(number), path, format_time(take.start), format_time(take.end), str(take.frame_count))


def _document(found: ClusterResult, threshold: float, places: dict[int, VideoRef]) -> dict[str, object]:
    return {
        "by": found.method,
        "threshold": threshold,
        "pictures": found.compared,
        "total": found.total,
        "clusters": [_as_data(one, places) for one in found.clusters],
    }


def _as_data(one: Cluster, places: dict[int, VideoRef]) -> dict[str, object]:
    return {
        "pictures": one.frame_count,
        "videos": one.video_count,
        "looks_like": {**_video(one.leader.video_id, places), "time": round(one.leader.time, 3)},
        "takes": [
            {
                **_video(take.video_id, places),
                "start": round(take.start, 3),
                "end": round(take.end, 3),
                "pictures": take.frame_count,
            }
            for take in one.occurrences
        ],
    }


def _video(video_id: int, places: dict[int, VideoRef]) -> dict[str, object]:
    place = places.get(video_id, VideoRef("", ""))
    return {"video": {"id": video_id, "title": place.title, "path": place.path}}
