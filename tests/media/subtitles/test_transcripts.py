import pytest

from vidlocal.errors import MediaError
from vidlocal.media.subtitles import transcripts
from vidlocal.records import Passage, PassageKind, Word

WHISPERX = {
    "segments": [
        {"start": 0.5, "end": 2.25, "text": " Hello there.", "words": [{"word": "Hello"}], "speaker": "SPEAKER_00"},
        {"start": 3.0, "end": 4.0, "text": "Cake!", "speaker": "Anna"},
        {"start": None, "end": 4.0, "text": "no time"},
    ],
    "word_segments": [],
    "language": "en",
}
ANALYSIS = {
    "metadata": {
        "model": "llama3.2-vision",
        "whisper_model": "large",
        "audio_language": "es",
        "duration_processed": None,
    },
    "transcript": {"text": "Hola.", "segments": [{"start": 0.0, "end": 1.5, "text": "Hola.", "words": []}]},
    "frame_analyses": [
        {"response": "A kitchen."},
        {"response": "Error analyzing frame 1: timeout"},
        {"response": "A garden.", "timestamp": 9.0},
    ],
    "video_description": {"response": "A day at home."},
}


def parsed(document: object, *, duration: float | None = None) -> tuple[Passage, ...]:
    return tuple(item.passage for item in transcripts.parse(document, duration=duration))


def test_whisperx_segments_become_speech_with_their_speakers() -> None:
    assert parsed(WHISPERX) == (
        Passage(0.5, 2.25, PassageKind.SPEECH, "Hello there.", "en", "whisperx", speaker="SPEAKER_00"),
        Passage(3.0, 4.0, PassageKind.SPEECH, "Cake!", "en", "whisperx", speaker="Anna"),
    )


def test_segments_of_whisper_cpp_become_speech() -> None:
    document = {
        "model": {"type": "base"},
        "result": {"language": "en"},
        "transcription": [
            {"timestamps": {}, "offsets": {"from": 1000, "to": 4250}, "text": " The walrus reads."},
            {"offsets": {"from": "soon"}, "text": "no time"},
            {"text": "no offsets"},
            5,
        ],
    }
    assert transcripts.is_transcript(document)
    assert parsed(document) == (
        Passage(1.0, 4.25, PassageKind.SPEECH, "The walrus reads.", "en", "whisper.cpp", "base"),
    )


def test_segments_of_videogrep_become_speech() -> None:
    document = [{"content": "hello there", "start": 1.0, "end": 2.5, "words": [{"word": "hello"}]}, 7]
    assert transcripts.is_transcript(document)
    assert parsed(document) == (Passage(1.0, 2.5, PassageKind.SPEECH, "hello there", None, "videogrep"),)


def test_an_analysis_becomes_speech_scenes_and_a_summary() -> None:
    passages = parsed(ANALYSIS, duration=12.0)
    assert [(item.kind, item.start, item.end, item.text, item.model) for item in passages] == [
        ("speech", 0.0, 1.5, "Hola.", "large"),
        ("scene", 0.0, 4.0, "A kitchen.", "llama3.2-vision"),
        ("summary", 0.0, 12.0, "A day at home.", "llama3.2-vision"),
        ("scene", 9.0, 13.0, "A garden.", "llama3.2-vision"),
    ]
    assert passages[0].language == "es"


@pytest.mark.parametrize("document", [{}, [], {"segments": 3}, {"frame_analyses": [None]}, {"transcript": None}])
def test_a_document_without_text_is_rejected(document: object) -> None:
    with pytest.raises(MediaError):
        transcripts.parse(document)


WORDS = (Word("So,", 1.0, 1.2), Word("München", 1.2, 1.8))


@pytest.mark.parametrize(
    "document",
    [
        # WhisperX, Whisper and faster-whisper, videogrep, whisper.cpp -ojf
        {
            "segments": [
                {
                    "start": 1.0,
                    "end": 1.8,
                    "text": " So, München 5",
                    "words": [
                        {"word": "So,", "start": 1.0, "end": 1.2, "score": 0.5},
                        {"word": "München", "start": 1.2, "end": 1.8, "score": 1.0},
                        {"word": "5"},
                    ],
                }
            ]
        },
        {
            "segments": [
                {
                    "start": 1.0,
                    "end": 1.8,
                    "text": " So, München",
                    "words": [
                        {"word": " So,", "start": 1.0, "end": 1.2, "probability": 0.5},
                        {"word": " München", "start": 1.2, "end": 1.8, "probability": 1.0},
                        5,
                    ],
                }
            ]
        },
        [
            {
                "start": 1.0,
                "end": 1.8,
                "content": "So, München",
                "words": [
                    {"word": "So,", "start": 1.0, "end": 1.2, "conf": 0.5},
                    {"word": "München", "start": 1.2, "end": 1.8, "conf": 1.0},
                ],
            }
        ],
        {
            "transcription": [
                {
                    "offsets": {"from": 1000, "to": 1800},
                    "text": " So, München",
                    "tokens": [
                        {"text": "[_BEG_]", "offsets": {"from": 1000, "to": 1000}, "p": 0.1},
                        {"text": " So", "offsets": {"from": 1000, "to": 1150}, "p": 0.5},
                        {"text": ",", "offsets": {"from": 1150, "to": 1200}, "p": 0.5},
                        {"text": " M\u00fcn", "offsets": {"from": 1200, "to": 1500}, "p": 1.0},
                        {"text": "chen", "offsets": {"from": 1500, "to": 1800}, "p": 1.0},
                    ],
                }
            ]
        },
    ],
)
def test_words_keep_their_times_and_confidence(document: object) -> None:
    (item,) = transcripts.parse(document)
    assert item.words == WORDS
    assert item.passage.confidence == pytest.approx(0.75)
