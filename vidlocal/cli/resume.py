"""`vidlocal resume`."""

from vidlocal.app.library import open_library
from vidlocal.cli.ui import console, options
from vidlocal.store.history import facts

EXAMPLES = ("vidlocal resume",)


def command(json: options.Json = False, quiet: options.Quiet = False) -> None:
    """Resume paused processes.

    They continue within two seconds.
    """
    with open_library() as library:
        since = facts.get(library, facts.PAUSED)
        facts.delete(library, facts.PAUSED)
    if json:
        console.document({"was_paused_since": since})
    console.notice("Resumed." if since else "Nothing was paused.", quiet=quiet)
