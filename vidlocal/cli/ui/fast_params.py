"""Reading the simple values of a command line without pydantic.

Typer converts every value through pydantic, whose import takes 80 ms: as long as all the rest of a
search on words. Text, whole numbers and closed sets need none of it. Whatever else there is stays with
Typer, as does everything in a Typer that no longer asks for `get_runtime_param`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, get_args, get_origin

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

if TYPE_CHECKING:
    from typer._click.core import Context, Parameter

_Given = TyperArgument | TyperOption


class QuickCommand(TyperCommand):
    """A command that reads simple values quickly."""

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        quicken(self.get_params(ctx))
        return super().parse_args(ctx, args)


def quicken(parameters: "Iterable[Parameter]") -> None:
    """Let `parameters` read their values quickly where they can."""
    for parameter in parameters:
        if isinstance(parameter, _Given) and not isinstance(parameter.get_runtime_param, _Quick):
            quick = _Quick(parameter, parameter.get_runtime_param)
            parameter.get_runtime_param = quick  # type: ignore[method-assign, assignment]


@dataclass(frozen=True, slots=True)
class _Quick:
    """Stands in for `get_runtime_param` and for what that returns."""

    parameter: _Given
    typers_own: Callable[[], object]

    def __call__(self) -> "_Quick":
        return self

    def coerce(self, value: object, param: _Given, ctx: "Context") -> object:
        if value is None:
            return () if self.parameter.multiple or self.parameter.nargs == -1 else None
        annotation: object = self.parameter.type_descriptor.annotation
        kind: object = get_args(annotation)[0] if get_origin(annotation) is list else annotation
        if not (isinstance(kind, type) and (kind in {str, int} or issubclass(kind, StrEnum))):
            return self.typers_own().coerce(value, param=param, ctx=ctx)  # type: ignore[attr-defined]
        try:
            return (
                [self._read(kind, one) for one in value] if isinstance(value, list | tuple) else self._read(kind, value)
            )
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from error

    def _read(self, kind: type, value: object) -> object:
        if kind is str:
            return str(value)
        if issubclass(kind, StrEnum):
            if value not in list(kind):
                raise ValueError(f"{value!r} is not one of {', '.join(kind)}.")
            return kind(str(value))
        return self._number(str(value))

    def _number(self, text: str) -> int:
        try:
            number = int(text)
        except ValueError as error:
            raise ValueError(f"{text!r} is not a whole number.") from error
        low, high = self.parameter.min, self.parameter.max
        if (low is not None and number < low) or (high is not None and number > high):
            allowed = f"at least {low}" if high is None else f"at most {high}" if low is None else f"{low} to {high}"
            raise ValueError(f"{number} is out of range; it takes {allowed}.")
        return number
