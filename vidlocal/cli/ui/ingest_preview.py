"""Output of `vidlocal ingest --dry-run`."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from vidlocal.cli.ui import console
from vidlocal.ingest.preview import FAILED, NEW, SKIPPED, UNCHANGED, PreviewedFile
from vidlocal.records import MediaKind
from vidlocal.render.sanitize import one_line
from vidlocal.store.filesystem import free_bytes
from vidlocal.text import pluralize
from vidlocal.timecode import format_duration, format_short_time

_KIND_NAMES = {
    MediaKind.VIDEO: ("video", "videos"),
    MediaKind.PHOTO: ("photo", "photos"),
    MediaKind.AUDIO: ("audio file", "audio files"),
}


def show_preview(previews: Iterable[PreviewedFile], home: Path, *, json: bool, quiet: bool) -> None:
    """Print each file at once, then totals. With `json`, one object per line, the totals last."""
    shown = []
    for file in previews:
        shown.append(file)
        if json:
            console.record(file.as_data())
        elif not console.is_terminal():
            console.fields(*_fields(file))
        elif file.result in (NEW, FAILED):
            console.line("  ".join(_facts(file)))
    if json:
        console.record(_totals(shown, home))
    else:
        _notify(shown, home, quiet=quiet)


def _facts(file: PreviewedFile) -> list[str]:
    if file.result == FAILED or file.kind is None:
        return [file.result, one_line(file.reason)]
    length = [format_short_time(file.duration)] if file.duration else []
    frames = [pluralize(file.frames, "frame")] if file.frames > 1 else []
    return [file.result, one_line(file.path.name), file.kind.value, *length, *frames, format_duration(file.seconds)]


def _fields(file: PreviewedFile) -> tuple[str | Path, ...]:
    numbers = (f"{file.duration:.1f}", str(file.size_bytes), str(file.frames), f"{file.seconds:.1f}")
    return file.result, file.path, file.kind or "", *numbers, file.reason


def _totals(shown: list[PreviewedFile], home: Path) -> dict[str, object]:
    counts = Counter(file.result for file in shown)
    return {
        "files": {result: counts[result] for result in (NEW, UNCHANGED, SKIPPED, FAILED)},
        "video_seconds": sum(file.duration for file in shown if file.kind is MediaKind.VIDEO),
        "disk_bytes": sum(file.disk_bytes for file in shown),
        "free_bytes": free_bytes(home),
        "seconds": round(sum(file.seconds for file in shown), 1),
    }


def _notify(shown: list[PreviewedFile], home: Path, *, quiet: bool) -> None:
    from vidlocal.text import format_size

    counts = Counter(file.result for file in shown)
    kinds = Counter(file.kind for file in shown if file.result == NEW)
    new = ", ".join(pluralize(kinds[kind], *names) for kind, names in _KIND_NAMES.items() if kinds[kind])
    others = [f"{counts[result]:,} {result}" for result in (UNCHANGED, FAILED) if counts[result]]
    reasons = Counter(file.reason for file in shown if file.result == SKIPPED)
    others += [f"{count:,} skipped ({reason})" for reason, count in reasons.most_common()]
    console.notice(f"To index: {new or 'no files'}. {', '.join(others)}{'.' if others else ''}".strip(), quiet=quiet)
    duration = sum(file.duration for file in shown if file.kind is MediaKind.VIDEO)
    if duration:
        console.notice(f"Video: {format_duration(duration)}.", quiet=quiet)
    if new:
        needed, free = (format_size(size) for size in (sum(file.disk_bytes for file in shown), free_bytes(home)))
        console.notice(f"Disk space: up to {needed} ({free} free).", quiet=quiet)
        console.notice(f"Time: about {format_duration(sum(file.seconds for file in shown))}.", quiet=quiet)
