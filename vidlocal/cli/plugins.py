"""`vidlocal plugins`."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from vidlocal.app.plugins import hooks
from vidlocal.cli.ui import console, options
from vidlocal.settings import load

if TYPE_CHECKING:
    from vidlocal.plugins.manager import Plugin

EXAMPLES = (
    "vidlocal plugins",
    "vidlocal plugins --json",
)


def command(json: options.Json = False, quiet: options.Quiet = False) -> None:
    """List the installed plugins with their hooks, or their errors.

    A plugin is a package with an entry point in the group vidlocal. VIDLOCAL_PLUGINS=false before a command runs it
    without plugins. Piped output is tab-separated: name, package, version, hooks, error.
    """
    settings = load()
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


def _draw(plugins: "tuple[Plugin, ...]") -> None:
    from vidlocal.render.table import listing

    rows = [
        (f"{plugin.name}\n{plugin.package} {plugin.version}", plugin.error or ", ".join(plugin.hooks) or "no hooks")
        for plugin in plugins
    ]
    console.show(listing(("plugin", "hooks or error"), rows))
