"""Models on an Ollama server as parts of `vidlocal setup`."""

import hashlib
import json
import math
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.app.setup.model_part import OnFraction
from vidlocal.engines.ollama import modelfile
from vidlocal.engines.profiles import OLLAMA_SIZES_BYTES
from vidlocal.errors import AnswerRejected, EngineError, ModelMissing, StoreError
from vidlocal.settings import Settings
from vidlocal.settings.servers import ServerKind
from vidlocal.store.database import Library
from vidlocal.store.history import facts

if TYPE_CHECKING:
    from vidlocal.engines.base import Capability
    from vidlocal.engines.ollama.server import Ollama

CUSTOM_MODEL = "vidlocal"
# Key of the fingerprint of the custom model in `store.history.facts`.
CUSTOM_MODEL_KEY = "custom_model"

# Errors of the Go network package, as Ollama passes them on.
_NO_NETWORK = re.compile(r"no such host|network is unreachable|server misbehaving|dial tcp .*(?:timeout|refused)")


@dataclass(frozen=True, slots=True)
class OllamaPart:
    """A model downloaded and stored by the Ollama server."""

    server: "Ollama"
    role: str
    name: str
    needs: "Capability"
    setting: str | None
    pause: Callable[[float], None] = time.sleep

    @property
    def size_bytes(self) -> int:
        return OLLAMA_SIZES_BYTES.get(self.name, 0)

    @property
    def source(self) -> str:
        return f"ollama.com via {self.server.host}"

    def is_installed(self) -> bool:
        try:
            self.server.digest(self.name)
        except ModelMissing:
            return False
        return True

    def download(self, on_progress: OnFraction) -> None:
        """Pull, and retry as long as there is progress: Ollama resumes interrupted pulls."""
        layers: dict[str, tuple[int, int]] = {}
        reached = 0
        while True:
            try:
                self._pull(layers, on_progress)
                break
            except AnswerRejected as error:
                done = sum(completed for completed, _ in layers.values())
                if done <= reached and _NO_NETWORK.search(str(error)):
                    raise EngineError(
                        f"{self.name}: the Ollama server has no connection to ollama.com. Try again: vidlocal setup"
                    ) from error
                if done <= reached:
                    raise EngineError(f"{self.name} cannot be downloaded: {error}") from error
                reached = done
                self.pause(2.0)
        self.server.preflight(self.name, self.needs)

    def _pull(self, layers: dict[str, tuple[int, int]], on_progress: OnFraction) -> None:
        """Pull once. `layers`: completed and total bytes of every layer so far."""
        for step in self.server.pull(self.name):
            if step.total_bytes:
                layers[step.layer] = (step.completed_bytes, step.total_bytes)
            total = sum(size for _, size in layers.values())
            on_progress(sum(completed for completed, _ in layers.values()) / total if total else None)


@dataclass(frozen=True, slots=True)
class CustomPart:
    """The model `vidlocal`, created on the server from our Modelfile and the vision model of the profile.

    For manual use: `enrich` uses the vision model itself, with the same prompt and parameters in every request. The
    library stores a fingerprint of the base model and the Modelfile.
    """

    server: "Ollama"
    base: str
    home: Path
    role: str = "custom model"
    name: str = CUSTOM_MODEL
    size_bytes: int = 0
    setting: str | None = None

    @property
    def source(self) -> str:
        return f"{self.base} on {self.server.host}, no download"

    def is_installed(self) -> bool:
        try:
            self.server.digest(self.name)
            current = self._fingerprint()
        except ModelMissing:
            return False
        with suppress(StoreError), Library.open(self.home) as library:
            return facts.get(library, CUSTOM_MODEL_KEY) == current
        return False

    def download(self, on_progress: OnFraction) -> None:
        own = modelfile.load_bundled()
        self.server.create(self.name, base=self.base, system=own.system, parameters=own.parameters)
        with Library.open(self.home, create=True) as library:
            facts.put(library, CUSTOM_MODEL_KEY, self._fingerprint())

    def _fingerprint(self) -> str:
        own = modelfile.load_bundled()
        content = json.dumps([own.system, dict(own.parameters)], sort_keys=True)
        fingerprint = hashlib.sha256(content.encode()).hexdigest()[:12]
        fingerprint_data = {"base": self.base, "base_digest": self.server.digest(self.base), "modelfile": fingerprint}
        return json.dumps(fingerprint_data, sort_keys=True)


def open_server(settings: Settings) -> "Ollama":
    """Connect to the first Ollama server with timeouts for downloads.

    Raises EngineError for a remote server that is not allowed.
    """
    from vidlocal.engines.ollama.server import Ollama
    from vidlocal.engines.ollama.transport import Timeouts

    # The server is silent for minutes while it verifies 20 GB on a slow disk.
    timeouts = Timeouts(between_chunks=1800.0, total=math.inf, small=5.0)
    hosts = [server.url for server in settings.model_servers if server.kind is ServerKind.OLLAMA]
    return Ollama(next(iter(hosts), settings.ollama_host), allow_remote=settings.allow_remote_host, timeouts=timeouts)
