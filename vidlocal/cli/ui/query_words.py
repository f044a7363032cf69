"""What a person typed after `search`, whatever it begins with and whatever bytes it is made of."""

import sys
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from typer.core import TyperOption

from vidlocal.cli.ui.fast_params import QuickCommand
from vidlocal.errors import UsageError

if TYPE_CHECKING:
    from typer._click.core import Context

_LONGEST_BYTES = 1 << 20


class WordsCommand(QuickCommand):
    """A command whose arguments are words of any kind: only its own options are read as options."""

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        known = {
            name: not parameter.is_flag
            for parameter in self.get_params(ctx)
            if isinstance(parameter, TyperOption)
            for name in parameter.opts
        }
        return super().parse_args(ctx, words_last(args, known))


def words_last(arguments: Sequence[str], options: Mapping[str, bool]) -> list[str]:
    """The options of `arguments` and their values first, then `--` and the words in their order.

    `options` maps each name to whether it takes a value. `-x` is a word unless it is an option;
    `--word` is left where a misspelt option is told from a word: among the options.
    """
    given: list[str] = []
    words: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        name, equals, _ = argument.partition("=")
        if argument == "--":
            words += rest
        elif name in options:
            given.append(argument)
            given += islice(rest, int(options[name] and not equals))
        elif _is_option(argument, options):
            given.append(argument)
        else:
            words.append(argument)
    return [*given, "--", *words] if words else given


def _is_option(argument: str, options: Mapping[str, bool]) -> bool:
    """Whether an argument that is no option's plain name is meant as one: `-n5`, or a misspelt `--limti`."""
    number = bool(options.get(argument[:2])) and argument[2:].isdecimal()
    return number or (argument.startswith("--") and not any(map(str.isspace, argument.partition("=")[0])))


def query_of(words: Sequence[str]) -> str:
    """The words joined, or what stdin holds when they are a single `-`. Bytes that are no text become U+FFFD."""
    if list(words) != ["-"]:
        return " ".join(words).encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    data = sys.stdin.buffer.read(_LONGEST_BYTES + 1)
    if len(data) > _LONGEST_BYTES:
        raise UsageError("The query on standard input is longer than 1 MB. Shorten it.")
    return data.decode("utf-8", "replace").strip()
