"""Completion candidates: commands, options, videos, tags, and filters of a query.

For speed, a command is imported only to complete its options. `ARGUMENTS` has the first argument of each command.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from vidlocal.app.search.query_completion import Candidate, matching_candidates, query_candidates, video_candidates
from vidlocal.errors import VidlocalError

if TYPE_CHECKING:
    from typer.core import TyperArgument, TyperOption

# The first argument of each command, as in the help.
ARGUMENTS = {
    "start": "FOLDER",
    "config": "NAME",
    "help": "TOPIC",
    "ingest": "PATH...",
    "enrich": "VIDEO...|overnight",
    "import": "FILE...",
    "search": "QUERY...",
    "ask": "[VIDEO@TIME] QUESTION...",
    "similar": "VIDEO[@TIME]",
    "show": "NUMBER|VIDEO",
    "play": "NUMBER|VIDEO[@TIME]",
    "clip": "NUMBER...|QUERY...",
    "export": "VIDEO...",
    "note": "NUMBER|VIDEO@TIME TEXT...",
    "plan": "VIDEO",
    "failed": "VIDEO...",
    "organize": "FOLDER",
    "sidecars": "VIDEO...",
    "rm": "VIDEO",
    "eval": "FILE",
    "speakers": "name|merge|split|link|unlink|undo|forget",
    "people": "start|show|name|merge|split|not|hide|unhide|regroup|undo|forget",
    "cluster": "start|join|status",
}
_FILE_METAVARS = {"PATH...", "FILE", "FILE...", "FOLDER", "DIR"}
_ROOT = {
    "--help": "Show this message and exit.",
    "--home": "Data directory for this command.",
    "--verbose": "Show decisions.",
    "--version": "Print the version and exit.",
    "--install-completion": "Install completion for the shell you are in.",
    "--show-completion": "Print the completion script of the shell you are in.",
}


def candidates(words: Sequence[str], typed: str, home: Path) -> list[Candidate] | None:
    """Return the candidates for `typed` after `words` (without the program name). None: complete file names."""
    available = _available(list(words), typed, home)
    if available is None:
        return None
    return matching_candidates(available, typed)


def _available(words: list[str], typed: str, home: Path) -> Iterable[Candidate] | None:
    from vidlocal.cli import COMMANDS, list_plugin_commands

    while words and words[0].startswith("-"):
        words.pop(0)
    if not words:
        if typed.startswith("-"):
            return [Candidate(name, description) for name, description in _ROOT.items()]
        lines = {name: line for name, (_, line) in COMMANDS.items()}
        return [Candidate(name, line) for name, line in (lines | list_plugin_commands()).items()]
    name, *words = words
    if name not in COMMANDS:
        return _plugin_options(name, typed) if name in list_plugin_commands() else []
    if not typed.startswith("-") and not any(word.startswith("-") for word in words):
        return _values(ARGUMENTS.get(name, "") if not words else _next_argument(name), typed, home)
    return _with_options(name, words, typed, home)


def _plugin_options(name: str, typed: str) -> Iterable[Candidate] | None:
    """Return the options of a command of a plugin. None: complete file names."""
    from vidlocal.cli.ui.plugin_commands import load_plugin_command

    if not typed.startswith("-"):
        return None
    command = load_plugin_command(name)
    parameters = () if command is None else command.params
    return [
        Candidate(opt, getattr(parameter, "help", None) or "")
        for parameter in parameters
        for opt in parameter.opts
        if opt.startswith("--")
    ]


def _next_argument(name: str) -> str:
    """Metavar of the arguments after the first; empty if there are none."""
    first = ARGUMENTS.get(name, "")
    return first if "..." in first and "@" not in first else ""


def _with_options(name: str, words: Sequence[str], typed: str, home: Path) -> Iterable[Candidate] | None:
    """Return the candidates for a line with options. Imports the command."""
    from typer.core import TyperOption

    from vidlocal.cli import load_command

    parameters = load_command(name).params
    options = {opt: option for option in parameters if isinstance(option, TyperOption) for opt in _names(option)}
    remaining, pending, argument_count = iter(words), None, 0
    for word in remaining:
        pending = options.get(word)
        if word == "--":
            argument_count += len(list(remaining))
        elif pending is not None and not pending.is_flag:
            if next(remaining, None) is not None:
                pending = None
        else:
            argument_count, pending = argument_count + (not word.startswith("-")), None
    if pending is not None:
        return _values_of(pending, typed, home)
    opt, equals, value = typed.partition("=")
    if equals and opt in options and not options[opt].is_flag:
        values = _values_of(options[opt], value, home)
        return None if values is None else [Candidate(f"{opt}={item.word}", item.description) for item in values]
    if typed.startswith("-") and "--" not in words:
        return [
            Candidate(opt, option.help or "") for opt, option in options.items() if opt.startswith("--") or opt == typed
        ]
    return _values(_next_argument(name) if argument_count else ARGUMENTS.get(name, ""), typed, home)


def _names(option: "TyperOption") -> list[str]:
    return [*option.opts, *option.secondary_opts]


def _values_of(parameter: "TyperOption | TyperArgument", typed: str, home: Path) -> Iterable[Candidate] | None:
    annotation: object = parameter.type_descriptor.annotation
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return map(Candidate, kind)
    return _values(parameter.metavar or "", typed, home)


def _values(metavar: str, typed: str, home: Path) -> Iterable[Candidate] | None:
    """Return the values of an argument or option by metavar. None: complete file names."""
    if metavar in _FILE_METAVARS:
        return None
    if "QUERY" in metavar:
        return query_candidates(typed, home)
    if metavar == "TOPIC":
        from vidlocal.cli import COMMANDS
        from vidlocal.cli.ui.help_topics import TOPICS

        return map(Candidate, (*TOPICS, *COMMANDS))
    if metavar == "NAME":
        from vidlocal.settings.table import TABLE

        return [Candidate(setting.name, setting.description) for setting in TABLE if setting.in_file]
    if "VIDEO" not in metavar:
        return [Candidate(word) for word in metavar.split("|") if word.islower()]
    if typed.startswith(("/", "./", "../", "~/")):
        return None
    videos = list(video_candidates(typed, home))
    values = [] if "VIDEO@" in metavar else videos
    if "@" in metavar:
        values = [*values, *(Candidate(f"{video.word}@", video.description) for video in videos)]
    return [*values, Candidate("overnight", "in the night window only")] if "overnight" in metavar else values


def library_folder() -> Path | None:
    """Return the folder of the library; None if the settings are invalid."""
    from vidlocal import settings

    try:
        return settings.load().home
    except (VidlocalError, OSError):
        return None
