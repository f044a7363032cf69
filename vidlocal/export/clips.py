"""Clips of moments: found files, cut one by one, each whole or not there."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from vidlocal.errors import MediaError, ToolError
from vidlocal.media import cut, filenames, files
from vidlocal.media.atomic_write import atomic_file
from vidlocal.media.audio import choose_track
from vidlocal.media.ffmpeg import Ffmpeg
from vidlocal.media.probe import Prober
from vidlocal.records import MediaKind

# The words of a caption for a span of the clip and the size of the picture, as the text of an .ass file.
Caption = Callable[..., str]


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """A moment to cut, without padding. `paths` are the places where its video may be, at least one."""

    title: str
    paths: tuple[Path, ...]
    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class ClipResult:
    """What became of it: a file and how it was cut, or a reason."""

    request: ClipRequest
    file: Path | None
    cut: cut.CutPlan | None
    reason: str | None = None


class Clipper:
    """Cuts clips. `workspace` is an empty folder of ours whose name means nothing to ffmpeg. A context manager."""

    def __init__(self, ffmpeg: Ffmpeg, workspace: Path, *, exact: bool, pad: float, caption: Caption | None) -> None:
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

    def cut_each(self, wanted: Sequence[ClipRequest], folder: Path) -> Iterator[ClipResult]:
        """One new file in `folder` for each moment, as it is done. A name that is taken gets a number."""
        for one in wanted:
            try:
                yield self._one(one, folder)
            except (MediaError, ToolError) as error:
                yield ClipResult(one, None, None, str(error))

    def cut_joined(self, wanted: Sequence[ClipRequest], target: Path) -> Iterator[ClipResult]:
        """One new file with all moments one behind the other, in their order; each is told when it is cut.

        Raises UsageError when `target` is there, before anything is cut.
        """
        with atomic_file(target, refuse=True) as (draft, name):
            sources = [self._source_or_reason(one) for one in wanted]
            probes = [source.probe for source in sources if isinstance(source, cut.CutSource)]
            parts: list[Path] = []
            if probes:
                look = cut.common_format(probes)
                for one, source in zip(wanted, sources, strict=True):
                    yield self._part(one, source, look, parts, name)
            else:
                yield from (ClipResult(one, None, None, str(reason)) for one, reason in zip(wanted, sources, strict=True))
            if not parts:
                raise MediaError("Nothing could be cut, so there is nothing to join.")
            cut.join_parts(parts, self._workspace / "parts.txt", draft, ffmpeg=self._ffmpeg)

    def _one(self, one: ClipRequest, folder: Path) -> ClipResult:
        source = self._source(one)
        made = self._planned(source, one, exact=self._exact or self._caption is not None)
        target = folder / f"{filenames.clip_name(one.title, one.start)}{made.suffix}"
        with atomic_file(target, refuse=False) as (draft, name):
            cut.write_clip(source, made, draft, ffmpeg=self._ffmpeg, captions=self._captions(source, one, made))
        return ClipResult(one, name, made)

    def _part(self, one: ClipRequest, source: cut.CutSource | str, look: cut.ClipFormat, parts: list[Path], name: Path) -> ClipResult:
        if isinstance(source, str):
            return ClipResult(one, None, None, source)
        try:
            made = self._planned(source, one, exact=True)
            track = choose_track(source.probe)
            part = self._workspace / f"{len(parts)}.mov"
            cut.write_part(
                source,
                made,
                part,
                look,
                ffmpeg=self._ffmpeg,
                track=None if track is None else track.index,
                captions=self._captions(source, one, made, look),
            )
        except (MediaError, ToolError) as error:
            return ClipResult(one, None, None, str(error))
        parts.append(part)
        return ClipResult(one, name, made)

    def _planned(self, source: cut.CutSource, one: ClipRequest, *, exact: bool) -> cut.CutPlan:
        return cut.plan_cut(source, one.start - self._pad, one.end + self._pad, exact=exact)

    def _source_or_reason(self, one: ClipRequest) -> cut.CutSource | str:
        try:
            source = self._source(one)
        except (MediaError, ToolError) as error:
            return str(error)
        if source.timeline is None:
            return f"{source.path.name} has no moving picture, so it cannot be part of a joined film."
        return source

    def _source(self, one: ClipRequest) -> cut.CutSource:
        path = next((path for path in one.paths if path.is_file()), one.paths[0])
        if path not in self._sources:
            files.read_stamp(path)  # says what is the matter with it
            probe = self._prober.probe(path)
            timeline = self._prober.timeline(path) if probe.kind is MediaKind.VIDEO else None
            self._sources[path] = cut.CutSource(path, probe, timeline)
        return self._sources[path]

    def _captions(self, source: cut.CutSource, one: ClipRequest, made: cut.CutPlan, look: cut.ClipFormat | None = None) -> Path | None:
        if self._caption is None or source.timeline is None:
            return None
        width, height = (
            (source.probe.width_px, source.probe.height_px) if look is None else (look.width_px, look.height_px)
        )
        end = min(max(one.end, one.start + cut.MIN_CLIP_S), made.end)
        file = self._workspace / "caption.ass"
        text = self._caption(one.text, one.start - made.start, end - made.start, width_px=width, height_px=height)
        file.write_text(text, encoding="utf-8")
        return file
