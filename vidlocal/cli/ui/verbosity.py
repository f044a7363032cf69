"""`-v` and `-vv`: print the log of the program on stderr."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal.cli.ui import console

if TYPE_CHECKING:
    import logging

    from typer._click.core import Parameter


def _set_verbosity(count: int) -> None:
    if not count:
        return
    import logging

    class NoticeHandler(logging.Handler):
        def emit(self, record: "logging.LogRecord") -> None:
            console.notice(f"[{time.perf_counter() - started:6.2f} s] {record.getMessage()}")

    started = time.perf_counter()
    logger = logging.getLogger("vidlocal")
    logger.propagate = False
    logger.setLevel(logging.INFO if count == 1 else logging.DEBUG)
    logger.handlers = [NoticeHandler()]


Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        is_eager=True,
        expose_value=False,
        callback=_set_verbosity,
        show_default=False,
        help="Show decisions; -vv also program and server calls.",
    ),
]


def verbose_option() -> "Parameter":
    """Create the option `-v` of a command."""

    def command(verbose: Verbose = 0) -> None: ...

    template = typer.Typer(add_completion=False)
    template.command()(command)
    return typer.main.get_command(template).params[0]
