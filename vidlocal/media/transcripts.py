"""What other programs wrote of a video: WhisperX and Whisper, videogrep, and the analysis.json of video-analyzer.

videogrep writes a list, `[{"content", "start", "end", "words"}]`, the others one JSON object. WhisperX:
`{"segments": [{"start", "end", "text", "words", "speaker"}], "language"}`. video-analyzer: `{"metadata": {"model",
"whisper_model", "audio_language", ...}, "transcript": {"text", "segments"}, "frame_analyses": [{"response", ...}],
"video_description": {"response", ...}}`; its frames have no times.
"""

import math
import re
from collections.abc import Iterator, Mapping

from vidlocal.errors import MediaError
from vidlocal.media.languages import language_code
from vidlocal.records import Passage, PassageKind

# How diarisation numbers people it does not know.
_NOBODY = re.compile(r"(?i)speaker[ _-]*\w{0,3}|unknown")
_FAILED = "Error analyzing frame"


def is_transcript(document: object) -> bool:
    """Whether a parsed JSON document is one of them. A list may be one: JSON lines are never one document."""
    if isinstance(document, list):
        return True
    return isinstance(document, dict) and bool({"segments", "frame_analyses", "transcript"} & document.keys())


def parse(document: object, *, duration: float | None = None) -> tuple[Passage, ...]:
    """The passages of a document, in time order. Raises MediaError when it has none that can be understood.

    `duration` of the video in seconds, if it is known. Frames without a time of their own are put in equal steps
    over the video, or over its speech.
    """
    if isinstance(document, list):
        found = tuple(_segments(document, language=None, engine="videogrep", model=None))
    elif not isinstance(document, dict):
        raise MediaError("It is no JSON object.")
    elif "frame_analyses" in document or "transcript" in document:
        found = tuple(_analysis(document, duration))
    else:
        found = tuple(_whisper(document))
    if not found:
        raise MediaError("It has no text with times. WhisperX JSON has segments, video-analyzer's has frame_analyses.")
    return tuple(sorted(found, key=lambda passage: passage.start))


def _whisper(document: Mapping[str, object]) -> Iterator[Passage]:
    language = _language(document.get("language"))
    yield from _segments(document.get("segments"), language=language, engine="whisperx", model=None)


def _analysis(document: Mapping[str, object], duration: float | None) -> Iterator[Passage]:
    metadata = _mapping(document.get("metadata"))
    speech = tuple(
        _segments(
            _mapping(document.get("transcript")).get("segments"),
            language=_language(metadata.get("audio_language")),
            engine="video-analyzer",
            model=_text(metadata.get("whisper_model")) or None,
        )
    )
    yield from speech
    length = duration or _seconds(metadata.get("duration_processed")) or max((one.end for one in speech), default=None)
    model = _text(metadata.get("model")) or None
    frames = document.get("frame_analyses")
    answers = [_mapping(frame) for frame in frames] if isinstance(frames, list) else []
    step = length / len(answers) if length and answers else 60.0 / (_seconds(metadata.get("frames_per_minute")) or 60.0)
    for position, answer in enumerate(answers):
        said = _text(answer.get("response"))
        if said and not said.startswith(_FAILED):
            start = _seconds(answer.get("timestamp"))
            start = position * step if start is None else start
            yield Passage(start, start + step, PassageKind.SCENE, said, engine="video-analyzer", model=model)
    summary = _text(_mapping(document.get("video_description")).get("response"))
    if summary and not summary.startswith("Error"):
        end = length or len(answers) * step
        yield Passage(0.0, end, PassageKind.SUMMARY, summary, engine="video-analyzer", model=model)


def _segments(segments: object, *, language: str | None, engine: str, model: str | None) -> Iterator[Passage]:
    for segment in segments if isinstance(segments, list) else ():
        facts = _mapping(segment)
        start, end = _seconds(facts.get("start")), _seconds(facts.get("end"))
        said = _text(facts.get("text")) or _text(facts.get("content"))
        if start is None or not said:
            continue
        speaker = _text(facts.get("speaker"))
        if speaker and not _NOBODY.fullmatch(speaker):
            said = f"{speaker}: {said}"
        end = max(start, end if end is not None else start)
        yield Passage(start, end, PassageKind.SPEECH, said, language=language, engine=engine, model=model)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _language(value: object) -> str | None:
    return language_code(_text(value))


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        return None
    return float(value) if math.isfinite(value) else None
