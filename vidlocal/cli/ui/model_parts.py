"""Parts of `vidlocal setup` on the terminal, as fields, and as JSON data."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vidlocal.app.setup.run import PartStatus
from vidlocal.cli.ui import console
from vidlocal.errors import EngineUnreachable
from vidlocal.render.sanitize import one_line
from vidlocal.text import format_size

if TYPE_CHECKING:
    from rich.console import RenderableType

# Below this width sources would break inside words.
_MIN_TABLE_WIDTH = 110


def as_data(status: PartStatus) -> dict[str, object]:
    part = status.part
    return {
        "role": part.role,
        "name": part.name,
        "size_bytes": part.size_bytes,
        "source": part.source,
        "state": status.state,
        "reason": str(status.error) if status.error else None,
    }


def show_parts(statuses: Sequence[PartStatus]) -> None:
    """Print parts with size, state and source."""
    if not console.is_terminal():
        for status in statuses:
            console.fields(
                status.part.role, status.part.name, str(status.part.size_bytes), status.state, status.part.source
            )
    else:
        is_wide = console.rich_console().width >= _MIN_TABLE_WIDTH
        console.show(_table(statuses) if is_wide else _paragraphs(statuses))
    errors = [status.error for status in statuses if status.error is not None]
    for reason in dict.fromkeys(map(str, errors)):
        console.notice(reason)
    if any(isinstance(error, EngineUnreachable) for error in errors):
        console.notice("To install Ollama: https://ollama.com/download")


def _state_text(status: PartStatus) -> str:
    """State for people: the custom model is created on the server, not downloaded."""
    is_created = status.part.role == "custom model" and status.state == "to download"
    return "to create" if is_created else status.state.value


def _paragraphs(statuses: Sequence[PartStatus]) -> "RenderableType":
    """Role, model, size and state of each part, the source indented below. Wraps between words at any width."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    rows: list[RenderableType] = []
    for status in statuses:
        part = status.part
        size = f", {format_size(part.size_bytes)}" if part.size_bytes else ""
        state = (_state_text(status), "green" if status.is_ready else "yellow")
        rows.append(Text.assemble(f"{part.role}: ", (one_line(part.name), "bold"), f"{size}, ", state))
        rows.append(Padding(Text(one_line(part.source), style="dim"), (0, 0, 0, 4)))
    return Group(*rows)


def _table(statuses: Sequence[PartStatus]) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("for", "model", "size", "state", "from"):
        table.add_column(heading, justify="right" if heading == "size" else "left", overflow="fold")
    for status in statuses:
        part = status.part
        state = Text(_state_text(status), style="green" if status.is_ready else "yellow")
        size_text = format_size(part.size_bytes) if part.size_bytes else ""
        table.add_row(
            Text(part.role),
            Text(one_line(part.name), style="bold"),
            size_text,
            state,
            Text(one_line(part.source), style="dim"),
        )
    return table
