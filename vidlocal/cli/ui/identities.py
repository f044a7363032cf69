"""Verbs of both `vidlocal speakers` and `vidlocal people`: name, merge, split, undo, forget."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vidlocal.app import identities
from vidlocal.app.identities import Identities
from vidlocal.cli.ui import console
from vidlocal.errors import UsageError
from vidlocal.store.content import videos
from vidlocal.store.database import Library
from vidlocal.text import pluralize

IN_TEXTS = " The next enrich uses the name in tags and summaries."


@dataclass(frozen=True, slots=True)
class Nouns:
    """Words for a message. `command`: of vidlocal; `part`: a face or voice."""

    singular: str
    plural: str
    command: str
    part: str


def change(store: Identities, nouns: Nouns, library: Library, action: str, arguments: Sequence[str]) -> str | None:
    """Make a change. Returns a sentence about the change, None for an unknown verb. Raises UsageError."""
    match action, *arguments:
        case "name", who, *name if name:
            number = store.resolve(library, who)
            in_texts = identities.rename(store, library, number, " ".join(name))
            return f"{nouns.singular.capitalize()} {number} is {' '.join(name)}.{IN_TEXTS if in_texts else ''}"
        case "merge", who, *others if others:
            number = store.resolve(library, who)
            identities.merge(store, library, number, [store.resolve(library, other) for other in others])
            return f"Merged into {nouns.singular} {number}. To take it back, run: vidlocal {nouns.command} undo"
        case "split", who, video:
            number = store.resolve(library, who)
            new = store.split(library, number, videos.resolve(library, video).id)
            return f"The {nouns.part} in this video is {nouns.singular} {new} now."
        case ("undo",):
            return "Undone." if store.undo(library) else "Nothing to undo."
    return None


def forget(
    store: Identities,
    nouns: Nouns,
    library: Library,
    names: Sequence[str],
    delete: Callable[[list[int] | None], object],
    *,
    total: int | None,
    yes: bool,
    quiet: bool,
) -> bool:
    """Ask, and delete the named speakers or people; without names all `total`. Returns False after a refusal.

    Raises UsageError unless there are either names or a total.
    """
    if bool(names) is (total is not None):
        raise UsageError(f"Name the {nouns.plural} to forget, or use --all.")
    if videos.finish_purge(library):
        console.notice("Finished an interrupted deletion. No trace is left.", quiet=quiet)
    numbers = [store.resolve(library, name) for name in names]
    description = pluralize(len(numbers) if total is None else total, nouns.singular, nouns.plural)
    if not (yes or console.confirm(f"Forget {description}, and delete past searches and reports?")):
        console.notice(f"Kept {description}.", quiet=quiet)
        return False
    delete(numbers if total is None else None)
    console.notice(f"Forgot {description}.", quiet=quiet)
    return True
