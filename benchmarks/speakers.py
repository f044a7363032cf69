"""Speaker diarization on dialogues with known turns: error rate, speakers known again, and speed.

    PYTHONPATH=. python benchmarks/speakers.py --folder FOLDER --models FOLDER [--whisper FILE]

FOLDER has recordings, each of one speaker: NAME.wav, NAME.2.wav. Dialogues are made of pieces of them, with pauses,
short turns and some turns that begin before the last one ends. A speaker speaks where the own piece is loud, and in
pauses of up to half a second. Prints for each dialogue the diarization error rate (DER in %: missed, false and confused
time by the time of speech, overlaps included, without a collar and with one of 0.25 s around each border), the number
of speakers, and the processor time by that of the sound and of the transcription. The last line tells how many voices
of all dialogues were given to the right speaker of the library.
"""

import argparse
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil

from tests.support.speech import RATE_HZ, Samples, decoded
from vidlocal.engines.base import Voice
from vidlocal.engines.speakers.diarizer import Diarizer
from vidlocal.engines.speakers.speaker_files import speaker_models
from vidlocal.engines.speakers.voice_matching import join, nearest
from vidlocal.engines.speech.whisper import Whisper
from vidlocal.engines.speech.whisper_files import whisper_model
from vidlocal.enrich.workers.recognition import recognize

Turn = tuple[float, float, str]
Active = npt.NDArray[np.bool_]  # speakers x steps

STEP_S = 0.01
COLLAR_S = 0.25
DIALOGUES = ((2, 0.0), (2, 0.15), (3, 0.0), (3, 0.15), (4, 0.1))
SECONDS = 150.0
HEADER = "dialogue                    DER   collar  missed  false  confused  speakers  CPU by sound  by transcription"

# Relative to the level of the recordings, 0.08.
MIN_LOUD = 0.02
MAX_PAUSE_S = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--whisper", type=Path)
    parser.add_argument("--only", type=int, help="Number of one dialogue, from 0.")
    options = parser.parse_args()
    speech = load(options.folder)
    known: list[tuple[str, npt.NDArray[np.float32]]] = []
    right = voices_heard = 0
    print(HEADER)
    with Diarizer(speaker_models(options.models)) as diarizer:
        for number, (count, overlap) in enumerate(DIALOGUES):
            if options.only not in (None, number):
                continue
            names = list(itertools.islice(itertools.cycle(speech), number, number + count))
            sound, turns = dialogue(speech, names, overlap=overlap, seed=number)
            before = cpu_s()
            voices = join(diarizer.diarize(sound))
            cost = cpu_s() - before
            truth, heard = active(turns, names, sound), active_voices(voices, sound)
            owner = best_pairs(truth, heard)
            ratio = cost / transcription_s(options.whisper, sound) if options.whisper else float("nan")
            title = f"{count} speakers, {overlap:.0%} overlapping"
            parts = errors(truth, heard, owner)
            rates = f"{sum(parts):6.1f} {sum(errors(truth, heard, owner, collar(turns, sound))):8.1f}"
            shares = f"{parts[0]:7.1f} {parts[1]:6.1f} {parts[2]:9.1f}"
            print(f"{title:24} {rates} {shares} {len(voices):4} of {count} {cost / SECONDS:13.3f} {ratio:17.2f}")
            for position, voice in enumerate(voices):
                name = names[owner[position]] if position in owner else "nobody"
                match = nearest(voice.vector, [vector for _, vector in known])
                expected = {other for other, _ in known}
                right += known[match][0] == name if match is not None else name not in expected
                voices_heard += 1
                known.append((name, voice.vector))
    print(f"{right} of {voices_heard} voices given to the right speaker of the library")


def load(folder: Path) -> Mapping[str, Samples]:
    """Map speakers to all their recordings, without pauses of more than half a second."""
    by_name: dict[str, list[Samples]] = {}
    for file in sorted(folder.glob("*.wav")):
        by_name.setdefault(file.name.partition(".")[0], []).append(without_pauses(decoded(file)))
    return {name: np.concatenate(parts) for name, parts in by_name.items()}


def without_pauses(sound: Samples) -> Samples:
    steps = sound[: sound.size // 160 * 160].reshape(-1, 160)
    loud = np.abs(steps).max(axis=1) > 0.02
    near = np.convolve(loud, np.ones(51), mode="same") > 0
    level = float(np.sqrt((steps[near] ** 2).mean()))
    return (steps[near].reshape(-1) * (0.08 / level)).astype(np.float32)


def dialogue(
    speech: Mapping[str, Samples], names: Sequence[str], *, overlap: float, seed: int
) -> tuple[Samples, list[Turn]]:
    """Lay turns of 1 to 9 s in sequence. A share of them starts up to a second before the previous end."""
    chance = np.random.default_rng(seed)
    sound = chance.normal(0, 0.0008, round(SECONDS * RATE_HZ)).astype(np.float32)
    offsets = dict.fromkeys(names, 0)
    turns: list[Turn] = []
    start, last = 0.5, ""
    while True:
        name = str(chance.choice([other for other in dict.fromkeys(names) if other != last]))
        length = float(chance.uniform(1, 9) if chance.random() > 0.25 else chance.uniform(0.6, 1.5))
        end = start + length
        if end > SECONDS - 1:
            return sound, turns
        first, count = offsets[name], round(length * RATE_HZ)
        piece = np.take(speech[name], range(first, first + count), mode="wrap")
        offsets[name] = first + count
        sound[round(start * RATE_HZ) : round(start * RATE_HZ) + count] += piece
        turns += [(start + first, start + last, name) for first, last in loud_spans(piece)]
        last = name
        start = end - chance.uniform(0.2, 1.0) if chance.random() < overlap else end + chance.uniform(0.1, 1.2)


def loud_spans(piece: Samples) -> list[tuple[float, float]]:
    """Return the spans of sound in a piece, in seconds, joined over short pauses."""
    steps = piece[: piece.size // 160 * 160].reshape(-1, 160)
    loud = np.flatnonzero(np.abs(steps).max(axis=1) > MIN_LOUD) * STEP_S
    cuts = np.flatnonzero(np.diff(loud) > MAX_PAUSE_S)
    firsts, lasts = np.append(0, cuts + 1), np.append(cuts, loud.size - 1)
    return [(float(loud[a]), float(loud[b]) + STEP_S) for a, b in zip(firsts, lasts, strict=True) if loud.size]


def active(turns: Sequence[Turn], names: Sequence[str], sound: Samples) -> Active:
    steps = np.zeros((len(names), round(sound.size / RATE_HZ / STEP_S)), dtype=bool)
    for start, end, name in turns:
        steps[names.index(name), round(start / STEP_S) : round(end / STEP_S)] = True
    return steps


def active_voices(voices: Sequence[Voice], sound: Samples) -> Active:
    turns = [(start, end, str(number)) for number, voice in enumerate(voices) for start, end in voice.turns]
    return active(turns, [str(number) for number in range(len(voices))], sound)


def collar(turns: Sequence[Turn], sound: Samples) -> npt.NDArray[np.bool_]:
    """Return the steps for scoring, without steps around the border of a turn."""
    counted = np.ones(round(sound.size / RATE_HZ / STEP_S), dtype=bool)
    for start, end, _ in turns:
        for border in (start, end):
            counted[max(0, round((border - COLLAR_S) / STEP_S)) : round((border + COLLAR_S) / STEP_S)] = False
    return counted


def best_pairs(truth: Active, heard: Active) -> dict[int, int]:
    """Map voices to the speakers with the most shared time, one to one."""
    shared = truth.astype(np.int32) @ heard.T.astype(np.int32)
    pairs: dict[int, int] = {}
    for _ in range(min(shared.shape)):
        speaker, voice = np.unravel_index(int(shared.argmax()), shared.shape)
        if shared[speaker, voice] <= 0:
            break
        pairs[int(voice)] = int(speaker)
        shared[speaker, :] = shared[:, voice] = -1
    return pairs


def errors(
    truth: Active, heard: Active, pairs: Mapping[int, int], counted: npt.NDArray[np.bool_] | None = None
) -> tuple[float, float, float]:
    """Return missed, false and confused time in % of the time of speech. Their sum is the diarization error rate."""
    kept = slice(None) if counted is None else counted
    truth, heard = truth[:, kept], heard[:, kept]
    speaking, hearing = truth.sum(axis=0), heard.sum(axis=0)
    correct = sum((truth[speaker] & heard[voice]).astype(int) for voice, speaker in pairs.items())
    times = (
        np.maximum(0, speaking - hearing),
        np.maximum(0, hearing - speaking),
        np.minimum(speaking, hearing) - correct,
    )
    missed, false, confused = (float(100 * time.sum() / speaking.sum()) for time in times)
    return missed, false, confused


def transcription_s(model: Path, sound: Samples) -> float:
    with Whisper(whisper_model(str(model), model.parent)) as whisper:
        whisper.transcribe(np.zeros(RATE_HZ, dtype=np.float32), "en")
        before = cpu_s()
        recognize(whisper, sound, language="en", is_last=True, is_forced=True)
        return cpu_s() - before


def cpu_s() -> float:
    """Return the processor time of this process and its children, in seconds."""
    process = psutil.Process()
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return float(sum(used.user + used.system for used in times))


if __name__ == "__main__":
    main()
