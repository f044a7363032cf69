"""The program `vidlocal`: commands and error handling.

A command is a module of this package with a function `command`, typed with `Annotated` Typer parameters, and
`EXAMPLES` for its help. It parses, calls `app` or a verb, and renders; the docstring is the help, with its first line
also in `SECTIONS`. A module is imported only when its command is called, which keeps `vidlocal --help` as fast as
Typer itself.
"""

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from vidlocal.cli.ui.command import Command, build_command
from vidlocal.cli.ui.exit_handling import exit_on_sigterm, handle_errors, prepare_streams
from vidlocal.cli.ui.fast_params import use_fast_params
from vidlocal.cli.ui.help_text import write_examples, write_parameters
from vidlocal.cli.ui.verbosity import Verbose
from vidlocal.plugins.discovery import has_plugins
from vidlocal.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer._click.core import Command as ClickCommand
    from typer._click.core import Context
    from typer._click.formatting import HelpFormatter

# Section of the help -> name -> (module, first line of the help).
SECTIONS = {
    "Start": {
        "start": ("start", "Check, download, index and search a folder: the first day in one command."),
        "demo": ("demo", "Try the full pipeline on a bundled sample clip (offline)."),
        "setup": ("setup", "Download the models. No other command downloads anything."),
        "doctor": ("doctor", "Check the installation; print a fix for each problem."),
        "config": ("config", "Show or change the settings."),
        "plugins": ("plugins", "List the installed plugins with their hooks, or their errors."),
        "help": ("help_", "Explain a command or a topic: query, exit-codes, settings, scripting."),
    },
    "Index": {
        "ingest": ("ingest", "Index videos, photos and audio files."),
        "enrich": ("enrich", "Caption frames, tag and summarise videos with local models."),
        "import": ("import_", "Import transcripts, subtitles, captions or an export."),
    },
    "Search": {
        "search": ("search", "Find moments by what is said, shown or written in them."),
        "ask": ("ask", "Answer a question from your videos, citing moments."),
        "similar": ("similar", "Find moments similar to a moment, an image or a video."),
        "clusters": ("clusters", "Group frames that look nearly the same."),
        "speakers": ("speakers", "List the speakers in your videos; name, merge and forget speakers."),
        "people": ("people", "List the people in your videos; name, merge and forget people."),
        "show": ("show", "Show a video: summary, chapters, timeline."),
        "serve": ("serve", "Search, watch and steer in a browser."),
    },
    "Share": {
        "play": ("play", "Play a hit of the last search, or any moment, in your player."),
        "clip": ("clip", "Cut moments out of their videos, into separate files or a single film."),
        "export": ("export", "Export transcripts, subtitles, edit lists or the library."),
        "sidecars": ("sidecars", "Write summaries, chapters, tags and speech beside the videos."),
        "mcp": ("mcp", "Let an assistant search your videos, by the Model Context Protocol."),
        "note": ("note", "Add a note to a moment; edit or delete any passage."),
    },
    "Night": {
        "status": ("status", "Show progress, running work and time left."),
        "plan": ("plan", "Show the order of the frames to caption, with reasons."),
        "failed": ("failed", "List failed jobs with their reasons, or retry them."),
        "report": ("report", "Show the results of the last night: frames, pace, failures."),
        "pause": ("pause", "Pause all running enrich and worker processes."),
        "resume": ("resume", "Resume paused processes."),
        "worker": ("worker", "Run as a service: caption every night, watch folders."),
        "cluster": ("cluster", "Let other machines caption, read and transcribe for this library."),
        "bench": ("bench", "Compare your vision models: speed, validity, captions."),
    },
    "Library": {
        "list": ("list_videos", "List the videos of the library."),
        "organize": ("organize", "Propose folders and file names; rename on request."),
        "rm": ("rm", "Remove a video from the library. Its file stays."),
        "check": ("check", "Verify the library and repair it."),
        "eval": ("eval_", "Measure search quality on queries with known answers."),
    },
}
COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}
EXAMPLES = (
    "vidlocal ingest ~/Videos",
    "vidlocal enrich --all overnight",
    "vidlocal search bride walks down aisle",
    "vidlocal play 1",
)
# Commands that keep their progress when interrupted.
_RESUMABLE = {"start", "setup", "ingest", "enrich", "import", "worker"}
_NAME_WIDTH = max(map(len, COMMANDS))


class _Root(TyperGroup):
    """The root command: imports commands on demand, and converts errors to messages."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # Placeholders with name and help; resolve_command() loads the command.
        self.commands = {name: TyperCommand(name, short_help=line) for name, (_, line) in COMMANDS.items()}

    def resolve_command(self, ctx: "Context", args: list[str]) -> "tuple[str | None, ClickCommand | None, list[str]]":
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from vidlocal.cli.ui.plugin_commands import load_plugin_command

            plugin_command = load_plugin_command(args[0])
            if plugin_command is not None:
                return args[0], plugin_command, args[1:]
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

    def format_options(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        for heading, commands in SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl([(f"{name:<{_NAME_WIDTH}}", line) for name, (_, line) in commands.items()])
        plugin_commands = list_plugin_commands()
        if plugin_commands:
            with formatter.section("Plugins"):
                formatter.write_dl([(f"{name:<{_NAME_WIDTH}}", line) for name, line in plugin_commands.items()])
        write_parameters(self.get_params(ctx), ctx, formatter)

    def format_epilog(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        write_examples(EXAMPLES, formatter)

    def invoke(self, ctx: "Context") -> Any:
        with handle_errors(is_resumable=lambda: ctx.invoked_subcommand in _RESUMABLE):
            return super().invoke(ctx)


def list_plugin_commands() -> dict[str, str]:
    """Return the first help line of the commands of plugins by name. Without a plugin it imports nothing."""
    if not has_plugins(sys.path):
        return {}
    from vidlocal.cli.ui import plugin_commands

    return plugin_commands.list_plugin_commands(COMMANDS)


def load_command(name: str) -> "ClickCommand":
    """Import the module of a command and build the command.

    The module may define `Parser`, a subclass of Command, to replace the default.
    """
    module = import_module(f"vidlocal.cli.{COMMANDS[name][0]}")
    return build_command(name, module.command, getattr(module, "Parser", Command), module.EXAMPLES)


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


def _set_home(path: str | None) -> None:
    if path is not None:
        os.environ["VIDLOCAL_HOME"] = path


@app.callback()
def _root(
    home: Annotated[
        str | None,
        typer.Option(
            "--home", metavar="DIR", help="Data directory for this command.", is_eager=True, callback=_set_home
        ),
    ] = None,
    verbose: Verbose = 0,
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
    """Search your own videos by what is said, shown or written in them. Everything runs locally.

    Set VIDLOCAL_HOME to move the data directory (library, frames, models, settings).
    """


def main() -> None:
    """Run the command line of this process, and exit with a code."""
    exit_on_sigterm()
    app(sys.argv[1:], prog_name="vidlocal")
