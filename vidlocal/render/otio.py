"""Clips as an OpenTimelineIO timeline, through the library of that name. Pure."""

from collections.abc import Sequence
from fractions import Fraction

from vidlocal.render.clips import Clip, frames, laid_out, length, url
from vidlocal.render.sanitize import flat


def otio(clips: Sequence[Clip], *, title: str, rate: Fraction) -> str:
    """One video track with the clips one behind the other; kinds, score and words are in the metadata `vidlocal`."""
    from opentimelineio import opentime, schema

    def span(first: int, count: int) -> opentime.TimeRange:
        return opentime.TimeRange(opentime.RationalTime(first, float(rate)), opentime.RationalTime(count, float(rate)))

    track = schema.Track(name="vidlocal", kind=schema.TrackKind.Video)
    for placed in laid_out(clips, rate):
        clip = placed.clip
        reference = schema.ExternalReference(
            target_url=url(clip.path), available_range=span(0, frames(length(clips, clip.path), rate))
        )
        told: dict[str, object] = {"text": flat(clip.text), "kinds": " ".join(map(flat, clip.kinds))}
        if clip.score is not None:
            told["score"] = clip.score
        track.append(
            schema.Clip(
                name=flat(clip.title),
                media_reference=reference,
                source_range=span(placed.first, placed.count),
                metadata={"vidlocal": told},
            )
        )
    timeline = schema.Timeline(name=flat(title))
    timeline.tracks.append(track)
    return str(timeline.to_json_string(indent=2)) + "\n"
