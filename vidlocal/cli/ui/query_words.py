"""Queries on the command line: any words, also with leading dashes, and any bytes."""

import sys
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from typer.core import TyperOption

from vidlocal.cli.ui.command import Command
from vidlocal.errors import UsageError

if TYPE_CHECKING:
    from typer._click.core import Context

_MAX_QUERY_BYTES = 1 << 20


class FreeTextCommand(Command):
    """A command with free text as argument. Options may stand before, between and after the words."""

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        takes_value = {
            name: not parameter.is_flag
            for parameter in self.get_params(ctx)
            if isinstance(parameter, TyperOption)
            for name in parameter.opts
        }
        return super().parse_args(ctx, options_first(args, takes_value))


def options_first(arguments: Sequence[str], options: Mapping[str, bool]) -> list[str]:
    """Move options with values to the front, then `--` and the words in order.

    `options`: True for the name of an option with a value. `--word` stays among the options, for the error message
    about a misspelt option. Raises UsageError for `-word`: a misspelt option, or an exclusion without quotes.
    """
    option_args: list[str] = []
    words: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        name, equals, _ = argument.partition("=")
        if argument == "--":
            words += remaining
        elif name in options:
            option_args.append(argument)
            option_args += islice(remaining, int(options[name] and not equals))
        elif _is_option(argument, options):
            option_args.append(argument)
        elif _is_dash_word(argument):
            raise UsageError(
                f"{argument}: no such option. To exclude a word, quote the whole query: 'beach {argument}'"
            )
        else:
            words.append(argument)
    return [*option_args, "--", *words] if words else option_args


def _is_option(argument: str, options: Mapping[str, bool]) -> bool:
    """True for an option in another form than the plain name: `-n5`, `-vv`, or a misspelt `--limti`."""
    is_number = bool(options.get(argument[:2])) and argument[2:].isdecimal()
    is_flags = argument[:1] == "-" and argument[1:].isalpha() and all(f"-{x}" in options for x in argument[1:])
    return (
        is_number or is_flags or (argument.startswith("--") and not any(map(str.isspace, argument.partition("=")[0])))
    )


def _is_dash_word(argument: str) -> bool:
    return argument[:1] == "-" and argument[1:2].isalpha() and not any(map(str.isspace, argument))


def read_query(words: Sequence[str]) -> str:
    """Join the words, or read stdin for a single `-`. Invalid bytes become U+FFFD."""
    if list(words) != ["-"]:
        return " ".join(words).encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    data = sys.stdin.buffer.read(_MAX_QUERY_BYTES + 1)
    if len(data) > _MAX_QUERY_BYTES:
        raise UsageError("The query on standard input is longer than 1 MB.")
    return data.decode("utf-8", "replace").strip()
