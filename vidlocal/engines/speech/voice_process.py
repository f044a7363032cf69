"""Voice detection in a child process, for speech engines on a server."""

from vidlocal.engines.arrays import Samples
from vidlocal.errors import EngineError
from vidlocal.process import Worker, WorkerCrashed, WorkerTimedOut

_CHILD = "vidlocal.engines.speech.whisper_child"
_TIMEOUT_S = 600.0


class VoiceProcess:
    """The voice detector. The child starts with the first call; end it with `close`."""

    def __init__(self) -> None:
        self._worker = Worker(_CHILD, name="Voice detection")

    def has_speech(self, samples: Samples) -> bool:
        """Return True if anybody speaks, False for noise and music. Raises EngineError."""
        payload = samples.astype("<f4").tobytes()
        try:
            return bool(
                self._worker.call({"do": "has_speech"}, payload=payload, timeout=_TIMEOUT_S).values["has_speech"]
            )
        except (WorkerCrashed, WorkerTimedOut) as error:
            raise EngineError(f"{error} Run: vidlocal doctor") from error

    def close(self) -> None:
        """End the child."""
        self._worker.close()
