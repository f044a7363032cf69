"""`vidlocal search --look`: the vision model looks at the best moments with the question itself."""

from contextlib import ExitStack
from dataclasses import replace

from vidlocal.app.hosts import open_vision
from vidlocal.cli.ui import console
from vidlocal.errors import EngineError
from vidlocal.records import SecondLook, Moment
from vidlocal.search.query import parse
from vidlocal.search.rerank import Looker, reordered
from vidlocal.search.run import Result
from vidlocal.settings import Settings
from vidlocal.store.database import Library
from vidlocal.store.process_locks import Owner


def look_again(
    library: Library, chosen: Settings, found: Result, count: int, *, private: bool, quiet: bool
) -> tuple[Result, dict[Moment, Look]]:
    """The result in the order of what was seen in its best `count` moments, and what that was.

    With `private` what was asked is not kept: it holds the words of the search.
    Without a server, or when it goes away, a sentence says so and the rest of the result is as it was.
    """
    seen: dict[Moment, Look] = {}
    wanted = parse(found.query).words
    if not wanted or not found.moments:
        return found, seen
    try:
        with ExitStack() as stack:
            engine, ready = open_vision(stack, chosen, say=lambda text: console.notice(text, quiet=quiet))
            owner = stack.enter_context(Owner(library.folder))
            looker = Looker(library, engine, wanted, worker=owner.token, ready=ready, keep=not private)
            for moment, look in looker.look(found.moments[:count]):
                seen[moment] = look
    except EngineError as error:
        console.notice(f"Looked at {len(seen)} of the best moments. {error}", quiet=quiet)
    return replace(found, moments=reordered(found.moments, seen)), seen
