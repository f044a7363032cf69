"""`vidlocal clusters`."""

from typing import Annotated

import typer

from vidlocal.app.clusters import LibraryClusters, find_clusters
from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options
from vidlocal.search.clusters import HASH, THRESHOLD, ClusterResult
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
    pictures = pluralize(result.compared, "picture")
    groups = f"{pluralize(result.total, 'group')} among {pictures}."
    if not result.total:
        groups = f"No two of {pictures} look alike."
    truncated = ["Show more of them with --limit."] if result.total > len(result.clusters) else []
    return [groups, *truncated, *([_BY_HASH] if result.method == HASH else [])]
