"""Options for the working hours of a deep pass, shared by `enrich` and `worker`."""

from typing import Annotated

import typer

from vidlocal.enrich.runner.schedule import When

WindowOption = Annotated[
    str | None,
    typer.Option(
        "--window",
        metavar="HH:MM-HH:MM",
        help="Night hours, such as 23:00-06:30.",
        show_default="the setting window",
    ),
]
UntilOption = Annotated[
    str | None, typer.Option("--until", metavar="HH:MM", help="Stop at this time of day.", show_default=False)
]
ForOption = Annotated[
    str | None,
    typer.Option("--for", metavar="DURATION", help="Stop after this time: 3h, 45m, 1h30m.", show_default=False),
]
WhenOption = Annotated[
    When | None,
    typer.Option(
        "--when",
        help="Pause while in use or on battery (idle), on battery (plugged), never (any).",
        show_default="idle at night, else any",
    ),
]
