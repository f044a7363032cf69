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
        console.show(_table(selected))
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


def _table(rows: Sequence[ResolvedSetting]) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("setting", style="bold", no_wrap=True)
    table.add_column("value", style="cyan", overflow="fold")
    table.add_column("from", overflow="fold", style="dim")
    table.add_column("meaning", min_width=24)
    for row in rows:
        origin = "settings.toml" if row.origin.endswith("settings.toml") else row.origin
        cells = [
            Text(one_line(text)) for text in (row.setting.name, format_value(row), origin, row.setting.description)
        ]
        if row.origin != "default":
            cells[2].stylize("not dim green")
        table.add_row(*cells)
    return table
