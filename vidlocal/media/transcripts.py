"""Parse transcripts of WhisperX, Whisper, whisper.cpp and videogrep, and the analysis.json of video-analyzer.

videogrep writes a list, `[{"content", "start", "end", "words"}]`, the others a JSON object. WhisperX:
`{"segments": [{"start", "end", "text", "words", "speaker"}], "language"}`. whisper.cpp: `{"result": {"language"},
"transcription": [{"offsets": {"from", "to"}, "text"}]}`, in milliseconds. video-analyzer: `{"metadata": {"model",
"whisper_model", "audio_language", ...}, "transcript": {"text", "segments"}, "frame_analyses": [{"response", ...}],
"video_description": {"response", ...}}`; its frames have no times.
"""

import math
import re
from collections.abc import Iterator, Mapping

from vidlocal.errors import MediaError
from vidlocal.media.languages import language_code
from vidlocal.records import Passage, PassageKind

# Labels of diarization for unnamed speakers.
_UNNAMED_SPEAKER = re.compile(r"(?i)speaker[ _-]*\w{0,3}|unknown")
_FAILURE_PREFIX = "Error analyzing frame"


def is_transcript(document: object) -> bool:
    """True if a parsed JSON document can be a transcript. Every list can; JSON lines are never one document."""
    if isinstance(document, list):
        return True
    return isinstance(document, dict) and bool(
        {"segments", "frame_analyses", "transcript", "transcription"} & document.keys()
    )


def parse(document: object, *, duration: float | None = None) -> tuple[Passage, ...]:
    """Passages of a document, in time order. Raises MediaError for a document without any.

    `duration` is the duration of the video in seconds, if known. Frames without a time are spread evenly over the
    video, or over the speech.
    """
    if isinstance(document, list):
        passages = tuple(_segments(document, language=None, engine="videogrep", model=None))
    elif not isinstance(document, dict):
        raise MediaError("Not a JSON object.")
    elif "frame_analyses" in document or "transcript" in document:
        passages = tuple(_analysis(document, duration))
    elif "transcription" in document:
        passages = tuple(_whisper_cpp(document))
    else:
        passages = tuple(_whisper(document))
    if not passages:
        raise MediaError("No timed text found. Expected: segments (WhisperX) or frame_analyses (video-analyzer).")
    return tuple(sorted(passages, key=lambda passage: passage.start))


def _whisper(document: Mapping[str, object]) -> Iterator[Passage]:
    language = _language(document.get("language"))
    yield from _segments(document.get("segments"), language=language, engine="whisperx", model=None)


def _whisper_cpp(document: Mapping[str, object]) -> Iterator[Passage]:
    entries = document["transcription"]
    segments = [
        {
            "start": _milliseconds(offsets.get("from")),
            "end": _milliseconds(offsets.get("to")),
            "text": entry.get("text"),
        }
        for entry in map(_mapping, entries if isinstance(entries, list) else ())
        for offsets in [_mapping(entry.get("offsets"))]
    ]
    language = _language(_mapping(document.get("result")).get("language"))
    model = _text(_mapping(document.get("model")).get("type")) or None
    yield from _segments(segments, language=language, engine="whisper.cpp", model=model)


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
    end_of_speech = max((passage.end for passage in speech), default=None)
    length = duration or _seconds(metadata.get("duration_processed")) or end_of_speech
    model = _text(metadata.get("model")) or None
    frames = document.get("frame_analyses")
    answers = [_mapping(frame) for frame in frames] if isinstance(frames, list) else []
    step = length / len(answers) if length and answers else 60.0 / (_seconds(metadata.get("frames_per_minute")) or 60.0)
    for position, answer in enumerate(answers):
        text = _text(answer.get("response"))
        if text and not text.startswith(_FAILURE_PREFIX):
            start = _seconds(answer.get("timestamp"))
            start = position * step if start is None else start
            yield Passage(start, start + step, PassageKind.SCENE, text, engine="video-analyzer", model=model)
    summary = _text(_mapping(document.get("video_description")).get("response"))
    if summary and not summary.startswith("Error"):
        end = length or len(answers) * step
        yield Passage(0.0, end, PassageKind.SUMMARY, summary, engine="video-analyzer", model=model)


def _segments(segments: object, *, language: str | None, engine: str, model: str | None) -> Iterator[Passage]:
    for segment in segments if isinstance(segments, list) else ():
        fields = _mapping(segment)
        start, end = _seconds(fields.get("start")), _seconds(fields.get("end"))
        text = _text(fields.get("text")) or _text(fields.get("content"))
        if start is None or not text:
            continue
        speaker = _text(fields.get("speaker"))
        if speaker and not _UNNAMED_SPEAKER.fullmatch(speaker):
            text = f"{speaker}: {text}"
        end = max(start, end if end is not None else start)
        yield Passage(start, end, PassageKind.SPEECH, text, language=language, engine=engine, model=model)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _language(value: object) -> str | None:
    return language_code(_text(value))


def _milliseconds(value: object) -> float | None:
    seconds = _seconds(value)
    return None if seconds is None else seconds / 1000


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        return None
    return float(value) if math.isfinite(value) else None
