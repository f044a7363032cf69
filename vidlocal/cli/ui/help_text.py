"""The layout of `--help`: usage, arguments, options, examples.

Typer prints Python types (`<list[str]>`) and defaults in brackets. Here every value is a word in capitals, as in the
help of git and ffmpeg, and each help ends with examples.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from typer.core import TyperArgument, TyperOption

if TYPE_CHECKING:
    from typer._click.core import Context, Parameter
    from typer._click.formatting import HelpFormatter


def usage_pieces(parameters: "Sequence[Parameter]") -> list[str]:
    """Return the arguments of the usage line; optional arguments in brackets."""
    arguments = [parameter for parameter in parameters if isinstance(parameter, TyperArgument)]
    return [name if argument.required else f"[{name}]" for argument in arguments for name in [_metavar(argument)]]


def write_parameters(parameters: "Sequence[Parameter]", ctx: "Context", formatter: "HelpFormatter") -> None:
    """Write the sections Arguments and Options."""
    arguments = [
        (_metavar(parameter), parameter.help or "") for parameter in parameters if isinstance(parameter, TyperArgument)
    ]
    options = [
        (_option_names(parameter), _option_help(parameter, ctx))
        for parameter in parameters
        if isinstance(parameter, TyperOption) and not parameter.hidden
    ]
    for heading, rows in (("Arguments", arguments), ("Options", options)):
        if rows:
            with formatter.section(heading):
                formatter.write_dl(rows)


def write_examples(examples: Sequence[str], formatter: "HelpFormatter") -> None:
    """Write the section Examples: command lines, never wrapped."""
    if examples:
        with formatter.section("Examples"):
            for example in examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


def _metavar(parameter: TyperArgument | TyperOption) -> str:
    if parameter.metavar is not None:
        return parameter.metavar
    choices = parameter.type_descriptor.choices
    return "|".join(map(str, choices)) if choices else str(parameter.name).upper()


def _option_names(option: TyperOption) -> str:
    names = ", ".join(sorted(option.opts, key=len))
    if option.secondary_opts:
        names += f" / {', '.join(option.secondary_opts)}"
    return names if option.is_flag or option.count else f"{names} {_metavar(option)}"


def _option_help(option: TyperOption, ctx: "Context") -> str:
    text = option.help or ""
    default = option.get_default(ctx, call=False)
    if isinstance(option.show_default, str):
        return f"{text} (default: {option.show_default})"
    if not option.show_default or default is None or option.multiple or (option.is_flag and not option.secondary_opts):
        return text
    if option.secondary_opts:
        return f"{text} (default: {'yes' if default else 'no'})"
    return f"{text} (default: {default})"
