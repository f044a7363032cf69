"""Search your own videos, on your own machine.

    import vidlocal

    library = vidlocal.open_library()
    for moment in library.search("bride walks down aisle").moments:
        print(moment.video_title, moment.start, moment.text)

Names are imported on first use, so `import vidlocal` alone is fast. See docs/python-api.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from vidlocal.version import __version__

if TYPE_CHECKING:
    from vidlocal.api import Answer, VideoLibrary, open_library, to_data
    from vidlocal.errors import (
        EngineError,
        MediaError,
        SettingsError,
        StoreError,
        ToolError,
        UsageError,
        VidlocalError,
    )
    from vidlocal.records import JobKind, Moment, Passage, PassageKind, Video, Word

__all__ = [
    "Answer",
    "EngineError",
    "JobKind",
    "MediaError",
    "Moment",
    "Passage",
    "PassageKind",
    "SettingsError",
    "StoreError",
    "ToolError",
    "UsageError",
    "Video",
    "VideoLibrary",
    "VidlocalError",
    "Word",
    "__version__",
    "open_library",
    "to_data",
]

_MODULES = {
    "vidlocal.api": ("Answer", "VideoLibrary", "open_library", "to_data"),
    "vidlocal.records": ("JobKind", "Moment", "Passage", "PassageKind", "Video", "Word"),
    "vidlocal.errors": (
        "EngineError",
        "MediaError",
        "SettingsError",
        "StoreError",
        "ToolError",
        "UsageError",
        "VidlocalError",
    ),
}


def __getattr__(name: str) -> object:
    """Import a public name on first use."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'vidlocal' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
