"""Search your own videos, on your own machine."""

__version__ = "0.1.0"
