"""Moments parsed from the JSON of `search`, `similar` and `ask`."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeGuard

from vidlocal.errors import UsageError
from vidlocal.render.clips import Clip

_MAX_TIME_S = 1e9


def parse_moments(text: str, durations: Mapping[str, float]) -> list[Clip]:
    """Parse documents of `search`, `similar` or `ask --json`, lists of moments, or single moments, concatenated.

    `durations`: seconds by path of the video. Raises UsageError for anything else.
    """
    return [_clip(moment, durations) for value in _values(text) for moment in _moments(value)]


def _values(text: str) -> Iterator[object]:
    """Parse concatenated JSON values, the output format of `jq`."""
    decoder = json.JSONDecoder()
    position = _skip_space(text, 0)
    while position < len(text):
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise _no_moments() from error
        yield value
        position = _skip_space(text, position)


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _moments(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    fields = [value.get(name) for name in ("moments", "citations")] if isinstance(value, dict) else []
    return next((moments for moments in fields if isinstance(moments, list)), [value])


def _clip(moment: object, durations: Mapping[str, float]) -> Clip:
    fields = moment if isinstance(moment, dict) else {}
    video = fields.get("video")
    if not isinstance(video, dict):
        raise _no_moments()
    path, title, text = video.get("path"), video.get("title"), fields.get("text")
    start, end, score = (fields.get(name) for name in ("start", "end", "score"))
    kinds = fields.get("kinds", [])
    if not (isinstance(path, str) and isinstance(text, str) and _is_time(start) and _is_time(end) and start <= end):
        raise _no_moments()
    return Clip(
        title=title if isinstance(title, str) else Path(path).stem,
        path=path,
        start=float(start),
        end=float(end),
        text=text,
        kinds=tuple(str(kind) for kind in kinds) if isinstance(kinds, list) else (),
        score=float(score) if _is_time(score) else None,
        video_id=video.get("id") if isinstance(video.get("id"), int) else None,
        duration=durations.get(path, 0.0),
    )


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MAX_TIME_S


def _no_moments() -> UsageError:
    return UsageError("Standard input has no moments. Example: vidlocal search QUERY --json | vidlocal clip -")
