"""Options shared by several commands."""

from dataclasses import replace
from typing import Annotated

import typer

from vidlocal.records import TEXT_KINDS, PassageKind
from vidlocal.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite an existing output file.")]
Kinds = Annotated[
    list[PassageKind] | None,
    typer.Option("--kind", metavar="KIND", help=f"Only this kind of passage (repeatable): {', '.join(PassageKind)}."),
]
TextKinds = Annotated[
    list[PassageKind] | None,
    typer.Option("--kind", metavar="KIND", help=f"Only this kind of passage (repeatable): {', '.join(TEXT_KINDS)}."),
]
Limit = Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="Maximum number of moments.")]
Videos = Annotated[
    list[str] | None,
    typer.Option("--video", metavar="VIDEO", help="Only this video (repeatable): id, path or part of its name."),
]
MaxVideos = Annotated[
    int | None,
    typer.Option("--limit", "-n", metavar="N", min=1, help="Maximum number of videos.", show_default="all"),
]
AllowRemoteHost = Annotated[
    bool, typer.Option("--allow-remote-host", help="Allow an Ollama server on another machine.")
]
VideoName = Annotated[
    str, typer.Argument(metavar="VIDEO", help="Id, path, or a unique part of the title or file name.")
]

WhisperModel = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="Whisper model: tiny to large-v3-turbo, or a file.", show_default="base"),
]

Language = Annotated[
    str | None,
    typer.Option(metavar="LANG", help="Language that is spoken, such as de.", show_default="detected per passage"),
]

Translate = Annotated[bool, typer.Option("--translate", help="Translate speech in other languages to English, too.")]

AudioTrack = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, max=99, help="Audio track to transcribe, from 1.", show_default="the first with speech"
    ),
]

Cluster = Annotated[
    bool, typer.Option("--cluster", help="Let the machines of the cluster work, too (see: vidlocal cluster).")
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        help="Cluster of another Dask scheduler, such as tls://10.0.0.5:8786.",
        show_default="the setting cluster",
    ),
]

Servers = Annotated[
    list[str] | None,
    typer.Option(
        "--server",
        metavar="KIND=URL",
        help="Model server (repeatable): ollama=URL, openai=URL, transformers=MODEL.",
        show_default="[[servers]] of the settings",
    ),
]


def with_cluster(settings: Settings, *, cluster: bool, scheduler: str | None) -> Settings:
    """Return the settings with the cluster of the options. Raises UsageError for an invalid address."""
    if scheduler:
        from vidlocal.cluster.addresses import parse_address

        return replace(settings, cluster=str(parse_address(scheduler)))
    return replace(settings, cluster="own") if cluster and not settings.cluster else settings
