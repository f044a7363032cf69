"""Load plugins and call their hooks. The failure of a plugin is a sentence, without further effect."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from vidlocal.installation import extra_command
from vidlocal.plugins.discovery import GROUP, has_plugins

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

    from pluggy import PluginManager

Notify = Callable[[str], None]

_NO_PLUGGY = f"pluggy is missing; run: {extra_command('plugins')}"


@dataclass(frozen=True, slots=True)
class Plugin:
    """An installed plugin: the name of its entry point, its package, and its hooks, or a reason for their absence."""

    name: str
    package: str
    version: str
    hooks: tuple[str, ...] = ()
    error: str | None = None


class PluginHooks:
    """The hooks of the loaded plugins. `manager` is None without plugins."""

    def __init__(self, manager: "PluginManager | None" = None, plugins: Sequence[Plugin] = ()) -> None:
        self._manager = manager
        self.plugins = tuple(plugins)

    def has(self, hook: str) -> bool:
        """Return True if a plugin implements a hook, or failed to load: a call will say so."""
        return any(hook in plugin.hooks or plugin.error for plugin in self.plugins)

    def call(self, hook: str, notify: Notify, **arguments: object) -> list[tuple[str, Any]]:
        """Call a hook of each plugin. Returns names and results; `notify` gets a sentence for each failure."""
        for plugin in self.plugins:
            if plugin.error:
                notify(f"Plugin {plugin.name} not loaded: {plugin.error}. Run: vidlocal plugins")
        if self._manager is None:
            return []
        results: list[tuple[str, Any]] = []
        loaded = {plugin.name: self._manager.get_plugin(plugin.name) for plugin in self.plugins if not plugin.error}
        for plugin in self.plugins:
            if hook in plugin.hooks:
                others = [module for name, module in loaded.items() if name != plugin.name]
                caller = self._manager.subset_hook_caller(hook, others)
                values = call_safely(plugin.name, hook, partial(caller, **arguments), notify)
                results += [(plugin.name, value) for value in values or ()]
        return results

    def register(self, hook: str, notify: Notify) -> dict[str, tuple[str, Any]]:
        """Return plugin and value by name from a hook returning mappings. Of equal names the first counts."""
        registered: dict[str, tuple[str, Any]] = {}
        for plugin, values in self.call(hook, notify):
            if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
                notify(f"Plugin {plugin}: {hook} returned no dictionary of names.")
                continue
            for name, value in values.items():
                registered.setdefault(name, (plugin, value))
        return registered


NO_PLUGINS = PluginHooks()


@cache
def installed_plugins() -> PluginHooks:
    """Return the hooks of the plugins of this Python, loaded once."""
    return load_plugins(sys.path)


def load_plugins(search_path: Sequence[str]) -> PluginHooks:
    """Load the plugins of the packages in the folders of `search_path`, in order of their names."""
    if not has_plugins(search_path):
        return NO_PLUGINS
    entries = {entry.name: (package, entry) for package, entry in _entry_points(search_path)}
    by_name = [entries[name] for name in sorted(entries)]
    try:
        from pluggy import PluginManager
    except ImportError:
        return PluginHooks(None, [_failed(package, entry, _NO_PLUGGY) for package, entry in by_name])
    from vidlocal.plugins import hookspecs

    manager = PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    return PluginHooks(manager, [_load(manager, package, entry) for package, entry in by_name])


def call_safely(plugin: str, action: str, call: Callable[[], Any], notify: Notify) -> Any:
    """Call into a plugin. Returns None after a failure, with a sentence to `notify`."""
    try:
        return call()
    except (Exception, SystemExit) as error:
        notify(f"Plugin {plugin}: {action} failed ({describe_error(error)}).")
        return None


def describe_error(error: BaseException) -> str:
    """Return type and first line of an exception."""
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _entry_points(search_path: Sequence[str]) -> "Iterator[tuple[Distribution, EntryPoint]]":
    from importlib import metadata

    for package in metadata.distributions(path=list(search_path)):
        for entry in package.entry_points:
            if entry.group == GROUP:
                yield package, entry


def _load(manager: "PluginManager", package: "Distribution", entry: "EntryPoint") -> Plugin:
    try:
        module = entry.load()
        manager.register(module, name=entry.name)
        manager.check_pending()
    except (Exception, SystemExit) as error:
        if manager.has_plugin(entry.name):
            manager.unregister(name=entry.name)
        return _failed(package, entry, describe_error(error))
    hooks = tuple(sorted(caller.name for caller in manager.get_hookcallers(module) or ()))
    return Plugin(entry.name, package.name, package.version, hooks)


def _failed(package: "Distribution", entry: "EntryPoint", error: str) -> Plugin:
    return Plugin(entry.name, package.name, package.version, error=error)
