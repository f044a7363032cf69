"""Specifications of the hooks. Arguments and results are plain data; docs/plugins.md has an example of each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pluggy import HookspecMarker

_hookspec = HookspecMarker("vidlocal")


@_hookspec
def register_commands() -> Mapping[str, Callable[..., object]]:  # type: ignore[empty-body]
    """Return commands by name: functions with Typer parameters, and with the docstring as help."""


@_hookspec
def register_signals() -> Mapping[str, Callable[[Any], Iterable[str]]]:  # type: ignore[empty-body]
    """Return signals by name: functions from the pixels of a frame (H x W x 3, uint8, RGB) to tags."""


@_hookspec
def register_engines() -> Mapping[str, Callable[..., Any]]:  # type: ignore[empty-body]
    """Return engines by name: functions from address (str) and API key (str or None) to a connection."""


@_hookspec
def register_exporters() -> Mapping[str, Callable[[Sequence[Mapping[str, Any]], str], str]]:  # type: ignore[empty-body]
    """Return export formats by name: functions from clips, as in `--json`, and a title to the text of a file."""


@_hookspec
def read_import(path: Path) -> Iterable[Mapping[str, Any]] | None:
    """Return the lines of a file to import, in the form of an export, or passages only; None for other files."""


@_hookspec
def score_moments(query: str, moments: Sequence[Mapping[str, Any]]) -> Sequence[float] | None:
    """Return a new score of 0 to 1 for each moment of a search; None to change nothing."""
