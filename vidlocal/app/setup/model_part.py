"""Interface of a model to install."""

from collections.abc import Callable
from typing import Protocol

# Gets the finished fraction, 0 to 1, None if unknown.
OnFraction = Callable[[float | None], None]


class ModelPart(Protocol):
    """A model to install. `setting`: the setting with its name, or None. `size_bytes`: 0 if unknown or nothing."""

    @property
    def role(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def size_bytes(self) -> int: ...

    @property
    def source(self) -> str: ...

    @property
    def setting(self) -> str | None: ...

    def is_installed(self) -> bool:
        """True if installed and complete. Raises EngineUnreachable if unknown."""
        ...

    def download(self, on_progress: OnFraction) -> None:
        """Download and install; `on_progress` gets the finished fraction, 0 to 1, None if unknown."""
        ...
