"""`vidlocal plugins`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from vidlocal.app.library import open_library
from vidlocal.app.plugins import frame_signals, hooks, measure_videos
from vidlocal.cli.ui import console, options
from vidlocal.settings import Settings, load
from vidlocal.text import pluralize

if TYPE_CHECKING:
    from vidlocal.plugins.manager import Plugin

EXAMPLES = (
    "vidlocal plugins",
    "vidlocal plugins --signals",
    "vidlocal plugins --json",
)


def command(
    signals: Annotated[
        bool, typer.Option("--signals", help="Run the signals of plugins on all indexed videos, too.")
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """List the installed plugins with their hooks, or their errors.

    A plugin is a package with an entry point in the group vidlocal. VIDLOCAL_PLUGINS=false before a command runs it
    without plugins. Signals run on new videos only; after the installation or an update of a plugin --signals runs
    them on all others. Piped output is tab-separated: name, package, version, hooks, error.
    """
    settings = load()
    if signals:
        _run_signals(settings, quiet=quiet)
    plugins = hooks(settings).plugins
    if json:
        console.document({"plugins": [asdict(plugin) for plugin in plugins]})
    elif not settings.plugins:
        console.notice("Plugins are switched off (setting plugins, or VIDLOCAL_PLUGINS).", quiet=quiet)
    elif not plugins:
        console.notice("No plugins are installed.", quiet=quiet)
    elif console.is_terminal():
        _draw(plugins)
    else:
        for plugin in plugins:
            hook_names = ", ".join(plugin.hooks)
            console.fields(plugin.name, plugin.package, plugin.version, hook_names, plugin.error or "")


def _run_signals(settings: Settings, *, quiet: bool) -> None:
    signals = frame_signals(settings, console.notice)
    if not signals:
        console.notice("No plugin has signals.", quiet=quiet)
        return
    with open_library() as library:
        count = measure_videos(library, signals, console.notice)
    names = ", ".join(signal.name for signal in signals)
    console.notice(f"Measured {pluralize(count, 'video')}: {names}.", quiet=quiet)


def _draw(plugins: "tuple[Plugin, ...]") -> None:
    from vidlocal.render.table import listing

    rows = [
        (f"{plugin.name}\n{plugin.package} {plugin.version}", plugin.error or ", ".join(plugin.hooks) or "no hooks")
        for plugin in plugins
    ]
    console.show(listing(("plugin", "hooks or error"), rows))
