"""Cut clips of moments, each written completely or not at all."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from vidlocal.errors import MediaError, ToolError, UsageError
from vidlocal.media import cut, filenames, files
from vidlocal.media.atomic_write import atomic_file, numbered_file
from vidlocal.media.audio import choose_track
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.probe.prober import Prober
from vidlocal.records import MediaKind, Probe

# Types of files that a joined film may have.
FILM_SUFFIXES = (".mp4", ".mov", ".mkv", ".m4v")

# Renders a caption for a span of the clip and a frame size as the text of an .ass file.
CaptionRenderer = Callable[..., str]


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """A moment to cut, without padding. `path`: the file of the video; `problem`: the reason not to cut."""

    title: str
    path: Path
    start: float
    end: float
    text: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ClipResult:
    """Result of a request: the file and the cut, or the reason of a failure."""

    request: ClipRequest
    file: Path | None
    cut: cut.CutPlan | None
    reason: str | None = None


class Clipper:
    """Cuts clips. `workspace`: an empty folder with a name safe in ffmpeg filters. A context manager."""

    def __init__(
        self, ffmpeg: Ffmpeg, workspace: Path, *, exact: bool, pad: float, caption: CaptionRenderer | None
    ) -> None:
        self._ffmpeg = ffmpeg
        self._workspace = workspace
        self._exact = exact
        self._pad = pad
        self._caption = caption
        self._prober = Prober()
        self._sources: dict[Path, cut.CutSource] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._prober.__exit__(kind, error, trace)

    def cut_each(self, requests: Sequence[ClipRequest], folder: Path) -> Iterator[ClipResult]:
        """Cut one new file in `folder` per moment, and yield each result. An existing name gets a number."""
        for request in requests:
            try:
                yield self._cut(request, folder)
            except (MediaError, ToolError) as error:
                yield ClipResult(request, None, None, str(error))

    def cut_to(self, request: ClipRequest, target: Path, *, overwrite: bool) -> Iterator[ClipResult]:
        """Cut one moment into the file `target`: copied if the type fits, else re-encoded.

        Raises the errors of `cut_joined`.
        """
        source = self._source(request)
        plan = self._plan(source, request, exact=self._exact or self._caption is not None)
        if target.suffix.lower() == plan.suffix:
            with atomic_file(target, overwrite=overwrite) as draft:
                self._write(source, request, plan, draft)
            yield ClipResult(request, target, plan)
        else:
            yield from self.cut_joined([request], target, overwrite=overwrite)

    def cut_joined(
        self, requests: Sequence[ClipRequest], target: Path, *, overwrite: bool = False
    ) -> Iterator[ClipResult]:
        """Concatenate all moments in order, in a single file, and yield each result.

        Raises UsageError before any cut if `target` exists (unless `overwrite`) or has the suffix of another type of
        file, MediaError if nothing could be cut.
        """
        if target.suffix.lower() not in FILM_SUFFIXES:
            raise UsageError(f"{target}: unsupported file type. Use {', '.join(FILM_SUFFIXES)}.")
        with atomic_file(target, overwrite=overwrite) as draft:
            sources = [self._source_or_reason(request) for request in requests]
            probes = [source.probe for source in sources if isinstance(source, cut.CutSource)]
            parts: list[Path] = []
            if probes:
                clip_format = cut.common_format(probes)
                for request, source in zip(requests, sources, strict=True):
                    yield self._cut_part(request, source, clip_format, parts, target)
            else:
                for request, reason in zip(requests, sources, strict=True):
                    yield ClipResult(request, None, None, str(reason))
            if not parts:
                raise MediaError(f"{target.name}: not written, because no moment could be cut.")
            cut.join_parts(parts, self._workspace / "parts.txt", draft, ffmpeg=self._ffmpeg)

    def _cut(self, request: ClipRequest, folder: Path) -> ClipResult:
        source = self._source(request)
        plan = self._plan(source, request, exact=self._exact or self._caption is not None)
        target = folder / f"{filenames.clip_name(request.title, request.start)}{plan.suffix}"
        with numbered_file(target) as (draft, name):
            self._write(source, request, plan, draft)
        return ClipResult(request, name, plan)

    def _write(self, source: cut.CutSource, request: ClipRequest, plan: cut.CutPlan, draft: Path) -> None:
        captions = self._write_captions(source, request, plan)
        cut.write_clip(source, plan, draft, ffmpeg=self._ffmpeg, captions=captions)

    def _cut_part(
        self,
        request: ClipRequest,
        source: cut.CutSource | str,
        clip_format: cut.ClipFormat,
        parts: list[Path],
        name: Path,
    ) -> ClipResult:
        """Cut the next part of a joined file and add the path to `parts`."""
        if isinstance(source, str):
            return ClipResult(request, None, None, source)
        try:
            plan = self._plan(source, request, exact=True)
            track = choose_track(source.probe)
            part = self._workspace / f"{len(parts)}.mov"
            cut.write_part(
                source,
                plan,
                part,
                clip_format,
                ffmpeg=self._ffmpeg,
                track=None if track is None else track.index,
                captions=self._write_captions(source, request, plan, clip_format),
            )
        except (MediaError, ToolError) as error:
            return ClipResult(request, None, None, str(error))
        parts.append(part)
        return ClipResult(request, name, plan)

    def _plan(self, source: cut.CutSource, request: ClipRequest, *, exact: bool) -> cut.CutPlan:
        return cut.plan_cut(source, request.start - self._pad, request.end + self._pad, exact=exact)

    def _source_or_reason(self, request: ClipRequest) -> cut.CutSource | str:
        try:
            source = self._source(request)
        except (MediaError, ToolError) as error:
            return str(error)
        if source.timeline is None:
            return f"{source.path.name}: no video stream, cannot be joined."
        return source

    def _source(self, request: ClipRequest) -> cut.CutSource:
        if request.problem is not None:
            raise MediaError(request.problem)
        path = request.path
        if path not in self._sources:
            files.read_stamp(path)  # raises an error with the reason if the file is unreadable
            probe = self._prober.probe(path)
            timeline = self._prober.timeline(path) if probe.kind is MediaKind.VIDEO else None
            self._sources[path] = cut.CutSource(path, probe, timeline)
        return self._sources[path]

    def _write_captions(
        self, source: cut.CutSource, request: ClipRequest, plan: cut.CutPlan, clip_format: cut.ClipFormat | None = None
    ) -> Path | None:
        if self._caption is None or source.timeline is None:
            return None
        size: Probe | cut.ClipFormat = source.probe if clip_format is None else clip_format
        end = min(max(request.end, request.start + cut.MIN_CLIP_S), plan.end)
        file = self._workspace / "caption.ass"
        text = self._caption(
            request.text,
            request.start - plan.start,
            end - plan.start,
            width_px=size.width_px,
            height_px=size.height_px,
        )
        file.write_text(text, encoding="utf-8")
        return file
