"""The library of the settings."""

from vidlocal.settings import load
from vidlocal.store.database import Library


def open_library() -> Library:
    """Open the library in the data directory. Raises StoreError, with the remedy, if there is none."""
    return Library.open(load().home)
