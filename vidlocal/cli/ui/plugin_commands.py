"""Commands of plugins, for names unknown to vidlocal."""

from collections.abc import Callable, Collection
from functools import wraps
from typing import TYPE_CHECKING, Any

import typer

from vidlocal.app.plugins import hooks
from vidlocal.cli.ui.command import build_command
from vidlocal.cli.ui.console import notice
from vidlocal.errors import ToolError, VidlocalError
from vidlocal.plugins.manager import call_safely, describe_error

if TYPE_CHECKING:
    from typer._click.core import Command as ClickCommand


def load_plugin_command(name: str) -> "ClickCommand | None":
    """Return the command of a plugin; None for an unknown name or an invalid command."""
    registered = hooks().register("register_commands", notice)
    if name not in registered:
        return None
    plugin, function = registered[name]
    command: ClickCommand | None = call_safely(
        plugin, f"command {name}", lambda: build_command(name, _reporting(plugin, name, function)), notice
    )
    return command


def list_plugin_commands(names: Collection[str] = ()) -> dict[str, str]:
    """Return the first help line of the commands of plugins by name, other than `names`; failing plugins have none."""
    try:
        registered = hooks().register("register_commands", lambda message: None)
    except VidlocalError:
        return {}
    return {
        name: next(iter((getattr(function, "__doc__", None) or "").strip().splitlines()), f"Command of {plugin}.")
        for name, (plugin, function) in sorted(registered.items())
        if name not in names
    }


def _reporting(plugin: str, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the function of a command, to report its failure as a sentence instead of a traceback."""

    @wraps(function)
    def run(*values: Any, **options: Any) -> Any:
        try:
            return function(*values, **options)
        except (VidlocalError, typer.Exit, typer.Abort, OSError):
            raise
        except Exception as error:
            raise ToolError(f"Plugin {plugin}: command {name} failed ({describe_error(error)}).") from error

    return run
