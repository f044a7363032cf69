"""`vidlocal setup`."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.progress import progress_line
from vidlocal.engines import clip_files
from vidlocal.engines.profiles import OLLAMA_SIZES_BYTES, Profile, ProfileName
from vidlocal.errors import EngineUnreachable, ModelMissing, UsageError
from vidlocal.render.sanitize import one_line
from vidlocal.settings import load

if TYPE_CHECKING:
    from rich.console import RenderableType

    from vidlocal.app.setup import PartStatus


EXAMPLES = (
    "vidlocal setup",
    "vidlocal setup --dry-run",
    "vidlocal setup --profile light --yes",
)


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
    """Download the models. No other command downloads anything.

    Says what it will fetch, how large it is and from where, and asks. What is there already is left alone; a
    download that was cut goes on. It makes the model `vidlocal` on the Ollama server out of the Modelfile, and
    writes the names of the models into settings.toml. Piped, the list is tab-separated: role, name, bytes,
    state, source.
    """
    from vidlocal.app.downloads import open_server, profile_parts
    from vidlocal.app.setup import check_parts, download_missing, profile_for_machine, save_model_names

    if json and not (yes or dry_run):
        raise UsageError("With --json there is nobody to ask. Add --yes, or --dry-run to see what would be fetched.")
    if pictures and not clip_files.is_installed():
        raise ModelMissing(clip_files.NOT_INSTALLED)
    settings = load({"allow_remote_host": allow_remote_host or None})
    models = profile_for_machine(profile_name)
    with open_server(settings) as server:
        statuses = check_parts(profile_parts(models, server, settings, text=text, pictures=pictures))
        if not json:
            _show(statuses, models, text=text)
        confirmed = not dry_run and (yes or _confirm(statuses))
        if confirmed:
            with progress_line(quiet=quiet) as line:
                statuses = download_missing(statuses, line)
            save_model_names(statuses, settings, notify=partial(console.notice, quiet=quiet))
    if json:
        console.document({"profile": models.name, "parts": [_as_data(status) for status in statuses]})
    if confirmed:
        _end(statuses, quiet=quiet)
    elif not dry_run:
        console.notice("Nothing was fetched.", quiet=quiet)


def _confirm(statuses: "Sequence[PartStatus]") -> bool:
    from vidlocal.app.downloads import format_size

    size_bytes = sum(status.part.size_bytes for status in statuses if status.state == "to fetch")
    return not size_bytes or console.confirm(f"Fetch {format_size(size_bytes)} now?")


def _end(statuses: "Sequence[PartStatus]", *, quiet: bool) -> None:
    failures = [status.error for status in statuses if status.state == "failed" and status.error is not None]
    if failures:
        for sentence in list(dict.fromkeys(map(str, failures)))[1:]:
            console.notice(sentence)
        raise failures[0]
    console.notice("Everything is here. Next: vidlocal ingest PATH, then vidlocal enrich.", quiet=quiet)


def _as_data(status: "PartStatus") -> dict[str, object]:
    part = status.part
    return {
        "role": part.role,
        "name": part.name,
        "size_bytes": part.size_bytes,
        "source": part.source,
        "state": status.state,
        "reason": str(status.error) if status.error else None,
    }


def _show(statuses: "Sequence[PartStatus]", models: Profile, *, text: bool) -> None:
    """The list, before anything is fetched."""
    if not console.is_terminal():
        for status in statuses:
            console.fields(
                status.part.role, status.part.name, str(status.part.size_bytes), status.state, status.part.source
            )
    else:
        console.show(_table(statuses))
    if not text:
        size_gb = OLLAMA_SIZES_BYTES[models.text_model] / 1e9
        console.notice(
            f"The text model {models.text_model} ({size_gb:.1f} GB) is left out. It makes the tags, chapters and "
            "summaries of whole videos; leave out --no-text to have it."
        )
    errors = [status.error for status in statuses if status.error is not None]
    for reason in dict.fromkeys(map(str, errors)):
        console.notice(reason)
    if any(isinstance(error, EngineUnreachable) for error in errors):
        console.notice("If Ollama is not installed yet: https://ollama.com/download")


def _table(statuses: "Sequence[PartStatus]") -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    from vidlocal.app.downloads import format_size

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("for", "model", "size", "state", "from"):
        table.add_column(heading, justify="right" if heading == "size" else "left", overflow="fold")
    for status in statuses:
        part = status.part
        state = Text(status.state, style="green" if status.is_ready else "yellow")
        size_text = format_size(part.size_bytes) if part.size_bytes else ""
        table.add_row(
            Text(part.role),
            Text(one_line(part.name), style="bold"),
            size_text,
            state,
            Text(one_line(part.source), style="dim"),
        )
    return table
