"""`vidlocal similar`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal.app.search.last_results import LastResults
from vidlocal.cli.ui import console, options
from vidlocal.errors import UsageError
from vidlocal.render import results
from vidlocal.settings import Settings, load
from vidlocal.store.database import Library

if TYPE_CHECKING:
    from vidlocal.app.search.similar import SimilarResult


EXAMPLES = (
    "vidlocal similar wedding@1:02:03",
    "vidlocal similar wedding             # other videos like this one",
    "vidlocal similar --image beach.jpg -n 20",
    "vidlocal similar wedding@1:02:03 --face",
)


def command(
    where: Annotated[
        str | None,
        typer.Argument(metavar="VIDEO[@TIME]", help="Moment, like wedding@1:02:03, or a whole video."),
    ] = None,
    image: Annotated[str | None, typer.Option("--image", metavar="FILE", help="Image file to compare with.")] = None,
    face: Annotated[bool, typer.Option("--face", help="Compare the face there, not the image.")] = False,
    limit: options.Limit = 10,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Find moments similar to a moment, an image or a video.

    Frames with a vector (from `vidlocal enrich --only pictures`) are compared by content, others by perceptual hash,
    which finds copies and scaled versions only. --face finds the face of the moment or image, if faces are searched in
    this library (see: vidlocal people). Piped output is tab-separated: path, start, end, score, kinds, text.
    """
    if (where is None) == (image is None):
        raise UsageError("Give a moment or an image: vidlocal similar wedding@1:02:03, or --image FILE")
    from vidlocal.app.search.similar import find_similar, find_similar_to_image

    settings = load()
    with Library.open(settings.home) as library:
        if face:
            result = _similar_faces(library, settings, where or "", image, limit=limit)
        elif image is not None:
            result = find_similar_to_image(library, settings, Path(image), limit=limit)
        else:
            result = find_similar(library, settings, where or "", limit=limit)
    LastResults(settings.home).remember(image or where or "", result.moments)
    _print(image or where or "", result, json=json)
    nothing = "" if result.moments else f"No similar {'faces' if face else 'frames'} found."
    sentence = " ".join(part for part in (nothing, result.notice) if part)
    if sentence:
        console.notice(sentence, quiet=quiet)


def _similar_faces(
    library: Library, settings: Settings, where: str, image: str | None, *, limit: int
) -> "SimilarResult":
    from vidlocal.app.search.similar_faces import find_similar_faces, find_similar_faces_to_image

    if image is not None:
        return find_similar_faces_to_image(library, settings, Path(image), limit=limit)
    return find_similar_faces(library, where, limit=limit)


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
