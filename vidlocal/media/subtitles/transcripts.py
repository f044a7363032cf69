"""Parse transcripts of WhisperX, Whisper, whisper.cpp and videogrep, and the analysis.json of video-analyzer.

videogrep writes a list, `[{"content", "start", "end", "words"}]`, the others a JSON object. WhisperX:
`{"segments": [{"start", "end", "text", "words", "speaker"}], "language"}`; faster-whisper and Whisper write the same.
Words are `{"word", "start", "end", "score"}`. whisper.cpp: `{"result": {"language"}, "transcription": [{"offsets":
{"from", "to"}, "text", "tokens": [{"text", "offsets", "p"}]}]}`, in milliseconds. video-analyzer: `{"metadata":
{"model", "whisper_model", "audio_language", ...}, "transcript": {"text", "segments"}, "frame_analyses": [{"response",
...}], "video_description": {"response", ...}}`; its frames have no times.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from vidlocal.errors import MediaError
from vidlocal.media.languages import language_code
from vidlocal.records import Passage, PassageKind, TimedPassage, Word
from vidlocal.token_words import group_tokens

_FAILURE_PREFIX = "Error analyzing frame"


# Names of the probability of a word: WhisperX, Whisper, videogrep (Vosk), whisper.cpp.
_PROBABILITIES = ("score", "probability", "conf", "p")


def is_transcript(document: object) -> bool:
    """True for a parsed JSON document in the form of a transcript; any list. JSON lines are several documents."""
    if isinstance(document, list):
        return True
    return isinstance(document, dict) and bool(
        {"segments", "frame_analyses", "transcript", "transcription"} & document.keys()
    )


def parse(document: object, *, duration: float | None = None) -> tuple[TimedPassage, ...]:
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
    return tuple(sorted(passages, key=lambda item: item.passage.start))


def _whisper(document: Mapping[str, object]) -> Iterator[TimedPassage]:
    language = _language(document.get("language"))
    yield from _segments(document.get("segments"), language=language, engine="whisperx", model=None)


def _whisper_cpp(document: Mapping[str, object]) -> Iterator[TimedPassage]:
    entries = document["transcription"]
    segments = [
        {
            "start": _milliseconds(offsets.get("from")),
            "end": _milliseconds(offsets.get("to")),
            "text": entry.get("text"),
            "words": _token_words(entry.get("tokens")),
        }
        for entry in map(_mapping, entries if isinstance(entries, list) else ())
        for offsets in [_mapping(entry.get("offsets"))]
    ]
    language = _language(_mapping(document.get("result")).get("language"))
    model = _text(_mapping(document.get("model")).get("type")) or None
    yield from _segments(segments, language=language, engine="whisper.cpp", model=model)


def _analysis(document: Mapping[str, object], duration: float | None) -> Iterator[TimedPassage]:
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
    end_of_speech = max((item.passage.end for item in speech), default=None)
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
            scene = Passage(start, start + step, PassageKind.SCENE, text, engine="video-analyzer", model=model)
            yield TimedPassage(scene)
    summary = _text(_mapping(document.get("video_description")).get("response"))
    if summary and not summary.startswith("Error"):
        end = length or len(answers) * step
        yield TimedPassage(Passage(0.0, end, PassageKind.SUMMARY, summary, engine="video-analyzer", model=model))


def _segments(segments: object, *, language: str | None, engine: str, model: str | None) -> Iterator[TimedPassage]:
    for segment in segments if isinstance(segments, list) else ():
        fields = _mapping(segment)
        start, end = _seconds(fields.get("start")), _seconds(fields.get("end"))
        text = _text(fields.get("text")) or _text(fields.get("content"))
        if start is None or not text:
            continue
        end = max(start, end if end is not None else start)
        words = [_mapping(word) for word in _sequence(fields.get("words"))]
        yield TimedPassage(
            Passage(
                start,
                end,
                PassageKind.SPEECH,
                text,
                language=language,
                engine=engine,
                model=model,
                confidence=_confidence(words),
                speaker=_text(fields.get("speaker")) or None,
            ),
            tuple(_words(words)),
        )


def _words(words: Sequence[Mapping[str, object]]) -> Iterator[Word]:
    """Yield the words with times; WhisperX has none for numbers."""
    for word in words:
        text, start, end = _text(word.get("word")), _seconds(word.get("start")), _seconds(word.get("end"))
        if text and start is not None and end is not None and end >= start:
            yield Word(text, start, end)


def _confidence(words: Sequence[Mapping[str, object]]) -> float | None:
    values = [_seconds(word.get(name)) for word in words for name in _PROBABILITIES if name in word]
    limited = [min(1.0, value) for value in values if value is not None]
    return sum(limited) / len(limited) if limited else None


def _token_words(tokens: object) -> list[dict[str, object]]:
    """Group the tokens of whisper.cpp into words. Special tokens such as `[_BEG_]` are left out."""
    timed, probabilities = [], []
    for token in map(_mapping, _sequence(tokens)):
        offsets = _mapping(token.get("offsets"))
        text, start, end = token.get("text"), _milliseconds(offsets.get("from")), _milliseconds(offsets.get("to"))
        if isinstance(text, str) and not text.startswith("[_") and start is not None and end is not None:
            timed.append((text.encode("utf-8", "replace"), start, end))
            probabilities.append(_seconds(token.get("p")) or 0.0)
    mean = sum(probabilities) / len(probabilities) if probabilities else 0.0
    return [{"word": word.text, "start": word.start, "end": word.end, "p": mean} for word in group_tokens(timed)]


def _sequence(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


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
