"""Child process with the models for speakers: crashes of C code do not end the parent.

Requests: `load` once, then `diarize` with 16 kHz mono float32 samples as payload. The reply has the turns of each
voice; its payload are their vectors, float32, of unit length.
"""

from typing import Any

import numpy as np
import sherpa_onnx

from vidlocal import process
from vidlocal.engines.arrays import Samples, Vectors
from vidlocal.engines.speakers.voice_clustering import Turn, cluster, relabel, windows
from vidlocal.errors import EngineError

_RATE_HZ = 16_000

# Voices with a larger distance than this (1 - cosine, of any two stretches) are two clusters, as a first guess:
# `voice_clustering` tells them apart.
_CLUSTER_DISTANCE = 0.5
# Windows of 10 s overlap by half. Nine tenths, the default, take 3.5 times as long and hear nothing more.
_WINDOW_SHIFT = 0.5
_MIN_TURN_S = 0.3
_MIN_PAUSE_S = 0.5

# A vector is made of so much of a voice, from its longest turns, without those at the same time as another voice.
_MAX_SAMPLE_S = 30.0
_MIN_SAMPLE_S = 0.5

_Span = tuple[float, float]


class _Models:
    def __init__(self, segmentation: str, embedding: str, threads: int) -> None:
        embedding_config = sherpa_onnx.SpeakerEmbeddingExtractorConfig(model=embedding, num_threads=threads)
        config = sherpa_onnx.OfflineSpeakerDiarizationConfig(
            segmentation=sherpa_onnx.OfflineSpeakerSegmentationModelConfig(
                pyannote=sherpa_onnx.OfflineSpeakerSegmentationPyannoteModelConfig(
                    model=segmentation, window_shift_ratio=_WINDOW_SHIFT
                ),
                num_threads=threads,
            ),
            embedding=embedding_config,
            clustering=sherpa_onnx.FastClusteringConfig(num_clusters=-1, threshold=_CLUSTER_DISTANCE),
            min_duration_on=_MIN_TURN_S,
            min_duration_off=_MIN_PAUSE_S,
        )
        if not config.validate():
            raise EngineError("The models for speakers are not models of this kind. Run: vidlocal setup --speakers")
        self._diarization: Any = sherpa_onnx.OfflineSpeakerDiarization(config)
        self._extractor: Any = sherpa_onnx.SpeakerEmbeddingExtractor(embedding_config)

    def diarize(self, samples: Samples) -> tuple[list[list[_Span]], Vectors]:
        """Return the turns of each voice, in seconds, and its vector. Voices too short for a vector are left out."""
        by_voice: dict[int, list[_Span]] = {}
        for turn in self._turns(samples):
            by_voice.setdefault(turn.voice, []).append((turn.start, turn.end))
        turns, vectors = [], []
        for voice, spans in by_voice.items():
            others = [span for other, spans_ in by_voice.items() if other != voice for span in spans_]
            vector = self._vector(samples, [span for span in spans if not _overlaps(span, others)] or spans)
            if vector is not None:
                turns.append(spans)
                vectors.append(vector)
        return turns, np.stack(vectors) if vectors else np.zeros((0, self._extractor.dim), dtype=np.float32)

    def _turns(self, samples: Samples) -> list[Turn]:
        """Return the turns of the segmentation, with voices by the vectors of short windows."""
        segments = self._diarization.process(samples).sort_by_start_time()
        turns = [Turn(segment.start, segment.end, segment.speaker) for segment in segments]
        heard = [(window, self._vector(samples, [(window.start, window.end)])) for window in windows(turns)]
        cut = [(window, vector) for window, vector in heard if vector is not None]
        if not cut:
            return turns
        labels = cluster(np.stack([vector for _, vector in cut]), [window.end - window.start for window, _ in cut])
        return relabel(turns, [window for window, _ in cut], labels)

    def _vector(self, samples: Samples, spans: list[_Span]) -> Any:
        parts, seconds = [], 0.0
        for start, end in sorted(spans, key=lambda span: span[0] - span[1]):
            parts.append(samples[round(start * _RATE_HZ) : round(min(end, start + _MAX_SAMPLE_S) * _RATE_HZ)])
            seconds += parts[-1].size / _RATE_HZ
            if seconds >= _MAX_SAMPLE_S:
                break
        stream = self._extractor.create_stream()
        stream.accept_waveform(_RATE_HZ, np.concatenate(parts))
        stream.input_finished()
        if seconds < _MIN_SAMPLE_S or not self._extractor.is_ready(stream):
            return None
        vector = np.asarray(self._extractor.compute(stream), dtype=np.float32)
        length = float(np.linalg.norm(vector))
        return vector / length if np.isfinite(length) and length > 0 else None


def _overlaps(span: _Span, others: list[_Span]) -> bool:
    return any(start < span[1] and end > span[0] for start, end in others)


_loaded: list[_Models] = []


def _handle(request: dict[str, object], payload: bytes) -> tuple[dict[str, object], bytes]:
    if request["do"] == "load":
        models = _Models(str(request["segmentation"]), str(request["embedding"]), int(str(request["threads"])))
        _loaded[:] = [models]
        return {}, b""
    turns, vectors = _loaded[0].diarize(np.frombuffer(payload, dtype="<f4").astype(np.float32))
    return {"turns": turns}, vectors.astype("<f4").tobytes()


if __name__ == "__main__":
    process.refuse_network("Speaker diarization")
    process.serve(_handle)
