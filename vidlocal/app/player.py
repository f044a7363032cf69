"""Play a moment in a media player."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from vidlocal.errors import MediaError, ToolError

# Arguments for a start time. Only numbers and absolute paths: a player cannot take a file name for an option.
_ARGUMENTS: dict[str, Callable[[float, str], list[str]]] = {
    "mpv": lambda start, path: [f"--start={start:.3f}", "--", path],
    "vlc": lambda start, path: [f"--start-time={start:.3f}", path],
    "iina": lambda start, path: ["--no-stdin", f"--mpv-start={start:.3f}", path],
    "iina-cli": lambda start, path: ["--no-stdin", f"--mpv-start={start:.3f}", path],
}

# These choose the program by the name of the file.
_SYSTEM_OPENERS = ("open", "xdg-open")


def play(path: Path, start: float, *, player: str | None) -> str:
    """Play a file. Returns a sentence with the player.

    `player`: name or path, None for the first known player installed, else the default application of the system.
    Raises MediaError if the file does not exist or is not media (a library may come from someone else, and the system
    would start a program), ToolError if there is no player.
    """
    from vidlocal.media.extensions import MEDIA_EXTENSIONS
    from vidlocal.media.probe.prober import Prober
    from vidlocal.process import start_detached

    if not os.path.isfile(path):
        raise MediaError(f"{path}: file not found.")
    with Prober() as prober:
        prober.require_media(path)
    program = _program(player)
    if _stem(program) in _SYSTEM_OPENERS and path.suffix.lower() not in MEDIA_EXTENSIONS:
        raise MediaError(
            f"{path.name}: not the name of a media file. To choose a player, run: vidlocal config player PATH"
        )
    argv = player_command(program, start, path)
    start_detached(argv, hint="To choose another player, run: vidlocal config player PATH")
    name = Path(argv[0]).name
    return f"Playing {path.name} with {name}" + ("." if _has_start_time(argv[0]) else ", from the beginning.")


def player_command(program: str, start: float, path: Path) -> list[str]:
    """Return the command to play `path` from `start` seconds on."""
    file = str(path.absolute())
    arguments = _ARGUMENTS.get(_stem(program))
    return [program, *(arguments(max(0.0, start), file) if arguments else [file])]


def _program(player: str | None) -> str:
    names = [player] if player else ["mpv", "vlc", "iina", "open" if sys.platform == "darwin" else "xdg-open"]
    program = next((path for name in names if (path := shutil.which(name))), None)
    if program is None:
        problem = f"{player}: player not found." if player else "No media player found. Install mpv or vlc."
        raise ToolError(f"{problem} To choose a player, run: vidlocal config player PATH")
    return str(Path(program).absolute())


def _has_start_time(program: str) -> bool:
    return _stem(program) in _ARGUMENTS


def _stem(program: str) -> str:
    return Path(program).name.lower()
