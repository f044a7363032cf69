"""`vidlocal similar`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal.app.last_results import LastResults
from vidlocal.cli.ui import console, options
from vidlocal.errors import UsageError
from vidlocal.render import results
from vidlocal.settings import load
from vidlocal.store.database import Library

if TYPE_CHECKING:
    from vidlocal.app.similar import SimilarResult


EXAMPLES = (
    "vidlocal similar wedding@1:02:03",
    "vidlocal similar wedding             # other videos like this one",
    "vidlocal similar --image beach.jpg -n 20",
)


def command(
    where: Annotated[
        str | None,
        typer.Argument(metavar="VIDEO[@TIME]", help="Moment, like wedding@1:02:03, or a whole video."),
    ] = None,
    image: Annotated[str | None, typer.Option("--image", metavar="FILE", help="Image file to compare with.")] = None,
    limit: options.Limit = 10,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Find moments that look like a moment, an image or a video.

    Frames with a vector (from `vidlocal enrich --only pictures`) are compared by content, others by perceptual hash,
    which finds copies and scaled versions only. Piped output is tab-separated: path, start, end, score, kinds, text.
    """
    if (where is None) == (image is None):
        raise UsageError("Give a moment or an image: vidlocal similar wedding@1:02:03, or --image FILE")
    from vidlocal.app.similar import find_similar, find_similar_to_image

    settings = load()
    with Library.open(settings.home) as library:
        if image is not None:
            result = find_similar_to_image(library, settings, Path(image), limit=limit)
        else:
            result = find_similar(library, settings, where or "", limit=limit)
    LastResults(settings.home).remember(image or where or "", result.moments)
    _print(image or where or "", result, json=json)
    nothing = "" if result.moments else "No similar frames found."
    sentence = " ".join(part for part in (nothing, result.notice) if part)
    if sentence:
        console.notice(sentence, quiet=quiet)


def _print(reference: str, result: "SimilarResult", *, json: bool) -> None:
    if json:
        console.document({**results.to_document(reference, result.moments), "by": result.method})
    elif not console.is_terminal():
        for moment in result.moments:
            console.line(results.to_tsv(moment))
    elif result.moments:
        from vidlocal.render import table

        terminal = console.rich_console()
        terminal.print(table.moments(result.moments, (), width=terminal.width, links=console.has_links(terminal)))
