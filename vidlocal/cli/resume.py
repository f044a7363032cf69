"""`vidlocal resume`."""

from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options
from vidlocal.store.history import facts


def command(json: options.Json = False, quiet: options.Quiet = False) -> None:
    """Let the deep pass go on after `vidlocal pause`.

    A run that waits does so within a second or two.
    """
    with open_library() as library:
        since = facts.get(library, facts.PAUSED)
        facts.delete(library, facts.PAUSED)
    if json:
        console.document({"was_paused_since": since})
    console.notice("Going on." if since else "It was not paused.", quiet=quiet)
