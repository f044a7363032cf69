"""The program `vidlocal`: commands and error handling.

A command is a module of this package with a function `command`, typed with `Annotated` Typer parameters. It parses,
calls `app` or a verb, and renders; the docstring is the help, with its first line also in `COMMANDS`. A module is
imported only when its command is called, which keeps `vidlocal --help` as fast as Typer itself.
"""

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from vidlocal.cli.ui.exit_handling import exit_on_sigterm, handle_errors, prepare_streams
from vidlocal.cli.ui.fast_params import FastCommand, use_fast_params
from vidlocal.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer._click.core import Command, Context

# In the order of use: name -> (module, first line of the help).
COMMANDS = {
    "setup": ("setup", "Fetch the models, once. The only command that downloads."),
    "doctor": ("doctor", "Show what works, what is missing, and how to mend it."),
    "demo": ("demo", "Go the whole way on a small bundled clip: no server, no download."),
    "ingest": ("ingest", "Take videos into the library, so that they can be searched."),
    "enrich": ("enrich", "Describe the frames with the local vision model, most valuable first."),
    "search": ("search", "Find moments by what is said, written or shown in them."),
    "ask": ("ask", "Answer a question from what the library holds, each statement with the moment it rests on."),
    "similar": ("similar", "Find what looks like a moment, a picture or a whole video."),
    "clusters": ("clusters", "Show what is there more than once: pictures that look nearly the same, in groups."),
    "clip": (
        "clip",
        "Cut the moments of a search out of their videos, each into its own file or all into a single file.",
    ),
    "note": ("note", "Write a note to a moment, or correct or delete any passage."),
    "import": ("import_", "Take in what `vidlocal export` or another program wrote: passages, transcripts, captions."),
    "export": ("export", "Export the library, or the moments of a search, for other programs."),
    "eval": ("eval_", "Measure how well search finds, on queries of which the right answers are known."),
    "worker": ("worker", "Work off the queue night after night, as a service, until it is ended."),
    "report": ("report", "Show what the last night brought: frames, pace, failures, and how many nights are left."),
    "pause": ("pause", "Hold the deep pass, in whatever process it runs, until `vidlocal resume`."),
    "resume": ("resume", "Let the deep pass go on after `vidlocal pause`."),
    "status": ("status", "Show what is done, what is running and what is left."),
    "plan": ("plan", "Show which frames will be described first, and why."),
    "failed": ("failed", "List the failed jobs with their reasons, or retry them."),
    "list": ("list_videos", "List the videos of the library."),
    "show": ("show", "Show a video along its timeline: speech, descriptions, text on screen, notes."),
    "organize": ("organize", "Propose folders and names for the videos in a folder; rename on request."),
    "rm": ("rm", "Take a video out of the library. Its file is never touched."),
    "check": ("check", "Look the library through: database, indexes, images, vectors, and the files it was made of."),
    "config": ("config", "Show every setting, its value and where the value comes from."),
}


class _Root(TyperGroup):
    """The root command: imports commands on demand, and converts errors to messages."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # Placeholders with name and help; resolve_command() loads the command.
        self.commands = {name: TyperCommand(name, short_help=line) for name, (_, line) in COMMANDS.items()}

    def resolve_command(self, ctx: "Context", args: list[str]) -> "tuple[str | None, Command | None, list[str]]":
        name, command, remaining = super().resolve_command(ctx, args)
        return name, load_command(name) if name else command, remaining

    def main(self, args: "Sequence[str] | None" = None, *positional: Any, **keywords: Any) -> Any:
        prepare_streams()
        if "_VIDLOCAL_COMPLETE" in os.environ:
            from vidlocal.cli.ui.shells import complete

            sys.exit(complete(sys.argv[1:] if args is None else args))
        return super().main(args, *positional, **keywords)

    def make_context(self, *args: Any, **keywords: Any) -> "Context":
        with handle_errors():
            return super().make_context(*args, **keywords)

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        use_fast_params(self.get_params(ctx))
        return super().parse_args(ctx, args)

    def invoke(self, ctx: "Context") -> Any:
        with handle_errors():
            return super().invoke(ctx)


def load_command(name: str) -> "Command":
    """Import the module of a command and build the command.

    The module may define a `Parser`, a subclass of FastCommand, to replace the default.
    """
    module = import_module(f"vidlocal.cli.{COMMANDS[name][0]}")
    typer_app = typer.Typer(rich_markup_mode=None, add_completion=False)
    typer_app.command(name, cls=getattr(module, "Parser", FastCommand))(module.command)
    return get_command(typer_app)


app = typer.Typer(
    cls=_Root,
    name="vidlocal",
    rich_markup_mode=None,  # plain help: the same on every terminal and in docs/commands.md
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    add_completion=False,  # our completion offers videos and tags, and shells evaluate nothing
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_set: bool) -> None:
    if is_set:
        typer.echo(f"vidlocal {__version__}")
        raise typer.Exit


def _install_completion(is_set: bool) -> None:
    if is_set:
        from vidlocal.cli.ui import shells

        typer.echo(f"Completion is in {shells.install()}. It works in every terminal you open from now on.", err=True)
        raise typer.Exit


def _show_completion(is_set: bool) -> None:
    if is_set:
        from vidlocal.cli.ui import shells

        typer.echo(shells.completion_script(), nl=False)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
    install_completion: Annotated[
        bool,
        typer.Option(
            "--install-completion",
            help="Install completion for the shell you are in.",
            is_eager=True,
            callback=_install_completion,
        ),
    ] = False,
    show_completion: Annotated[
        bool,
        typer.Option(
            "--show-completion",
            help="Print the completion script of the shell you are in.",
            is_eager=True,
            callback=_show_completion,
        ),
    ] = False,
) -> None:
    """Find moments in your own video. No picture and no word of it leaves your machine.

    VIDLOCAL_HOME names the folder that holds everything: library, frames, models and settings.
    """


def main() -> None:
    """Run the command line of this process, and exit with a code."""
    exit_on_sigterm()
    app(sys.argv[1:], prog_name="vidlocal")
