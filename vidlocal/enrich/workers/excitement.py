"""Excitement along the timeline of a video, by the vision model, else the text model."""

from collections.abc import Sequence

from vidlocal.model_answers import Section
from vidlocal.store.content import understanding
from vidlocal.store.database import Library


def of_sections(library: Library, video_id: int, sections: Sequence[Section]) -> list[float | None]:
    """Excitement per section, 0 to 1; None if unknown."""
    frames = understanding.frame_excitement(library, video_id)
    curve: list[float | None] = []
    for section in sections:
        inside = [value for time, value in frames if section.start <= time < section.end]
        curve.append(round(sum(inside) / len(inside), 3) if inside else section.answer.excitement)
    return curve


def of_video(
    library: Library, video_id: int, sections: Sequence[Section], curve: Sequence[float | None]
) -> float | None:
    """Excitement of the whole video: mean of the sections weighted by length, else mean of the frames."""
    if sections:
        return mean(sections, curve)
    values = [value for _, value in understanding.frame_excitement(library, video_id)]
    return round(sum(values) / len(values), 3) if values else None


def mean(sections: Sequence[Section], curve: Sequence[float | None]) -> float | None:
    """The mean over some sections, weighted by their length."""
    weighted = [
        (max(section.end - section.start, 1e-3), value)
        for section, value in zip(sections, curve, strict=True)
        if value is not None
    ]
    length = sum(weight for weight, _ in weighted)
    return round(sum(weight * value for weight, value in weighted) / length, 3) if weighted else None
