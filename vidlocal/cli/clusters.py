"""`vidlocal clusters`."""

from typing import Annotated

import typer

from vidlocal.app.library import open_library
from vidlocal.app.search.clusters import LibraryClusters, find_clusters
from vidlocal.app.search.similar import CLIP_REMEDY, HASH_NOTICE
from vidlocal.cli.ui import console, options
from vidlocal.search.clusters import HASH, THRESHOLD, ClusterResult
from vidlocal.text import pluralize
from vidlocal.timecode import format_time

EXAMPLES = ("vidlocal clusters", "vidlocal clusters --video rushes --threshold 0.95", "vidlocal clusters -n 100 --json")


def command(
    video: options.Videos = None,
    threshold: Annotated[
        float,
        typer.Option("--threshold", metavar="SCORE", min=0.5, max=1.0, help="Minimum similarity in a group, 0.5 to 1."),
    ] = THRESHOLD,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, max=10_000, help="Maximum number of groups.")
    ] = 20,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Group frames that look nearly the same.

    Finds repeated takes, copies and test cards. Groups with most takes come first. Frames with a vector (from `vidlocal
    enrich --only pictures`) are compared by content, others by perceptual hash. Nothing is changed. Piped output has a
    tab-separated line per take: group, path, start, end, frames.
    """
    with open_library() as library:
        library_clusters = find_clusters(library, limit=limit, threshold=threshold, video_names=video)
    result = library_clusters.result
    if json:
        console.document(library_clusters.as_data())
    elif console.is_terminal() and result.clusters:
        from vidlocal.render import table

        terminal = console.rich_console()
        terminal.print(table.clusters(result.clusters, library_clusters.videos, width=terminal.width))
    elif not console.is_terminal():
        _print(library_clusters)
    console.notice(" ".join(_summary(result)), quiet=quiet)


def _print(library_clusters: LibraryClusters) -> None:
    for number, cluster in enumerate(library_clusters.result.clusters, 1):
        for take in cluster.occurrences:
            if take.video_id in library_clusters.videos:
                path = library_clusters.videos[take.video_id].path
                span = format_time(take.start), format_time(take.end)
                console.fields(str(number), path, *span, str(take.frame_count))


def _summary(result: ClusterResult) -> list[str]:
    frames = pluralize(result.compared, "frame")
    groups = f"{pluralize(result.total, 'group')} in {frames}."
    if not result.total:
        groups = f"No similar frames among {frames}."
    truncated = ["Show more with -n N."] if result.total > len(result.clusters) else []
    return [groups, *truncated, *([HASH_NOTICE, CLIP_REMEDY] if result.method == HASH else [])]
