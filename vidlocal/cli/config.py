"""`vidlocal config`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console, options
from vidlocal.render.sanitize import one_line
from vidlocal.settings import ResolvedSetting

if TYPE_CHECKING:
    from rich.console import RenderableType


def command(
    name: Annotated[str | None, typer.Argument(help="The setting to show or change.", show_default=False)] = None,
    value: Annotated[
        str | None, typer.Argument(help="Its new value, stored in settings.toml.", show_default=False)
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show every setting, its value and where the value comes from.

    With NAME it prints that value alone; with NAME and VALUE it stores the value in settings.toml.
    """
    if name is not None:
        settings.get_setting(name)
    if name is not None and value is not None:
        settings.write(settings.load().home, {name: value})
    rows = settings.explain()
    for variable in settings.unknown_variables():
        console.notice(f"The variable {variable} is no setting of vidlocal and changes nothing.", quiet=quiet)
    selected = [row for row in rows if name in (None, row.setting.name)]
    if value is not None:
        console.notice(_stored(selected[0], str(settings.load().file)), quiet=quiet)
    if json:
        console.document({"file": str(settings.load().file), "settings": [_data(row) for row in selected]})
    elif name is not None and value is None:
        console.line(format_value(selected[0]))
    elif name is None and console.is_terminal():
        console.show(_paragraphs(selected))
    elif name is None:
        for row in selected:
            console.fields(row.setting.name, format_value(row), row.origin)


def format_value(row: ResolvedSetting) -> str:
    """Format a value as in settings.toml, or describe the default."""
    if row.value in (None, ""):
        return row.setting.default_note
    return str(row.value).lower() if isinstance(row.value, bool) else str(row.value)


def _stored(row: ResolvedSetting, file: str) -> str:
    if row.origin == file:
        return f"{row.setting.name} is now {format_value(row)}, in {file}."
    return f"{row.setting.name} is stored in {file}, but {row.origin} is stronger and says {format_value(row)}."


def _data(row: ResolvedSetting) -> dict[str, object]:
    plain = row.value if isinstance(row.value, bool | int | float | None) else str(row.value)
    setting = row.setting
    return {
        "name": setting.name,
        "value": plain,
        "origin": row.origin,
        "variable": setting.env,
        "allowed": setting.allowed,
        "meaning": setting.description,
    }


def _paragraphs(rows: Sequence[ResolvedSetting]) -> "RenderableType":
    """Name, value and origin of each setting, the meaning indented below. Wraps between words at any width."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    parts: list[RenderableType] = []
    for row in rows:
        origin = "settings.toml" if row.origin.endswith("settings.toml") else row.origin
        origin_style = "dim" if row.origin == "default" else "green"
        parts.append(
            Text.assemble(
                (row.setting.name, "bold"), " = ", (one_line(format_value(row)), "cyan"), "  ", (origin, origin_style)
            )
        )
        parts.append(Padding(Text(one_line(row.setting.description), style="dim"), (0, 0, 0, 4)))
    return Group(*parts)
