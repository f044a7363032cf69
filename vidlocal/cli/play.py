"""`vidlocal play`."""

from pathlib import Path
from typing import Annotated

import typer

from vidlocal.app import last_results
from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.player import play
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
            video_id, start = moment.video_id, moment.start
            paths = videos.paths(library, video_id) or [Path(moment.path)]
        elif "@" in what:
            video, start = resolve_moment(library, what)
            video_id, paths = video.id, videos.paths(library, video.id)
        else:
            video, start = videos.resolve(library, what), 0.0
            video_id, paths = video.id, videos.paths(library, video.id)
    message = play(paths, start, player=settings.player)
    if json:
        console.document({"video": video_id, "start": round(start, 3)})
    console.notice(message, quiet=quiet)
