"""Engines of the fast pass on other machines: OCR, CLIP and speech."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import blake2b
from typing import cast

from vidlocal.cluster.engine_pool import EnginePool
from vidlocal.engines.arrays import Samples, Vectors
from vidlocal.engines.base import Speech, Voice
from vidlocal.errors import EngineError
from vidlocal.media.flac import encode_flac
from vidlocal.signals.screen_text import ScreenText


class RemoteOcr:
    """An OcrEngine. `prefetch` reads frames at the same time, each on a free machine."""

    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool
        self._threads = ThreadPoolExecutor(max_workers=max(1, pool.slots), thread_name_prefix="remote ocr")
        self._prefetched: dict[bytes, Future[ScreenText | None]] = {}

    def warm_up(self) -> None:
        """Do nothing: the machines load their models with the first frame."""

    def prefetch(self, jpeg: bytes) -> None:
        """Start to read a JPEG, without waiting. `read` then returns the result."""
        self._prefetched.setdefault(_digest(jpeg), self._threads.submit(self._read, jpeg))

    def read(self, jpeg: bytes) -> ScreenText | None:
        future = self._prefetched.pop(_digest(jpeg), None)
        return self._read(jpeg) if future is None else future.result()

    def forget_prefetched(self) -> None:
        """Drop unread results."""
        for future in self._prefetched.values():
            future.cancel()
        self._prefetched.clear()

    def close(self) -> None:
        """Drop unread frames, and end the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _read(self, jpeg: bytes) -> ScreenText | None:
        return cast("ScreenText | None", self._pool.call("read", jpeg))


class RemoteClip:
    """A ClipEngine for images; the searching machine encodes words."""

    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool

    @property
    def key(self) -> str:
        return self._pool.model.identity

    def embed_images(self, jpegs: Sequence[bytes]) -> Vectors:
        return cast(Vectors, self._pool.call("embed_images", tuple(jpegs)))

    def embed_text(self, text: str) -> Vectors:
        raise EngineError("Words are not sent to other machines.")

    def close(self) -> None:
        """Do nothing: the models belong to other machines."""


class RemoteSpeech:
    """A SpeechEngine. Audio is sent as FLAC. The machines transcribe in process, or with their speech server."""

    kind = "whisper.cpp"

    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool
        self.kind = pool.model.kind

    @property
    def name(self) -> str:
        return self._pool.model.name

    @property
    def digest(self) -> str:
        return self._pool.model.digest

    def has_speech(self, samples: Samples) -> bool:
        return bool(self._pool.call("has_speech", encode_flac(samples)))

    def language_probabilities(self, samples: Samples, *, seconds: float = 30.0) -> Mapping[str, float]:
        return cast(
            "dict[str, float]", self._pool.call("language_probabilities", encode_flac(samples), seconds=seconds)
        )

    def transcribe(
        self, samples: Samples, language: str | None, *, prompt: str = "", continues: bool = False
    ) -> Speech:
        # The last call may have gone to another machine, or there may have been one of another video since.
        return cast(Speech, self._pool.call("transcribe", encode_flac(samples), language, prompt=prompt))

    def translate(self, samples: Samples, language: str) -> Speech:
        return cast(Speech, self._pool.call("translate", encode_flac(samples), language))


class RemoteDiarizer:
    """A DiarizationEngine. Up to 20 minutes of audio are sent at a time, as FLAC."""

    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool

    @property
    def key(self) -> str:
        return self._pool.model.identity

    def diarize(self, samples: Samples) -> tuple[Voice, ...]:
        return cast("tuple[Voice, ...]", self._pool.call("diarize", encode_flac(samples)))


def _digest(jpeg: bytes) -> bytes:
    return blake2b(jpeg, digest_size=16).digest()
