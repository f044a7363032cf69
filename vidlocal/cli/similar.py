"""`vidlocal similar`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal.cli.ui import console, options
from vidlocal.errors import UsageError
from vidlocal.render import results
from vidlocal.settings import load
from vidlocal.store.database import Library

if TYPE_CHECKING:
    from vidlocal.app.similar import SimilarResult


def command(
    where: Annotated[
        str | None,
        typer.Argument(metavar="[VIDEO[@TIME]]", help="A moment, like wedding@1:02:03, or a whole video."),
    ] = None,
    image: Annotated[str | None, typer.Option("--image", metavar="PICTURE", help="A picture file instead.")] = None,
    limit: options.Limit = 10,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Find what looks like a moment, a picture or a whole video.

    Pictures are compared by what they show, once `vidlocal enrich --only pictures` has turned them into vectors. Before
    that it goes by perceptual hash: the same picture is found again, cut, copied or scaled, but not the same things
    seen from elsewhere. Piped, it prints tab-separated lines: path, start, end, score, kinds, text.
    """
    if (where is None) == (image is None):
        raise UsageError("Say what to look for: vidlocal similar wedding@1:02:03, or --image PICTURE.")
    from vidlocal.app.similar import find_similar, find_similar_to_image

    settings = load()
    with Library.open(settings.home) as library:
        if image is not None:
            result = find_similar_to_image(library, settings, Path(image), limit=limit)
        else:
            result = find_similar(library, settings, where or "", limit=limit)
    _print(image or where or "", result, json=json)
    nothing = "" if result.moments else "Nothing looks like that."
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
        terminal.print(table.moments(result.moments, (), width=terminal.width))
