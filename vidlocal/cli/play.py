"""`vidlocal play`."""

from typing import Annotated

import typer

from vidlocal.app import last_results
from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.player import play
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
        moment = last_results.hit(settings.home, last_results.current_terminal(), what)
        if moment is not None and moment.video_id is not None:
            video, start = videos.get(library, moment.video_id) or videos.resolve(library, moment.path), moment.start
        elif "@" in what:
            video, start = resolve_moment(library, what)
        else:
            video, start = videos.resolve(library, what), 0.0
        path = verified_path(library, video)
    message = play([path], start, player=settings.player)
    if json:
        console.document({"video": video.id, "start": round(start, 3)})
    console.notice(message, quiet=quiet)
