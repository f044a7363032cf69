"""Files probed and decoded ahead of their turn."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vidlocal.records import FileStamp, FrameDraft, Probe


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """A video with its frames; `folder` has their images. Valid while the file has this stamp."""

    stamp: FileStamp
    content_hash: str
    probe: Probe
    drafts: tuple[FrameDraft, ...]
    folder: Path

    def move_images(self, target: Path) -> None:
        """Move the images into a staging folder, readable by their owner only."""
        for image in self.folder.iterdir():
            moved = target / image.name
            shutil.move(image, moved)
            os.chmod(moved, 0o600)


class FileSampler(Protocol):
    """Decodes files ahead, elsewhere."""

    def start(self, paths: Sequence[Path]) -> None:
        """Note the new files of a run, in order."""
        ...

    def take(self, path: Path) -> PreparedFile | None:
        """Return a prepared file; None for a file to decode here."""
        ...
