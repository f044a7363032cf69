"""Playing a moment in the player of the person."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from vidlocal.errors import MediaError, ToolError

# How each player is told where to begin. Times and absolute paths only: nothing here can be read as an option.
_AT: dict[str, Callable[[float, str], list[str]]] = {
    "mpv": lambda start, path: [f"--start={start:.3f}", "--", path],
    "vlc": lambda start, path: [f"--start-time={start:.3f}", path],
    "iina": lambda start, path: ["--no-stdin", f"--mpv-start={start:.3f}", path],
    "iina-cli": lambda start, path: ["--no-stdin", f"--mpv-start={start:.3f}", path],
}


def play(paths: list[Path], start: float, *, player: str | None) -> str:
    """Play the first of `paths` that is there. Returns a sentence that says by what, and whether at the time.

    `player` is a name or path, None for the first known one of this machine, else what the system opens videos with.
    Raises MediaError when no file is there, ToolError when nothing can play it.
    """
    from vidlocal.process import start_detached

    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise MediaError(f"{paths[0]} is not there any more, so it cannot be played.")
    argv = arguments(_program(player), start, path)
    start_detached(argv)
    name = Path(argv[0]).name
    return f"Playing {path.name} with {name}" + ("." if _knows_times(argv[0]) else ", which begins at its start.")


def arguments(program: str, start: float, path: Path) -> list[str]:
    """The command for playing `path` from `start` seconds on."""
    file = str(path.absolute())
    at = _AT.get(_stem(program))
    return [program, *(at(max(0.0, start), file) if at else [file])]


def _program(wanted: str | None) -> str:
    names = [wanted] if wanted else ["mpv", "vlc", "iina", "open" if sys.platform == "darwin" else "xdg-open"]
    found = next((place for name in names if (place := shutil.which(name))), None)
    if found is None:
        raise ToolError(
            f"The player {wanted} is not there. Choose another with: vidlocal config player PATH"
            if wanted
            else "There is no player. Install mpv or vlc, or name one with: vidlocal config player PATH"
        )
    return str(Path(found).absolute())


def _knows_times(program: str) -> bool:
    return _stem(program) in _AT


def _stem(program: str) -> str:
    return Path(program).name.lower()
