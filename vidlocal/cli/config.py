"""`vidlocal config`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console, options
from vidlocal.render.sanitize import one_line
from vidlocal.settings import ResolvedSetting
from vidlocal.settings.servers import ServerSetting

if TYPE_CHECKING:
    from rich.console import RenderableType


EXAMPLES = ("vidlocal config", "vidlocal config vision_model", "vidlocal config vision_model bakllava")


def command(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Setting to show or change.")] = None,
    value: Annotated[str | None, typer.Argument(metavar="VALUE", help="New value, stored in settings.toml.")] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show or change the settings.

    Without arguments it prints all settings with their origins; with NAME only this value. NAME VALUE stores the value
    in settings.toml.
    """
    if name is not None:
        settings.get_setting(name)
    if name is not None and value is not None:
        settings.write(settings.load().home, {name: value})
    rows = settings.explain()
    for variable in settings.unknown_variables():
        console.notice(f"{variable}: not a setting; the variable has no effect.", quiet=quiet)
    selected = [row for row in rows if name in (None, row.setting.name)]
    if value is not None:
        console.notice(_stored(selected[0], str(settings.load().file)), quiet=quiet)
    loaded = settings.load()
    servers = loaded.servers if name is None else ()
    if json:
        document: dict[str, object] = {"file": str(loaded.file), "settings": [_data(row) for row in selected]}
        if servers:
            document["servers"] = [_server_data(server) for server in servers]
        console.document(document)
    elif name is not None and value is None:
        console.line(format_value(selected[0]))
    elif name is None and console.is_terminal():
        console.show(_paragraphs(selected))
    elif name is None:
        for row in selected:
            console.fields(row.setting.name, format_value(row), row.origin)
    if not json:
        for server in servers:
            kind_and_roles = f"{server.kind}, for {', '.join(sorted(server.roles))}"
            console.fields("servers", f"{server.url}, {kind_and_roles}", str(loaded.file))


def format_value(row: ResolvedSetting) -> str:
    """Format a value as in settings.toml, or describe the default."""
    if row.value in (None, ""):
        return row.setting.default_note
    return str(row.value).lower() if isinstance(row.value, bool) else str(row.value)


def _stored(row: ResolvedSetting, file: str) -> str:
    if row.origin == file:
        return f"{row.setting.name} = {format_value(row)}, stored in {file}"
    return f"{row.setting.name} is stored in {file}, but {row.origin} overrides it: {format_value(row)}"


def _data(row: ResolvedSetting) -> dict[str, object]:
    plain = row.value if isinstance(row.value, bool | int | float | None) else str(row.value)
    setting = row.setting
    return {
        "name": setting.name,
        "value": plain,
        "origin": row.origin,
        "variable": setting.env,
        "allowed": setting.allowed,
        "description": setting.description,
    }


def _server_data(server: ServerSetting) -> dict[str, object]:
    """Return a server without its key."""
    return {"kind": server.kind, "url": server.url, "name": server.name, "roles": sorted(server.roles)}


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
