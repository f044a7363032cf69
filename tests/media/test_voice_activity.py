from collections.abc import Sequence

import numpy as np
import pytest

from tests.support.speech import RATE_HZ, Samples, Sentence, recording, sentences
from vidlocal.media.voice_activity import MAX_PIECE_S, MAX_WINDOW_S, first_window, pieces, speech_after
from vidlocal.media.voice_activity import speech_spans as spans_of_levels
from vidlocal.voice_levels import SpeechSpan, voice_levels


@pytest.fixture(scope="module")
def spoken() -> list[Sentence]:
    return sentences("wedding-en")


def noise(seconds: float, sigma: float) -> Samples:
    return np.random.default_rng(3).normal(0, sigma, round(seconds * RATE_HZ)).astype(np.float32)


def tone(seconds: float) -> Samples:
    return (0.2 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def speech_spans(samples: Samples) -> tuple[SpeechSpan, ...]:
    return spans_of_levels(voice_levels(samples))


def chunks(samples: Samples, spans: Sequence[SpeechSpan]) -> tuple[SpeechSpan, ...]:
    return pieces(voice_levels(samples), spans)


def test_a_sentence_is_one_span_at_its_time(spoken: list[Sentence]) -> None:
    length = spoken[0].end - spoken[0].start
    ((start, end),) = speech_spans(recording([(5.0, spoken[0])], seconds=20))
    assert (start, end) == pytest.approx((5.0, 5.0 + length), abs=0.1)


@pytest.mark.parametrize("sigma", [0.0, 0.0008, 0.02, 0.3])
def test_silence_and_steady_noise_are_not_speech(sigma: float) -> None:
    assert speech_spans(noise(90, sigma)) == ()


def test_a_tone_is_not_speech() -> None:
    assert speech_spans(tone(10)) == ()
    assert speech_spans(np.concatenate([noise(20, 0.0008), tone(3), noise(20, 0.0008)])) == ()


def test_a_click_is_not_speech() -> None:
    quiet = noise(20, 0.0008)
    quiet[100_000:100_400] += 0.5
    assert speech_spans(quiet) == ()


def test_speech_is_detected_before_late_noise(spoken: list[Sentence]) -> None:
    sound = recording([(50.0, spoken[1])], seconds=90)
    sound[30 * RATE_HZ :] += noise(60, 0.01)
    assert any(start < 50.3 and end > 50.9 for start, end in speech_spans(sound))


def test_speech_as_loud_as_the_noise_around_it_is_found(spoken: list[Sentence]) -> None:
    placed = [(3.0, spoken[0]), (10.0, spoken[1]), (20.0, spoken[2])]
    loudness = float(np.concatenate([sentence.samples for sentence in spoken]).std())
    sound = recording(placed, seconds=30) + noise(30, loudness)
    parts = chunks(sound, speech_spans(sound))
    assert len(parts) == 3
    for (at, sentence), (start, end) in zip(placed, parts, strict=True):
        assert start < at + 0.2
        assert end > at + sentence.end - sentence.start - 0.3


def test_empty_audio_has_no_speech() -> None:
    assert speech_spans(np.zeros(0, dtype=np.float32)) == ()
    assert chunks(np.zeros(0, dtype=np.float32), ()) == ()


def test_chunks_end_at_long_pauses_and_have_padding() -> None:
    assert chunks(noise(30, 0.001), [(1.0, 2.0), (2.5, 4.0), (6.0, 29.9)]) == ((0.75, 4.25), (5.75, 30.0))


def test_a_long_chunk_is_split_in_its_pauses(spoken: list[Sentence]) -> None:
    placed: list[tuple[float, Sentence]] = []
    at = 0.5
    while at < 90:
        placed.append((at, spoken[len(placed) % 3]))
        at += placed[-1][1].samples.size / RATE_HZ + 0.5
    sound = recording(placed, seconds=at)
    parts = chunks(sound, speech_spans(sound))
    assert all(end - start <= MAX_PIECE_S for start, end in parts)
    assert [end for _, end in parts[:-1]] == [start for start, _ in parts[1:]]
    for cut, _ in parts[1:]:
        assert not any(start < cut < start + sentence.samples.size / RATE_HZ for start, sentence in placed)


def test_windows_join_pieces_across_pauses_of_up_to_three_seconds() -> None:
    speech = [(1.0, 3.0), (5.5, 9.0), (12.5, 14.0), (15.0, 16.0)]
    levels = voice_levels(noise(20, 0.001))
    assert first_window(levels, speech) == (1.0, 9.0)
    assert first_window(levels, speech_after(speech, 9.0)) == (12.5, 16.0)
    assert first_window(levels, speech_after(speech, 16.0)) is None


def test_speech_after_a_time_may_begin_within_a_piece() -> None:
    assert speech_after([(1.0, 3.0), (5.5, 9.0)], 6.0) == [(6.0, 9.0)]


def test_long_windows_are_cut_in_pauses_near_their_end(spoken: list[Sentence]) -> None:
    placed: list[tuple[float, Sentence]] = []
    at = 0.5
    while at < 120:
        placed.append((at, spoken[len(placed) % 3]))
        at += placed[-1][1].samples.size / RATE_HZ + 1.0
    sound = recording(placed, seconds=at)
    speech: Sequence[SpeechSpan] = chunks(sound, speech_spans(sound))
    parts = []
    while window := first_window(voice_levels(sound), speech):
        parts.append(window)
        speech = speech_after(speech, window[1])
    assert all(19.0 <= end - start <= MAX_WINDOW_S for start, end in parts[:-1])
    inside = [sum(start <= at and at + 1.0 <= end for at, _ in placed) for start, end in parts]
    assert sum(inside) == len(placed)
