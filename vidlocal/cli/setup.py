"""`vidlocal setup`."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal.cli.ui import console, options
from vidlocal.cli.ui.progress import progress_line
from vidlocal.engines.clip import clip_files
from vidlocal.engines.profiles import Profile, ProfileName
from vidlocal.engines.speakers import speaker_files
from vidlocal.engines.speech.whisper_files import full_whisper_name
from vidlocal.errors import ModelMissing, UsageError
from vidlocal.settings import Settings, load

if TYPE_CHECKING:
    from vidlocal.app.setup.model_part import ModelPart
    from vidlocal.app.setup.run import PartStatus


EXAMPLES = (
    "vidlocal setup",
    "vidlocal setup --dry-run",
    "vidlocal setup --only speech --yes",
    "vidlocal setup --memory 8 --vision qwen3-vl:8b",
    "vidlocal setup --only speech --speech turbo",
    "vidlocal setup --transformers llava-hf/llava-1.5-7b-hf",
)

_GB = 1_000_000_000

PARTS = ("speech", "pictures", "speakers", "people", "embeddings", "vision", "custom", "text")

ProfileOption = Annotated[
    ProfileName | None,
    typer.Option(
        "--profile", help="GPU memory: light (4 to 6 GB), standard (6 to 8) or best.", show_default="standard"
    ),
]
Only = Annotated[
    str | None,
    typer.Option("--only", metavar="PARTS", help=f"Only these parts, separated by commas: {', '.join(PARTS)}."),
]
Memory = Annotated[
    float | None,
    typer.Option(
        "--memory", metavar="GB", min=0, max=1024, help="GPU memory; chooses the profile.", show_default="detected"
    ),
]
Vision = Annotated[
    str | None,
    typer.Option("--vision", metavar="MODEL", help="Vision model, instead of the profile's.", show_default=False),
]
Speech = Annotated[
    str | None,
    typer.Option("--speech", metavar="MODEL", help="Whisper model: base, small, turbo and others.", show_default=False),
]
Text = Annotated[bool, typer.Option("--text/--no-text", help="Text model for tags, chapters and summaries.")]
Pictures = Annotated[bool, typer.Option("--pictures", help="CLIP model for image search (needs vidlocal[pictures]).")]
Speakers = Annotated[
    bool, typer.Option("--speakers", help="Models that tell speakers apart (needs vidlocal[speakers]).")
]
People = Annotated[bool, typer.Option("--people", help="Models that find faces and know them again.")]
Transformers = Annotated[
    str | None,
    typer.Option(
        "--transformers",
        metavar="NAME",
        help="Only this model of Hugging Face, to run in process.",
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the list; download nothing.")]


def command(
    profile_name: ProfileOption = None,
    memory: Memory = None,
    vision: Vision = None,
    only: Only = None,
    speech: Speech = None,
    text: Text = True,
    pictures: Pictures = False,
    speakers: Speakers = False,
    people: People = False,
    transformers: Transformers = None,
    yes: options.Yes = False,
    dry_run: DryRun = False,
    allow_remote_host: options.AllowRemoteHost = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Download the models. No other command downloads anything.

    Lists each model with size and source, and asks. The profile follows the GPU memory, which is detected or asked for
    on a terminal; otherwise it is standard. Models that a setting names, that the Ollama server has or that
    are in the folder of another program are used; only missing ones are downloaded. Interrupted downloads resume.
    Creates the model `vidlocal` on the server and writes the names of the models to settings.toml. Piped, it prints
    tab-separated lines: role, name, bytes, state, source.
    """
    from vidlocal.app.setup.ollama_parts import open_server
    from vidlocal.app.setup.profile_parts import profile_parts
    from vidlocal.app.setup.run import save_model_names
    from vidlocal.cli.ui.model_parts import as_data

    if json and not (yes or dry_run):
        raise UsageError("--json cannot ask for confirmation. Add --yes or --dry-run.")
    if transformers is not None:
        _set_up_transformers(transformers, yes=yes, dry_run=dry_run, json=json, quiet=quiet)
        return
    selected = _selected(only, pictures=pictures, speakers=speakers, people=people, text=text)
    _require_packages(selected)
    settings = load({"allow_remote_host": allow_remote_host or None})
    if profile_name is None and "vision" in selected and vision is None:
        is_asked = sys.stdin.isatty() and console.is_terminal() and not (yes or json or quiet or dry_run)
        memory = _gpu_memory(memory, may_ask=is_asked and not _names_vision_model())
        if memory is not None:
            profile_name = _propose(memory, settings, quiet=quiet)
    models = _models(profile_name, settings, memory, vision=vision, speech=speech)
    with open_server(settings) as server:
        parts = profile_parts(
            models,
            server,
            settings,
            text=True,
            pictures="pictures" in selected,
            speakers="speakers" in selected,
            people="people" in selected,
        )
        chosen = [part for part in parts if _part_of(part) in selected]
        statuses, confirmed = _offer(chosen, yes=yes, dry_run=dry_run, json=json, quiet=quiet)
        if confirmed:
            save_model_names(statuses, settings, notify=partial(console.notice, quiet=quiet))
    if json:
        console.document({"profile": models.name, "parts": [as_data(status) for status in statuses]})
    if confirmed:
        _end(statuses, quiet=quiet)


def _names_vision_model() -> bool:
    """True if a setting or variable names the vision model."""
    from vidlocal.settings import explain

    return any(row.setting.name == "vision_model" and row.origin != "default" for row in explain())


def _gpu_memory(memory: float | None, *, may_ask: bool) -> float | None:
    """Return the GPU memory in GB: as given, else as detected or typed if the user may be asked; None if unknown."""
    if memory is not None or not may_ask:
        return memory
    from vidlocal.engines.gpu_memory import gpu_memory_bytes

    detected = gpu_memory_bytes()
    return detected / _GB if detected is not None else console.ask_number("Graphics memory in GB (Enter: unknown)")


def _propose(memory: float, settings: Settings, *, quiet: bool) -> ProfileName:
    """Return the profile for a GPU memory in GB, and name newer models of this size."""
    from vidlocal.engines.profiles import newer_models, profile_for_memory

    name = profile_for_memory(memory * _GB)
    newer = newer_models(memory * _GB, settings.num_ctx)
    others = f" Newer vision models that fit: {', '.join(newer)}; choose with --vision." if newer else ""
    console.notice(f"Graphics memory: {memory:.3g} GB. Profile: {name}.{others}", quiet=quiet)
    return name


def _set_up_transformers(name: str, *, yes: bool, dry_run: bool, json: bool, quiet: bool) -> None:
    """Show size and licence of a model, confirm, and download."""
    from vidlocal.app.setup.transformers_part import transformers_part
    from vidlocal.cli.ui.model_parts import as_data

    part = transformers_part(name, load())
    statuses, confirmed = _offer([part], yes=yes, dry_run=dry_run, json=json, quiet=quiet)
    if json:
        console.document({"profile": None, "parts": [as_data(status) for status in statuses]})
    if confirmed:
        _raise_failure(statuses)
        console.notice(f"Next: vidlocal enrich --server transformers={name}", quiet=quiet)


def _offer(
    parts: "Sequence[ModelPart]", *, yes: bool, dry_run: bool, json: bool, quiet: bool
) -> "tuple[list[PartStatus], bool]":
    """Show parts, confirm, and download missing parts. Returns their states, and True unless declined."""
    from vidlocal.app.setup.run import check_parts, download_missing
    from vidlocal.cli.ui.model_parts import show_parts

    statuses = check_parts(parts)
    if not json:
        show_parts(statuses)
    confirmed = not dry_run and (yes or _confirm(statuses))
    if confirmed:
        with progress_line(quiet=quiet) as line:
            statuses = download_missing(statuses, line)
    elif not dry_run:
        console.notice("Nothing was downloaded.", quiet=quiet)
    return statuses, confirmed


def _selected(only: str | None, *, pictures: bool, speakers: bool, people: bool, text: bool) -> set[str]:
    """Return the parts to set up. Raises UsageError for an unknown part."""
    if only is None:
        switches = {"pictures": pictures, "speakers": speakers, "people": people, "text": text}
        return {part for part in PARTS if switches.get(part, True)}
    selected = {part.strip().lower() for part in only.split(",")}
    unknown = sorted(selected - set(PARTS))
    if unknown:
        raise UsageError(f"--only {unknown[0]}: not a part. Parts: {', '.join(PARTS)}.")
    return selected


def _require_packages(selected: set[str]) -> None:
    """Raise ModelMissing for parts without their optional packages."""
    if "pictures" in selected and not clip_files.is_installed():
        raise ModelMissing(clip_files.NOT_INSTALLED)
    if "speakers" in selected and not speaker_files.is_installed():
        raise ModelMissing(speaker_files.NOT_INSTALLED)


def _part_of(part: "ModelPart") -> str:
    """Return the name of a part for --only."""
    return {"custom model": "custom"}.get(part.role, part.role)


def _models(
    name: ProfileName | None, settings: Settings, memory: float | None, *, vision: str | None, speech: str | None
) -> Profile:
    """Return the models to install: of the options, else by settings, this machine and the profile."""
    from pathlib import Path

    from platformdirs import user_data_path

    from vidlocal.app.setup.model_choice import chosen_models, other_model_folders
    from vidlocal.app.setup.run import profile_for_machine

    folders = other_model_folders(Path.home(), lambda program: user_data_path(program, appauthor=False))
    profile = profile_for_machine(name or ProfileName.STANDARD, None if memory is None else memory * _GB)
    models = chosen_models(profile, settings, is_explicit=name is not None, folders=folders)
    if speech is not None:
        models = replace(models, whisper_model=full_whisper_name(speech))
    return models if vision is None else replace(models, vision_model=vision)


def _confirm(statuses: "Sequence[PartStatus]") -> bool:
    """Ask before a download. Creating the custom model needs no confirmation."""
    from vidlocal.text import format_size

    missing = [
        status.part for status in statuses if status.state == "to download" and status.part.role != "custom model"
    ]
    if not missing:
        return True
    size = format_size(sum(part.size_bytes for part in missing))
    unknown = " and models of unknown size" if any(not part.size_bytes for part in missing) else ""
    return console.confirm(f"Download {size}{unknown} now?", default=True)


def _raise_failure(statuses: "Sequence[PartStatus]") -> None:
    """Report failed downloads; raise the first failure."""
    failures = [status.error for status in statuses if status.state == "failed" and status.error is not None]
    if failures:
        for sentence in list(dict.fromkeys(map(str, failures)))[1:]:
            console.notice(sentence)
        raise failures[0]


def _end(statuses: "Sequence[PartStatus]", *, quiet: bool) -> None:
    _raise_failure(statuses)
    waiting = ", ".join(status.part.role for status in statuses if status.state == "no server")
    if waiting:
        console.notice(
            f"Not set up without an Ollama server: {waiting}. Start it, then run: vidlocal setup", quiet=quiet
        )
    else:
        console.notice("All models are installed. Next: vidlocal ingest PATH, then vidlocal enrich.", quiet=quiet)
