"""Signals of plugins: measurements of frames, stored as tags of spans with equal values."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vidlocal.records import Frame, FrameDraft
from vidlocal.store.content.metadata import TaggedSpan


@dataclass(frozen=True, slots=True)
class FrameSignal:
    """A signal of a plugin.

    `measure` gets the pixels of a frame (H x W x 3, uint8, RGB) and returns its tags; None after a failure, which it
    reports by itself.
    """

    name: str
    measure: Callable[[Any], Iterable[str] | None]


def measure_frames(
    drafts: Sequence[FrameDraft | Frame], folder: Path, signals: Sequence[FrameSignal], *, duration: float
) -> dict[str, list[TaggedSpan]]:
    """Measure every distinct frame of a video. `folder` has their images. Returns the tagged spans of each signal.

    A signal that fails is not asked again for this video.
    """
    spans: dict[str, list[TaggedSpan]] = {signal.name: [] for signal in signals}
    failed: set[str] = set()
    for draft in drafts:
        if draft.image is None or len(failed) == len(signals):
            continue
        with Image.open(folder / Path(draft.image).name) as image:
            pixels = np.asarray(image.convert("RGB"))
        for signal in signals:
            if signal.name not in failed:
                tags = signal.measure(pixels)
                if tags is None:
                    failed.add(signal.name)
                else:
                    _extend(spans[signal.name], draft.time, tuple(dict.fromkeys(map(str, tags))))
    return {name: _closed(of_signal, duration) for name, of_signal in spans.items() if of_signal}


def _extend(spans: list[TaggedSpan], time: float, tags: tuple[str, ...]) -> None:
    """Begin a span at a frame with other tags than the frame before."""
    if not spans or spans[-1].tags != tags:
        spans.append(TaggedSpan(time, time, tags))


def _closed(spans: Sequence[TaggedSpan], duration: float) -> list[TaggedSpan]:
    """Return the spans with tags, each until the start of the next span."""
    ends = [*(span.start for span in spans[1:]), duration]
    return [
        TaggedSpan(span.start, max(span.start, end), span.tags)
        for span, end in zip(spans, ends, strict=True)
        if span.tags
    ]
