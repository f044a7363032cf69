"""The version, stated once, for pyproject.toml and `vidlocal --version`."""

__version__ = "0.1.0"
