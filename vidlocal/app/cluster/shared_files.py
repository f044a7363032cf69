"""Files shared with the owner of a library: probed and decoded here, by a map of paths."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from vidlocal import process
from vidlocal.cluster.messages import SampledFile
from vidlocal.errors import MediaError, UsageError
from vidlocal.ingest.sampling import sample_frames
from vidlocal.media import files, frames
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.probe.prober import Prober
from vidlocal.records import MediaKind

# A folder of the owner, and the same folder here.
Mount = tuple[str, str]


def parse_mounts(values: Sequence[str]) -> tuple[Mount, ...]:
    """Parse `THERE=HERE`, both absolute. Raises UsageError."""
    mounts = []
    for value in values:
        there, equals, here = value.partition("=")
        if not equals or not there.startswith("/") or not os.path.isdir(here):
            raise UsageError(f"--map: {value!r} is not FOLDER_OF_THE_OWNER=FOLDER_HERE. Example: /mnt/nas=/Volumes/nas")
        mounts.append((there.rstrip("/") or "/", os.path.realpath(here)))
    return tuple(mounts)


def decoder_identity(ffmpeg: Ffmpeg) -> str:
    """Return the versions of the decoders: equal versions produce equal frames."""
    first_line = process.run([ffmpeg.path, "-version"], timeout=20.0).stdout.decode("utf-8", "replace").splitlines()[0]
    words = first_line.split()
    return f"ffmpeg {words[2] if len(words) > 2 else '?'}, av {version('av')}, pillow {version('pillow')}"


class SharedFiles:
    """Samples the frames of shared files. Not thread-safe.

    Only files below the mounted folders are opened, and only those whose content the owner knows by its hash.
    """

    def __init__(self, stack: ExitStack, ffmpeg: Ffmpeg, mounts: Sequence[Mount]) -> None:
        self._ffmpeg = ffmpeg
        self._mounts = mounts
        self._prober = stack.enter_context(Prober())
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vidlocal-")))

    def sample(self, path: str, content_hash: str, every: float, prefix: str) -> SampledFile:
        """Probe a file of the owner and sample its frames; their images wait for `images`.

        A photo or audio file is only probed. Raises MediaError for a file that is not here, or is another one.
        """
        local = self._local_path(path)
        if files.content_hash(local) != content_hash:
            raise MediaError(f"{local}: another file than that of the owner.")
        probe = self._prober.probe(local)
        if probe.kind is not MediaKind.VIDEO:
            return SampledFile(probe, ())
        folder = self._folder_of(content_hash)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        decoded = frames.read_frames(local, probe, every=every, ffmpeg=self._ffmpeg, prober=self._prober)
        return SampledFile(probe, sample_frames(decoded, folder=folder, prefix=prefix))

    def images(self, content_hash: str, names: Sequence[str]) -> tuple[bytes, ...]:
        """Return the images of frames of the last `sample` of a file, by name."""
        folder = self._folder_of(content_hash)
        return tuple((folder / Path(name).name).read_bytes() for name in names)

    def forget(self, content_hash: str) -> None:
        """Delete the images of a file."""
        shutil.rmtree(self._folder_of(content_hash), ignore_errors=True)

    def _folder_of(self, content_hash: str) -> Path:
        if not content_hash.isalnum():
            raise MediaError("No hash of a file.")
        return self._folder / content_hash

    def _local_path(self, path: str) -> Path:
        for there, here in self._mounts:
            if path.startswith(f"{there.rstrip('/')}/"):
                local = os.path.realpath(os.path.join(here, path[len(there.rstrip("/")) + 1 :]))
                if os.path.commonpath([here, local]) == here and os.path.isfile(local):
                    return Path(local)
        raise MediaError(f"{path}: not in a folder of --map.")
