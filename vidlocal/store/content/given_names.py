"""Names of speakers and people, as given by users and in transcripts. Pure."""

from collections.abc import Mapping

from vidlocal.errors import UsageError
from vidlocal.folding import fold
from vidlocal.store.values import storable

MAX_NAME_CHARS = 80


def one_line(name: str) -> str:
    """Return a name with control characters and line breaks as single spaces."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in storable(name)).split())


def checked(name: str, *, plural: str) -> str:
    """Return a name as one line. Raises UsageError for an invalid name."""
    name = one_line(name)
    if not any(letter.isalnum() for letter in name) or len(name) > MAX_NAME_CHARS:
        raise UsageError(f"A name has 1 to {MAX_NAME_CHARS} characters, with a letter or digit.")
    if name.isdecimal():
        raise UsageError(f"{name}: a number is no name, because {plural} are numbered.")
    return name


def select(text: str, names: Mapping[int, str], *, singular: str, plural: str, command: str) -> int:
    """Return the id with this number or name. `names`: candidates by id. Raises UsageError for none and for several."""
    exact = [number for number, name in names.items() if fold(name) == fold(text) or str(number) == text]
    if len(exact) == 1 or len(names) == 1:
        return exact[0] if exact else next(iter(names))
    if not names:
        raise UsageError(f"No {singular} {text!r}. Run: vidlocal {command}")
    candidates = ", ".join(f"{number} {names[number]}" for number in sorted(names)[:8])
    raise UsageError(f"Several {plural} match {text!r}: {candidates}. Use a number.")
