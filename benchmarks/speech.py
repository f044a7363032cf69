"""Transcription against a plain whisper.cpp call: errors in words, times and processor time.

    PYTHONPATH=. python benchmarks/speech.py [--model FILE] [--folder FOLDER]

The folder has recordings (NAME.wav and others) with their truth in NAME.json: a list of `{"start", "end", "text"}` for
every sentence. By default, sentences of the test model are laid on quiet noise, with pauses of several lengths. Prints
word error rate (in %), distances of starts and ends of sentences (median and 90th percentile, in s), and the processor
time of both ways, without the time to load the model.
"""

import argparse
import json
import re
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from pywhispercpp.model import Model

from tests.support.speech import MODEL, RATE_HZ, Samples, decoded, recording, sentences, write_wav
from vidlocal.engines.cpu import usable_cores
from vidlocal.engines.speech.whisper import Whisper
from vidlocal.engines.speech.whisper_files import whisper_model
from vidlocal.enrich.workers.recognition import recognize
from vidlocal.records import Cue

PAUSES_S = {"reading": (0.3, 0.5), "talk": (1.0, 6.0)}
SENTENCES = 40

NUMBERS = frozenset(
    re.findall(
        r"\w+",
        "zero one two three four five six seven eight nine ten eleven twelve nineteen "
        "twenty thirty forty fifty sixty seventy eighty ninety hundred thousand",
    )
)

HEADER = "recording            words   WER plain  ours   starts plain    ours    ends plain      ours   CPU ratio"


@dataclass(frozen=True, slots=True)
class Result:
    """Errors and cost of a transcript. `starts` and `ends` are distances in seconds."""

    errors: int
    starts: list[float]
    ends: list[float]
    cpu_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", help="Name of one recording.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or make_recordings(Path(scratch))
        print(HEADER)
        for audio in sorted(folder.iterdir()):
            truth_file = audio.with_suffix(".json")
            if audio.suffix != ".json" and truth_file.exists() and options.only in (None, audio.stem):
                compare(audio, json.loads(truth_file.read_text()), options.model, Path(scratch))


def make_recordings(folder: Path) -> Path:
    spoken = sentences("wedding-en")
    for name, pauses in PAUSES_S.items():
        gaps = np.random.default_rng(5).uniform(*pauses, SENTENCES)
        placed, at = [], 0.0
        for number, gap in enumerate(gaps):
            sentence = spoken[number % len(spoken)]
            placed.append((at + float(gap), sentence))
            at += float(gap) + sentence.end - sentence.start
        write_wav(folder / f"{name}.wav", recording(placed, seconds=at + 1.0))
        truth = [{"start": at, "end": at + s.end - s.start, "text": s.text} for at, s in placed]
        (folder / f"{name}.json").write_text(json.dumps(truth))
    return folder


def compare(audio: Path, truth: list[dict[str, object]], model: Path, cache: Path) -> None:
    samples = decoded(audio)
    expected = [Cue(float(str(s["start"])), float(str(s["end"])), str(s["text"])) for s in truth]
    binding = Model(str(model), redirect_whispercpp_logs_to=None, print_progress=False, n_threads=usable_cores())
    plain = measure(expected, lambda: plain_transcript(binding, samples))
    with Whisper(whisper_model(str(model), cache)) as whisper:
        whisper.transcribe(np.zeros(RATE_HZ, dtype=np.float32), "en")
        ours = measure(expected, lambda: transcript(whisper, samples))
    count = sum(len(words(cue.text)) for cue in expected)
    print(
        f"{audio.stem:20} {count:5}  {100 * plain.errors / count:9.1f} {100 * ours.errors / count:5.1f}"
        f"   {spread(plain.starts)}  {spread(ours.starts)}  {spread(plain.ends)}  {spread(ours.ends)}"
        f"   {ours.cpu_s / plain.cpu_s:5.2f}"
    )


def plain_transcript(binding: Any, samples: Samples) -> tuple[Cue, ...]:
    segments = binding.transcribe(samples, language="en")
    return tuple(Cue(segment.t0 / 100, segment.t1 / 100, segment.text) for segment in segments)


def transcript(whisper: Whisper, samples: Samples) -> tuple[Cue, ...]:
    return recognize(whisper, samples, language=None, is_last=True).cues


def measure(expected: Sequence[Cue], transcribe: Callable[[], Sequence[Cue]]) -> Result:
    before = children_cpu_s()
    cues = transcribe()
    cpu_s = children_cpu_s() - before
    reference = [word for cue in expected for word in words(cue.text)]
    heard = [word for cue in cues for word in words(cue.text)]
    errors, pair = align(reference, heard)
    starts = dict(positions(cues, last=False))
    ends = dict(positions(cues, last=True))
    return Result(
        errors,
        [abs(starts[pair[p]] - at) for p, at in positions(expected, last=False) if pair.get(p) in starts],
        [abs(ends[pair[p]] - at) for p, at in positions(expected, last=True) if pair.get(p) in ends],
        cpu_s,
    )


def align(reference: Sequence[str], heard: Sequence[str]) -> tuple[int, dict[int, int]]:
    """Return the edit distance in words, and the positions of equal words in the best alignment."""
    costs = np.zeros((len(reference) + 1, len(heard) + 1), dtype=np.int32)
    costs[:, 0], costs[0, :] = np.arange(len(reference) + 1), np.arange(len(heard) + 1)
    for row, word in enumerate(reference, 1):
        for column, other in enumerate(heard, 1):
            swap = costs[row - 1, column - 1] + (word != other)
            costs[row, column] = min(swap, costs[row - 1, column] + 1, costs[row, column - 1] + 1)
    pair = {}
    row, column = len(reference), len(heard)
    while row and column:
        if costs[row, column] == costs[row - 1, column - 1] + (reference[row - 1] != heard[column - 1]):
            row, column = row - 1, column - 1
            if reference[row] == heard[column]:
                pair[row] = column
        elif costs[row, column] == costs[row - 1, column] + 1:
            row -= 1
        else:
            column -= 1
    return int(costs[-1, -1]), pair


def positions(cues: Sequence[Cue], *, last: bool) -> Iterator[tuple[int, float]]:
    """Yield the position of the first or last word of each cue in the whole text, and its time."""
    count = 0
    for cue in cues:
        size = len(words(cue.text))
        if size:
            yield (count + size - 1, cue.end) if last else (count, cue.start)
        count += size


def words(text: str) -> list[str]:
    """Return the words of a text without numbers, whose spelling varies: `nine` and `9`."""
    tokens = re.findall(r"[^\W_]+", text.casefold().replace("'", ""))
    return [token for token in tokens if not token.isdigit() and token not in NUMBERS]


def spread(values: Sequence[float]) -> str:
    if not values:
        return "  -  /  -  "
    return f"{statistics.median(values):5.2f}/{float(np.quantile(values, 0.9)):5.2f}"


def children_cpu_s() -> float:
    """Return the processor time of this process and its children, in seconds."""
    process = psutil.Process()
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return float(sum(used.user + used.system for used in times))


if __name__ == "__main__":
    main()
