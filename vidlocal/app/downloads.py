"""The parts that `vidlocal setup` brings to this machine: whether each is there, and how to fetch it."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vidlocal.engines import checksum_cache, clip_files, modelfile, models_on_disk
from vidlocal.engines.download import Checksums, fetch
from vidlocal.engines.profiles import OLLAMA_SIZES_BYTES, Profile
from vidlocal.errors import AnswerRejected, EngineError, ModelMissing, StoreError
from vidlocal.settings import Settings
from vidlocal.store.database import Library
from vidlocal.store.history import facts

if TYPE_CHECKING:
    from vidlocal.engines.ollama import Need, Ollama

WHISPER_URL = "https://huggingface.co/ggerganov/whisper.cpp/resolve/main"
VAD_URL = "https://huggingface.co/ggml-org/whisper-vad/resolve/main"
PICTURES_URL = "https://huggingface.co/Qdrant"
VAD_FILE = "ggml-silero-v6.2.0.bin"
CUSTOM_MODEL = "vidlocal"
# The name under which the library keeps what the custom model was made of.
CUSTOM_MODEL_MEASURE = "custom_model"

# As models/README.md of whisper.cpp and the listing of ggml-org/whisper-vad state them.
_WHISPER_SIZES_BYTES = {"base": 148_000_000, "large-v3-turbo": 1_620_000_000}
_VAD_SIZE_BYTES = 885_000

Report = Callable[[float | None], None]


class Part(Protocol):
    """One thing to fetch. `setting` is the setting that names it, None where there is none."""

    @property
    def role(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def size_bytes(self) -> int: ...

    @property
    def source(self) -> str: ...

    @property
    def setting(self) -> str | None: ...

    def is_there(self) -> bool:
        """Whether it is here, whole. Raises EngineUnreachable where that cannot be told."""
        ...

    def fetch(self, report: Report) -> None:
        """Bring it here; `report` is told the share done, 0 to 1, None while unknown."""
        ...


@dataclass(frozen=True, slots=True)
class OllamaModel:
    """A model that the Ollama server downloads and keeps."""

    server: "Ollama"
    role: str
    name: str
    needs: "Need"
    setting: str | None
    pause: Callable[[float], None] = time.sleep

    @property
    def size_bytes(self) -> int:
        return OLLAMA_SIZES_BYTES[self.name]

    @property
    def source(self) -> str:
        return f"ollama.com, by {self.server.host}"

    def is_there(self) -> bool:
        try:
            self.server.digest(self.name)
        except ModelMissing:
            return False
        return True

    def fetch(self, report: Report) -> None:
        """Pulls as long as every try brings something: Ollama itself goes on where the last one stopped."""
        layers: dict[str, tuple[int, int]] = {}
        reached = 0
        while True:
            try:
                self._pull(layers, report)
                break
            except AnswerRejected as error:
                done = sum(here for here, _ in layers.values())
                if done <= reached:
                    raise EngineError(f"{self.name} could not be fetched: {error}") from error
                reached = done
                self.pause(2.0)
        self.server.preflight(self.name, self.needs)

    def _pull(self, layers: dict[str, tuple[int, int]], report: Report) -> None:
        """One try. `layers` holds bytes here and bytes in all of every layer seen so far."""
        for step in self.server.pull(self.name):
            if step.total_bytes:
                layers[step.part] = (step.completed_bytes, step.total_bytes)
            total = sum(size for _, size in layers.values())
            report(sum(here for here, _ in layers.values()) / total if total else None)


@dataclass(frozen=True, slots=True)
class WhisperModel:
    """The speech model, a file in the models folder."""

    name: str
    folder: Path
    url: str
    role: str = "speech"
    setting: str | None = "whisper_model"

    @property
    def size_bytes(self) -> int:
        return _WHISPER_SIZES_BYTES[self.name]

    @property
    def source(self) -> str:
        return _host_and_path(self.url)

    def is_there(self) -> bool:
        with suppress(EngineError):
            models_on_disk.whisper_model(self.name, self.folder)
            return True
        return False

    def fetch(self, report: Report) -> None:
        file = models_on_disk.whisper_file_name(self.name)
        expected = Checksums(sha1=models_on_disk.WHISPER_SHA1[self.name])
        fetch(f"{self.url}/{file}", self.folder / file, expected=expected, report=_shares(report))
        models_on_disk.whisper_model(self.name, self.folder)


@dataclass(frozen=True, slots=True)
class VadModel:
    """The model that tells speech from silence, a file in the models folder."""

    folder: Path
    url: str
    role: str = "silence"
    name: str = "silero-v6.2.0"
    setting: str | None = None
    size_bytes: int = _VAD_SIZE_BYTES

    @property
    def source(self) -> str:
        return _host_and_path(self.url)

    def is_there(self) -> bool:
        return models_on_disk.vad_model(self.folder) is not None

    def fetch(self, report: Report) -> None:
        fetch(f"{self.url}/{VAD_FILE}", self.folder / VAD_FILE, report=_shares(report))
        if not self.is_there():
            (self.folder / VAD_FILE).unlink()
            raise EngineError(f"What came as {VAD_FILE} is no model. Run vidlocal setup again later.")


@dataclass(frozen=True, slots=True)
class PictureModel:
    """The model that puts pictures and words into one space: two folders of files in the models folder."""

    folder: Path
    url: str
    published: Mapping[str, clip_files.Published] = field(default_factory=lambda: clip_files.PUBLISHED)
    role: str = "pictures"
    name: str = clip_files.NAME
    setting: str | None = None

    @property
    def size_bytes(self) -> int:
        return sum(part.size_bytes for part in self.published.values())

    @property
    def source(self) -> str:
        return f"{_host_and_path(self.url)}/{', '.join(self.published)}"

    def is_there(self) -> bool:
        with suppress(EngineError):
            clip_files.picture_model(self.folder)
            return True
        return False

    def fetch(self, report: Report) -> None:
        """One file after the other; weights that are here and right are left alone."""
        before = 0
        for part, published in self.published.items():
            share = partial(_share, report, before, self.size_bytes)
            for name in clip_files.FILES[part]:
                self._fetch(part, name, share)
            clip_files.seal(self.folder, part)
            before += published.size_bytes

    def _fetch(self, part: str, name: str, report: Callable[[int], None]) -> None:
        published, target = self.published[part], self.folder / part / name
        expected = Checksums()
        if name == clip_files.WEIGHTS:
            expected = Checksums(sha256=published.weights_sha256)
            if target.is_file() and checksum_cache.sums(target.absolute(), self.folder)["sha256"] == expected.sha256:
                return
        url = f"{self.url}/{part}/resolve/{published.revision}/{name}"
        fetch(url, target, expected=expected, report=lambda done, total: report(done))


@dataclass(frozen=True, slots=True)
class CustomModel:
    """The model `vidlocal`, made on the server from our Modelfile and the profile's vision model.

    `enrich` uses the vision model itself and sends the same words and numbers with every request; this one
    is for use by hand. The library remembers its base and the base's digest.
    """

    server: "Ollama"
    base: str
    home: Path
    role: str = "by hand"
    name: str = CUSTOM_MODEL
    size_bytes: int = 0
    setting: str | None = None

    @property
    def source(self) -> str:
        return f"made of {self.base} on {self.server.host}, no download"

    def is_there(self) -> bool:
        try:
            self.server.digest(self.name)
            wanted = self._made_of()
        except ModelMissing:
            return False
        with suppress(StoreError), Library.open(self.home) as library:
            return facts.get(library, CUSTOM_MODEL_MEASURE) == wanted
        return False

    def fetch(self, report: Report) -> None:
        own = modelfile.own()
        self.server.create(self.name, base=self.base, system=own.system, parameters=own.parameters)
        with Library.open(self.home, create=True) as library:
            facts.put(library, CUSTOM_MODEL_MEASURE, self._made_of())

    def _made_of(self) -> str:
        own = modelfile.own()
        words = json.dumps([own.system, dict(own.parameters)], sort_keys=True)
        fingerprint = hashlib.sha256(words.encode()).hexdigest()[:12]
        made = {"base": self.base, "base_digest": self.server.digest(self.base), "modelfile": fingerprint}
        return json.dumps(made, sort_keys=True)


def open_server(chosen: Settings) -> "Ollama":
    """The server, with time for downloads. Raises EngineError for another machine that is not allowed."""
    from vidlocal.engines.ollama import Ollama
    from vidlocal.engines.ollama_http import Timeouts

    # While it checks 20 GB on a slow disk the server says nothing for minutes.
    patient = Timeouts(between_chunks=1800.0, total=math.inf, small=5.0)
    return Ollama(chosen.ollama_host, allow_remote=chosen.allow_remote_host, timeouts=patient)


def parts(
    profile: Profile,
    server: "Ollama",
    chosen: Settings,
    *,
    text: bool,
    pictures: bool = False,
    whisper_url: str = WHISPER_URL,
    vad_url: str = VAD_URL,
) -> list[Part]:
    """Everything that a profile needs, in the order of fetching: small ones first."""
    found: list[Part] = [
        VadModel(chosen.models_folder, vad_url),
        WhisperModel(profile.whisper_model, chosen.models_folder, whisper_url),
        OllamaModel(server, "meaning", profile.embed_model, "embedding", "embed_model"),
        OllamaModel(server, "vision", profile.vision_model, "vision", "vision_model"),
        CustomModel(server, profile.vision_model, chosen.home),
    ]
    if pictures:
        found.insert(2, PictureModel(chosen.models_folder, PICTURES_URL))
    if text:
        found.append(OllamaModel(server, "text", profile.text_model, "completion", "text_model"))
    return found


def size(size_bytes: int) -> str:
    """`4.7 GB`, `46 MB`, `0.9 MB`."""
    if size_bytes >= 1_000_000_000:
        return f"{size_bytes / 1_000_000_000:.1f} GB"
    return f"{size_bytes / 1_000_000:.{0 if size_bytes >= 10_000_000 else 1}f} MB"


def _share(report: Report, before: int, total: int, done: int) -> None:
    report(min(1.0, (before + done) / total))


def _shares(report: Report) -> Callable[[int, int | None], None]:
    return lambda done, total: report(done / total if total else None)


def _host_and_path(url: str) -> str:
    return url.partition("://")[2].removesuffix("/resolve/main")
