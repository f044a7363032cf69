"""A proposal of new names, and the file with the last shown proposal in the library folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidlocal.errors import StoreError
from vidlocal.store.library_files import open_folder

PROPOSAL_FILE = "organize-plan.json"
_MAX_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Move:
    """A move of a video file and sidecars: pairs of the path before and after."""

    video_id: int
    source: Path
    target: Path
    sidecars: tuple[tuple[Path, Path], ...] = ()


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file without a new name, with the reason."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """Moves for the files of a folder, and skipped files."""

    folder: Path
    moves: tuple[Move, ...]
    skipped: tuple[SkippedFile, ...]

    def as_data(self) -> dict[str, object]:
        """Return the proposal as plain data for JSON."""
        return {
            "folder": str(self.folder),
            "moves": [
                {
                    "video": move.video_id,
                    "from": str(move.source),
                    "to": str(move.target),
                    "sidecars": [{"from": str(source), "to": str(target)} for source, target in move.sidecars],
                }
                for move in self.moves
            ],
            "left": [{"path": str(file.path), "reason": file.reason} for file in self.skipped],
        }


def store(library_folder: Path, proposal: Proposal) -> None:
    """Store the last shown proposal, in place of the previous proposal. Raises StoreError."""
    try:
        with open_folder(library_folder) as home:
            home.write(PROPOSAL_FILE, json.dumps(proposal.as_data()).encode("ascii"))
    except OSError as error:
        raise StoreError(f"{library_folder}: cannot store the proposal ({error.strerror}).") from error


def load(library_folder: Path, folder: Path) -> Proposal | None:
    """Load the moves of the proposal shown last, None if for another folder than `folder`."""
    try:
        with open_folder(library_folder) as home:
            data = json.loads(home.read(PROPOSAL_FILE, max_bytes=_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or data.get("folder") != str(folder) or not isinstance(data.get("moves"), list):
        return None
    try:
        moves = tuple(_move(move) for move in data["moves"])
    except (KeyError, TypeError, ValueError):
        return None
    return Proposal(folder, moves, ())


def delete(library_folder: Path) -> None:
    """Delete the stored proposal."""
    (library_folder / PROPOSAL_FILE).unlink(missing_ok=True)


def _move(data: dict[str, Any]) -> Move:
    sidecars = tuple((Path(pair["from"]), Path(pair["to"])) for pair in data["sidecars"])
    return Move(int(data["video"]), Path(data["from"]), Path(data["to"]), sidecars)
