"""Write clips as an OpenTimelineIO timeline. Pure."""

from collections.abc import Sequence
from fractions import Fraction

from vidlocal.render.clips import Clip, file_url, lay_out, to_frames, video_length
from vidlocal.render.sanitize import one_line


def otio(clips: Sequence[Clip], *, title: str, rate: Fraction) -> str:
    """A video track with the clips in sequence; kinds, score and text are in the metadata `vidlocal`."""
    from opentimelineio import opentime, schema

    def span(first: int, count: int) -> opentime.TimeRange:
        return opentime.TimeRange(opentime.RationalTime(first, float(rate)), opentime.RationalTime(count, float(rate)))

    track = schema.Track(name="vidlocal", kind=schema.TrackKind.Video)
    for item in lay_out(clips, rate):
        clip = item.clip
        reference = schema.ExternalReference(
            target_url=file_url(clip.path), available_range=span(0, to_frames(video_length(clips, clip.path), rate))
        )
        metadata: dict[str, object] = {"text": one_line(clip.text), "kinds": " ".join(map(one_line, clip.kinds))}
        if clip.score is not None:
            metadata["score"] = clip.score
        track.append(
            schema.Clip(
                name=one_line(clip.title),
                media_reference=reference,
                source_range=span(item.first_frame, item.frame_count),
                metadata={"vidlocal": metadata},
            )
        )
    timeline = schema.Timeline(name=one_line(title))
    timeline.tracks.append(track)
    return str(timeline.to_json_string(indent=2)) + "\n"
