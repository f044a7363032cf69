"""`vidlocal setup`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal import settings
from vidlocal.cli.ui import console, options, progress
from vidlocal.engines import clip_files
from vidlocal.engines.profiles import OLLAMA_SIZES_BYTES, Profile, ProfileName, profile
from vidlocal.errors import EngineUnreachable, ModelMissing, UsageError, VidlocalError
from vidlocal.render.sanitize import one_line
from vidlocal.settings import Settings

if TYPE_CHECKING:
    from rich.console import RenderableType

    from vidlocal.app.downloads import Part

_THERE, _WANTED, _FETCHED, _FAILED = "there", "to fetch", "fetched", "failed"


@dataclass(frozen=True, slots=True)
class Item:
    """A part, how it stands with it, and what stood in the way."""

    part: "Part"
    state: str
    error: VidlocalError | None = None

    @property
    def is_here(self) -> bool:
        return self.state in (_THERE, _FETCHED)


def command(
    profile_name: Annotated[
        ProfileName,
        typer.Option("--profile", help="light: a card of 4 to 6 GB; standard: 6 to 8 GB; best: more."),
    ] = ProfileName.STANDARD,
    text: Annotated[
        bool, typer.Option("--text/--no-text", help="Fetch the text model too: it makes tags, chapters and summaries.")
    ] = True,
    pictures: Annotated[
        bool,
        typer.Option(
            "--pictures", help="Fetch the model that finds by what pictures show too. Needs vidlocal[pictures]."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fetched, and fetch nothing.")] = False,
    allow_remote_host: options.AllowRemoteHost = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Fetch the models, once. The only command that downloads.

    Says what it will fetch, how large it is and from where, and asks. What is there already is left alone; a
    download that was cut goes on. It makes the model `vidlocal` on the Ollama server out of the Modelfile, and
    writes the names of the models into settings.toml. Piped, the list is tab-separated: role, name, bytes,
    state, source.
    """
    from vidlocal.app.downloads import open_server, parts

    if json and not (yes or dry_run):
        raise UsageError("With --json there is nobody to ask. Add --yes, or --dry-run to see what would be fetched.")
    if pictures and not clip_files.is_installed():
        raise ModelMissing(clip_files.NOT_INSTALLED)
    chosen = settings.load({"allow_remote_host": allow_remote_host or None})
    models = models_of(profile_name)
    with open_server(chosen) as server:
        items = look(parts(models, server, chosen, text=text, pictures=pictures))
        if not json:
            _show(items, models, text=text)
        go_on = not dry_run and (yes or _agreed(items))
        if go_on:
            items = bring(items, quiet=quiet)
            keep(items, chosen, quiet=quiet)
    if json:
        console.document({"profile": models.name, "parts": [_data(item) for item in items]})
    if go_on:
        _end(items, quiet=quiet)
    elif not dry_run:
        console.notice("Nothing was fetched.", quiet=quiet)


def models_of(name: ProfileName) -> Profile:
    """The models of a profile on this machine: only `best` depends on its graphics card."""
    from vidlocal.engines.gpu_memory import card_memory_bytes

    return profile(name, card_memory_bytes=card_memory_bytes() if name is ProfileName.BEST else None)


def look(wanted: "Sequence[Part]") -> list[Item]:
    """What is there and what is not. A server that does not answer leaves its parts to fetch, with the reason."""
    items = []
    for part in wanted:
        try:
            items.append(Item(part, _THERE if part.is_there() else _WANTED))
        except VidlocalError as error:
            items.append(Item(part, _WANTED, error))
    return items


def bring(items: Sequence[Item], *, quiet: bool) -> list[Item]:
    """Fetch what is not there. One part that fails does not keep the others from coming."""
    with progress.line(quiet=quiet) as line:
        return [item if item.state == _THERE else _brought(item.part, line) for item in items]


def keep(items: Sequence[Item], chosen: Settings, *, quiet: bool) -> None:
    """Write the names of the models that are here into settings.toml."""
    names = {item.part.setting: item.part.name for item in items if item.part.setting and item.is_here}
    if names:
        settings.write(chosen.home, names)
    for row in settings.explain():
        if row.setting.name in names and row.value != names[row.setting.name]:
            console.notice(
                f"{row.setting.name} stays {row.value}: {row.origin} is stronger than the file.", quiet=quiet
            )


def _brought(part: "Part", line: progress.Line) -> Item:
    what = f"{part.role}: {part.name}"
    line.at(what, None)
    try:
        part.fetch(lambda share: line.at(what, share))
    except VidlocalError as error:
        return Item(part, _FAILED, error)
    line.say(f"{part.name} is ready.")
    return Item(part, _FETCHED)


def _agreed(items: Sequence[Item]) -> bool:
    from vidlocal.app.downloads import size

    size_bytes = sum(item.part.size_bytes for item in items if item.state == _WANTED)
    return not size_bytes or console.confirmed(f"Fetch {size(size_bytes)} now?")


def _end(items: Sequence[Item], *, quiet: bool) -> None:
    failures = [item.error for item in items if item.state == _FAILED and item.error is not None]
    if failures:
        for sentence in list(dict.fromkeys(map(str, failures)))[1:]:
            console.notice(sentence)
        raise failures[0]
    console.notice("Everything is here. Next: vidlocal ingest PATH, then vidlocal enrich.", quiet=quiet)


def _data(item: Item) -> dict[str, object]:
    part = item.part
    return {
        "role": part.role,
        "name": part.name,
        "size_bytes": part.size_bytes,
        "source": part.source,
        "state": item.state,
        "reason": str(item.error) if item.error else None,
    }


def _show(items: Sequence[Item], models: Profile, *, text: bool) -> None:
    """The list, before anything is fetched."""
    if not console.on_terminal():
        for item in items:
            console.fields(item.part.role, item.part.name, str(item.part.size_bytes), item.state, item.part.source)
    else:
        console.show(_table(items))
    if not text:
        size_gb = OLLAMA_SIZES_BYTES[models.text_model] / 1e9
        console.notice(
            f"The text model {models.text_model} ({size_gb:.1f} GB) is left out. It makes the tags, chapters and "
            "summaries of whole videos; leave out --no-text to have it."
        )
    errors = [item.error for item in items if item.error is not None]
    for reason in dict.fromkeys(map(str, errors)):
        console.notice(reason)
    if any(isinstance(error, EngineUnreachable) for error in errors):
        console.notice("If Ollama is not installed yet: https://ollama.com/download")


def _table(items: Sequence[Item]) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    from vidlocal.app.downloads import size

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("for", "model", "size", "state", "from"):
        table.add_column(heading, justify="right" if heading == "size" else "left", overflow="fold")
    for item in items:
        part = item.part
        state = Text(item.state, style="green" if item.is_here else "yellow")
        size_text = size(part.size_bytes) if part.size_bytes else ""
        table.add_row(
            Text(part.role), Text(one_line(part.name), style="bold"), size_text, state, Text(one_line(part.source), style="dim")
        )
    return table
