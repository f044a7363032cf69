"""Options for the working hours of a deep pass, shared by `enrich` and `worker`."""

from typing import Annotated

import typer

from vidlocal.enrich.runner.schedule import When

WindowOption = Annotated[
    str | None,
    typer.Option(
        "--window",
        metavar="HH:MM-HH:MM",
        help="Hours of the night in place of the setting window, such as 23:00-06:30.",
        show_default=False,
    ),
]
UntilOption = Annotated[
    str | None, typer.Option("--until", metavar="HH:MM", help="End at this time of day.", show_default=False)
]
ForOption = Annotated[
    str | None, typer.Option("--for", metavar="3h", help="End after so long: 3h, 45m, 1h30m.", show_default=False)
]
WhenOption = Annotated[
    When | None,
    typer.Option(
        "--when",
        help="Hold while the machine is in use or on battery (idle), while it is on battery (plugged), or never (any).",
        show_default="idle in the night window, any otherwise",
    ),
]
