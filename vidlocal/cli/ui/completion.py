"""What may follow on a command line: commands, options, videos, tags, and the words of a query.

Speed counts: a command is imported only where its options are asked for. `ARGUMENTS` says what the others begin with.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from vidlocal.errors import VidlocalError
from vidlocal.render.sanitize import one_line
from vidlocal.store import completion_source
from vidlocal.timecode import format_short_time

if TYPE_CHECKING:
    from typer.core import TyperArgument, TyperOption

# What the first argument of a command is, as its help writes it.
ARGUMENTS = {
    "ingest": "PATH",
    "enrich": "VIDEO... overnight",
    "search": "QUERY",
    "ask": "[VIDEO@TIME] QUESTION",
    "similar": "[VIDEO[@TIME]]",
    "clip": "QUERY",
    "note": "VIDEO@TIME TEXT",
    "import": "FILE...",
    "export": "VIDEO...",
    "eval": "QUERIES",
    "plan": "VIDEO",
    "failed": "VIDEO...",
    "show": "VIDEO",
    "organize": "[FOLDER]",
    "rm": "VIDEO",
    "config": "NAME",
}
_FILES = {"PATH", "FILE", "FILE...", "FOLDER", "[FOLDER]", "DIR", "PICTURE", "QUERIES"}
_FILTERS = {
    "video:": "only this video",
    "kind:": "only this kind of passage",
    "tag:": "only at the time of what was tagged so",
    "lang:": "only in this language",
    "before:": "recorded before this day, month or year",
    "after:": "recorded in it or later",
    "at:": "between these times of the video",
    "time:": "recorded between these times of day",
}
_ROOT = {
    "--help": "Show this message and exit.",
    "--version": "Print the version and exit.",
    "--install-completion": "Install completion for the shell you are in.",
    "--show-completion": "Print the completion script of the shell you are in.",
}
_MOST = 200


@dataclass(frozen=True, slots=True)
class Offer:
    """A word that may be put on the command line. One that ends with `:`, `@` or `=` goes on."""

    word: str
    note: str = ""


def offered(words: Sequence[str], typed: str, home: Path) -> list[Offer] | None:
    """What may stand where `typed` does after `words`, the program's name left out. None: a file of the system."""
    found = _all(list(words), typed, home)
    if found is None:
        return None
    # Whoever types tag:first means tag:"first dance" too.
    begun = typed.replace('"', "").casefold()
    fitting = (offer for offer in found if offer.word.replace('"', "").casefold().startswith(begun))
    return [offer for offer, _ in zip(fitting, range(_MOST), strict=False) if offer.word.isprintable()]


def _all(words: list[str], typed: str, home: Path) -> Iterable[Offer] | None:
    from vidlocal.cli import COMMANDS

    while words and words[0].startswith("-"):
        words.pop(0)
    if not words:
        if typed.startswith("-"):
            return [Offer(name, note) for name, note in _ROOT.items()]
        return [Offer(name, line) for name, (_, line) in COMMANDS.items()]
    name, *words = words
    if name not in COMMANDS:
        return []
    if not typed.startswith("-") and not any(word.startswith("-") for word in words):
        return _values(ARGUMENTS.get(name, "") if not words else _later(name), typed, home)
    return _with_options(name, words, typed, home)


def _later(name: str) -> str:
    """What the arguments after the first one are."""
    first = ARGUMENTS.get(name, "")
    return first if first.endswith(("...", "overnight")) or first in ("PATH", "QUERY") else ""


def _with_options(name: str, words: Sequence[str], typed: str, home: Path) -> Iterable[Offer] | None:
    """The same for a line with options on it, which only the command itself knows."""
    from typer.core import TyperOption

    from vidlocal.cli import load

    options = {opt: one for one in load(name).params if isinstance(one, TyperOption) for opt in _names(one)}
    rest, last, given = iter(words), None, 0
    for word in rest:
        last = options.get(word)
        if word == "--":
            given += len(list(rest))
        elif last is not None and not last.is_flag:
            if next(rest, None) is not None:
                last = None
        else:
            given, last = given + (not word.startswith("-")), None
    if last is not None:
        return _values_of(last, typed, home)
    option, equals, value = typed.partition("=")
    if equals and option in options and not options[option].is_flag:
        found = _values_of(options[option], value, home)
        return None if found is None else [Offer(f"{option}={one.word}", one.note) for one in found]
    if typed.startswith("-") and "--" not in words:
        return [Offer(opt, one.help or "") for opt, one in options.items() if opt.startswith("--") or opt == typed]
    return _values(_later(name) if given else ARGUMENTS.get(name, ""), typed, home)


def _names(option: "TyperOption") -> list[str]:
    return [*option.opts, *option.secondary_opts]


def _values_of(parameter: "TyperOption | TyperArgument", typed: str, home: Path) -> Iterable[Offer] | None:
    annotation: object = parameter.type_descriptor.annotation
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return map(Offer, kind)
    return _values(parameter.metavar or "", typed, home)


def _values(what: str, typed: str, home: Path) -> Iterable[Offer] | None:
    """The values of an argument or option, by what its help calls it."""
    if what in _FILES:
        return None
    if what == "QUERY":
        return _query(typed, home)
    if what == "NAME":
        from vidlocal.settings.table import TABLE

        return [Offer(setting.name, setting.description) for setting in TABLE if setting.in_file]
    if "VIDEO" not in what:
        return []
    if typed.startswith(("/", "./", "../", "~/")):
        return None
    known = list(_videos(typed, home))
    found = [] if what.startswith(("VIDEO@", "[VIDEO@")) else known
    if "@" in what:
        found = [*found, *(Offer(f"{video.word}@", video.note) for video in known)]
    return [*found, Offer("overnight", "tonight, in the night window")] if "overnight" in what else found


def _query(typed: str, home: Path) -> Iterable[Offer]:
    name, colon, value = typed.partition(":")
    if not colon:
        return [Offer(word, note) for word, note in _FILTERS.items()]
    return [Offer(f"{name}:{one.word}", one.note) for one in _filtered(name.lower(), value.lstrip('"'), home)]


def _filtered(name: str, value: str, home: Path) -> Iterator[Offer]:
    """What a filter of a query may take. A value with spaces stands in quotes there."""
    from vidlocal.records import PassageKind

    if name == "kind":
        yield from map(Offer, PassageKind)
    elif name == "lang":
        yield from map(Offer, completion_source.languages(home))
    elif name == "tag":
        for tag in completion_source.tags(home, value.lower(), limit=_MOST):
            if not set(tag) & set('"“”'):
                yield Offer(_in_quotes(tag))
    elif name == "video":
        for video in _videos(value, home, without='"“”'):
            yield Offer(_in_quotes(video.word), video.note)


def _in_quotes(value: str) -> str:
    return f'"{value}"' if " " in value else value


def _videos(typed: str, home: Path, *, without: str = "") -> Iterator[Offer]:
    """Every video by its title; by its number where that is typed, or the title is no safe word, or means another too.

    A title has no character of `without`.
    """
    known = completion_source.videos(home)
    meant: dict[str, set[int]] = {}
    for video in known:
        for name in (video.title, video.file, str(video.id)):
            meant.setdefault(name.casefold(), set()).add(video.id)
    for video in known:
        title, length = video.title, format_short_time(video.duration)
        plain = title.isprintable() and not title.startswith("-") and title.strip() and not set(title) & set(without)
        if plain and meant[title.casefold()] == {video.id}:
            yield Offer(title, f"{video.id}, {length}")
        if not plain or meant[title.casefold()] != {video.id} or typed.isdecimal():
            yield Offer(str(video.id), f"{one_line(title)}, {length}")


def home_folder() -> Path | None:
    """Where the library is; None where the settings make no sense."""
    from vidlocal import settings

    try:
        return settings.load().home
    except (VidlocalError, OSError):
        return None
