"""The options that several commands share, so that they read the same everywhere."""

from typing import Annotated

import typer

from vidlocal.records import WRITTEN, PassageKind

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress and no notices, only errors.")]
Kinds = Annotated[
    list[PassageKind] | None,
    typer.Option(
        "--kind", metavar="KIND", help=f"Only this kind of passage: {', '.join(PassageKind)}. May be repeated."
    ),
]
WrittenKinds = Annotated[
    list[PassageKind] | None,
    typer.Option("--kind", metavar="KIND", help=f"Only this kind of passage: {', '.join(WRITTEN)}. May be repeated."),
]
VideoName = Annotated[
    str, typer.Argument(metavar="VIDEO", help="An id, a path, or a unique part of the title or file name.")
]
