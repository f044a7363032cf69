"""Convert simple parameter values without pydantic.

Typer converts every value by pydantic, with an import time of 80 ms: as long as a whole word search. Strings, integers
and enums are converted here, other types by Typer. If a later Typer does not call `get_runtime_param`, it converts all.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, get_args, get_origin

import typer
from typer.core import TyperArgument, TyperOption

if TYPE_CHECKING:
    from typer._click.core import Context, Parameter

_Parameter = TyperArgument | TyperOption


def use_fast_params(parameters: "Iterable[Parameter]") -> None:
    """Replace the conversion of simple values in `parameters`."""
    for parameter in parameters:
        if isinstance(parameter, _Parameter) and not isinstance(parameter.get_runtime_param, _FastParam):
            fast_param = _FastParam(parameter, parameter.get_runtime_param)
            parameter.get_runtime_param = fast_param  # type: ignore[method-assign, assignment]


@dataclass(frozen=True, slots=True)
class _FastParam:
    """Replacement for both `get_runtime_param` and the runtime parameter returned by `original`."""

    parameter: _Parameter
    original: Callable[[], object]

    def __call__(self) -> "_FastParam":
        return self

    def coerce(self, value: object, param: _Parameter, ctx: "Context") -> object:
        if value is None:
            return () if self.parameter.multiple or self.parameter.nargs == -1 else None
        annotation: object = self.parameter.type_descriptor.annotation
        kind: object = get_args(annotation)[0] if get_origin(annotation) is list else annotation
        if not (isinstance(kind, type) and (kind in {str, int} or issubclass(kind, StrEnum))):
            return self.original().coerce(value, param=param, ctx=ctx)  # type: ignore[attr-defined]
        try:
            if isinstance(value, list | tuple):
                return [self._convert(kind, item) for item in value]
            return self._convert(kind, value)
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from error

    def _convert(self, kind: type, value: object) -> object:
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
