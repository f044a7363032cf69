"""`vidlocal pause`."""

from datetime import datetime

from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options
from vidlocal.store.history import facts
from vidlocal.store.values import now_utc

EXAMPLES = ("vidlocal pause", "vidlocal resume")


def command(json: options.Json = False, quiet: options.Quiet = False) -> None:
    """Pause all running enrich and worker processes.

    Requests in flight are finished, then the models are unloaded. Search and ingest keep working. Undo with: vidlocal
    resume
    """
    with open_library() as library:
        before = facts.get(library, facts.PAUSED)
        since = before or now_utc()
        if before is None:
            facts.put(library, facts.PAUSED, since)
    if json:
        console.document({"paused_since": since})
    if before is None:
        console.notice("Paused. Continue with: vidlocal resume", quiet=quiet)
    else:
        began = datetime.fromisoformat(since).astimezone()
        console.notice(f"Already paused since {began:%a %d %b %H:%M}. Continue with: vidlocal resume", quiet=quiet)
