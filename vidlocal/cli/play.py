"""`vidlocal play`."""

from typing import Annotated

import typer

from vidlocal.app.library import open_library
from vidlocal.app.player import play
from vidlocal.app.search.last_results import LastResults
from vidlocal.cli.ui import console, options
from vidlocal.export.sources import verified_path
from vidlocal.search.moment_reference import resolve_moment
from vidlocal.settings import load
from vidlocal.store.content import videos

EXAMPLES = (
    "vidlocal play 3                    # hit 3 of the last search",
    "vidlocal play wedding@1:02:03",
    "vidlocal play wedding              # from the beginning",
)


def command(
    what: Annotated[
        str, typer.Argument(metavar="NUMBER|VIDEO[@TIME]", help="Hit of the last search, a moment, or a video.")
    ],
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Play a hit of the last search, or any moment, in your player.

    mpv, VLC and IINA start at the moment. Choose another player with: vidlocal config player PATH
    """
    settings = load()
    with open_library() as library:
        hit = LastResults(library.folder).hit_in(library, what)
        if hit is not None:
            video, start = hit[0], hit[1].start
        elif "@" in what:
            video, start = resolve_moment(library, what)
        else:
            video, start = videos.resolve(library, what), 0.0
        path = verified_path(library, video)
    message = play(path, start, player=settings.player)
    if json:
        console.document({"video": video.id, "start": round(start, 3)})
    console.notice(message, quiet=quiet)
