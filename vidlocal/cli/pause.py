"""`vidlocal pause`."""

from datetime import datetime

from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options
from vidlocal.store.history import facts
from vidlocal.store.values import now_utc


def command(json: options.Json = False, quiet: options.Quiet = False) -> None:
    """Hold the deep pass, in whatever process it runs, until `vidlocal resume`.

    What is being asked at this moment is finished, then the models leave the card. Searching and taking videos
    in go on.
    """
    with open_library() as library:
        before = facts.get(library, facts.PAUSED)
        since = before or now_utc()
        if before is None:
            facts.put(library, facts.PAUSED, since)
    if json:
        console.document({"paused_since": since})
    if before is None:
        console.notice("Paused. Go on with: vidlocal resume", quiet=quiet)
    else:
        began = datetime.fromisoformat(since).astimezone()
        console.notice(f"It is paused since {began:%a %d %b %H:%M}. Go on with: vidlocal resume", quiet=quiet)
