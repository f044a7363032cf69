"""Plugins: installed packages with an entry point in the group `vidlocal`, called by hooks (docs/plugins.md).

A plugin imports `hookimpl` from here, and nothing else of this package.
"""

from typing import Any

__all__ = ["hookimpl"]


def __getattr__(name: str) -> Any:
    if name != "hookimpl":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pluggy import HookimplMarker  # commands without plugins need not load it

    return HookimplMarker("vidlocal")
