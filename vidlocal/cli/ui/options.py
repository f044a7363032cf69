"""Options shared by several commands."""

from typing import Annotated

import typer

from vidlocal.records import TEXT_KINDS, PassageKind

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress and no notices, only errors.")]
Kinds = Annotated[
    list[PassageKind] | None,
    typer.Option(
        "--kind", metavar="KIND", help=f"Only this kind of passage: {', '.join(PassageKind)}. May be repeated."
    ),
]
TextKinds = Annotated[
    list[PassageKind] | None,
    typer.Option(
        "--kind", metavar="KIND", help=f"Only this kind of passage: {', '.join(TEXT_KINDS)}. May be repeated."
    ),
]
Limit = Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="How many moments at most.")]
Videos = Annotated[
    list[str] | None,
    typer.Option("--video", metavar="VIDEO", help="Only this video: id, path or part of its name. May be repeated."),
]
AllowRemoteHost = Annotated[
    bool, typer.Option("--allow-remote-host", help="Allow an Ollama server on another machine.")
]
VideoName = Annotated[
    str, typer.Argument(metavar="VIDEO", help="An id, a path, or a unique part of the title or file name.")
]
