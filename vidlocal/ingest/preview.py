"""Preview of ingest: the files to index, and the necessary time and disk space."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidlocal.errors import MediaError, ToolError
from vidlocal.ingest.costs import TYPICAL_FRAME_RATE_HZ, IngestPlan, Pace
from vidlocal.media import files
from vidlocal.media.file_filter import NO_FILTER, NOT_MEDIA, OTHER_KIND, OWN_FILE, FileFilter
from vidlocal.media.find_files import find_files
from vidlocal.media.probe.prober import Prober
from vidlocal.records import MediaKind, Probe
from vidlocal.store.content import videos
from vidlocal.store.database import Library

NEW, UNCHANGED, SKIPPED, FAILED = "new", "unchanged", "skipped", "failed"

# A JPEG of 896 px takes 30 to 90 KB.
_BYTES_PER_FRAME = 60_000


@dataclass(frozen=True, slots=True)
class PreviewedFile:
    """A file with the planned action of ingest. The numbers are 0 except for new files.

    `frames` is the maximum: repeats are not stored. `seconds`: expected time.
    """

    path: Path
    result: str
    reason: str = ""
    kind: MediaKind | None = None
    duration: float = 0.0
    size_bytes: int = 0
    frames: int = 0
    seconds: float = 0.0

    @property
    def disk_bytes(self) -> int:
        """Expected size of the stored frames."""
        return self.frames * _BYTES_PER_FRAME

    def as_data(self) -> dict[str, object]:
        """Return the file as plain data for JSON."""
        return {
            "path": str(self.path),
            "result": self.result,
            "reason": self.reason or None,
            "kind": self.kind,
            "duration": self.duration,
            "size_bytes": self.size_bytes,
            "frames": self.frames,
            "disk_bytes": self.disk_bytes,
            "seconds": round(self.seconds, 1),
        }


def preview(
    library: Library | None,
    paths: Sequence[Path],
    prober: Prober,
    plan: IngestPlan,
    pace: Pace,
    *,
    rules: FileFilter = NO_FILTER,
) -> Iterator[PreviewedFile]:
    """Yield the planned action of ingest for each file, by the header. Duplicates count as new."""
    for file in find_files(paths, rules):
        if file.skip_reason is not None:
            yield PreviewedFile(file.path, SKIPPED, file.skip_reason)
            continue
        if library is not None and files.is_within(file.path, library.folder):
            yield PreviewedFile(file.path, FAILED if file.explicit else SKIPPED, OWN_FILE)
            continue
        try:
            stamp = files.read_stamp(file.path)
            video = videos.unchanged_at(library, file.path, stamp) if library is not None else None
            if video is not None and library is not None and videos.is_ingested(library, video):
                yield PreviewedFile(file.path, UNCHANGED, kind=video.kind)
                continue
            probe = prober.probe(file.path)
        except (MediaError, ToolError) as error:
            result, reason = (FAILED, str(error)) if file.is_expected else (SKIPPED, NOT_MEDIA)
            yield PreviewedFile(file.path, result, reason)
            continue
        if rules.allows(probe.kind):
            yield _new(file.path, stamp.size_bytes, probe, plan, pace)
        else:
            yield PreviewedFile(file.path, SKIPPED, OTHER_KIND)


def _new(path: Path, size_bytes: int, probe: Probe, plan: IngestPlan, pace: Pace) -> PreviewedFile:
    frame_count = {MediaKind.AUDIO: 0, MediaKind.PHOTO: 1}.get(probe.kind)
    if frame_count is None:
        rate_hz = probe.frame_rate_hz or TYPICAL_FRAME_RATE_HZ
        frame_count = plan.frame_count(probe.duration, int(probe.duration * rate_hz) + 1)
    seconds = pace.seconds(plan.work(size_bytes, probe, frame_count))
    return PreviewedFile(path, NEW, "", probe.kind, probe.duration, size_bytes, frame_count, seconds)
