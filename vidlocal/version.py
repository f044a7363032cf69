"""The version, stated once: pyproject.toml and `vidlocal --version` read it here."""

__version__ = "0.1.0"
