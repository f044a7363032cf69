"""The library that the settings name, opened for a command."""

from vidlocal import settings
from vidlocal.store.database import Library


def open_library() -> Library:
    """The library in the home folder. A missing one is a StoreError that says how to start one."""
    return Library.open(settings.load().home)
