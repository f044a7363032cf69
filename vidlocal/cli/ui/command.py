"""The class of all commands, and their construction from functions."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import typer
from typer.core import TyperCommand
from typer.main import get_command

from vidlocal.cli.ui.fast_params import use_fast_params
from vidlocal.cli.ui.help_text import usage_pieces, write_examples, write_parameters
from vidlocal.cli.ui.verbosity import verbose_option

if TYPE_CHECKING:
    from typer._click.core import Command as ClickCommand
    from typer._click.core import Context
    from typer._click.formatting import HelpFormatter


class Command(TyperCommand):
    """A command with fast conversion of simple values. `examples`: command lines at the end of its help."""

    examples: Sequence[str] = ()

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        use_fast_params(self.get_params(ctx))
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: "Context") -> list[str]:
        return ["[OPTIONS]", *usage_pieces(self.get_params(ctx))]

    def format_options(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        write_parameters(self.get_params(ctx), ctx, formatter)

    def format_epilog(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        write_examples(self.examples, formatter)


def build_command(
    name: str, function: Callable[..., object], kind: type[TyperCommand] = Command, examples: Sequence[str] = ()
) -> "ClickCommand":
    """Build a command from a function with Typer parameters, whose docstring is the help."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(name, cls=kind)(function)
    command = get_command(app)
    if isinstance(command, Command):
        command.examples = examples
        command.params.append(verbose_option())
    return command
