"""The class of all commands."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from typer.core import TyperCommand

from vidlocal.cli.ui.fast_params import use_fast_params
from vidlocal.cli.ui.help_text import usage_pieces, write_examples, write_parameters

if TYPE_CHECKING:
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
