"""Model files of `vidlocal setup`: checks and downloads."""

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

from vidlocal.engines.clip import clip_files
from vidlocal.engines.faces import face_files
from vidlocal.engines.model_files import checksum_cache
from vidlocal.engines.model_files.download import Checksums, download_file
from vidlocal.engines.model_files.published import PublishedModel
from vidlocal.engines.ollama import modelfile
from vidlocal.engines.profiles import OLLAMA_SIZES_BYTES, Profile
from vidlocal.engines.speakers import speaker_files
from vidlocal.engines.speech import whisper_files
from vidlocal.errors import AnswerRejected, EngineError, ModelMissing, StoreError
from vidlocal.settings import Settings
from vidlocal.settings.servers import Role, ServerKind
from vidlocal.store.database import Library
from vidlocal.store.history import facts

if TYPE_CHECKING:
    from vidlocal.engines.base import Capability
    from vidlocal.engines.ollama.server import Ollama

WHISPER_URL = "https://huggingface.co/ggerganov/whisper.cpp/resolve/main"
PICTURES_URL = "https://huggingface.co/Qdrant"
CUSTOM_MODEL = "vidlocal"
# Key of the fingerprint of the custom model in `store.history.facts`.
CUSTOM_MODEL_KEY = "custom_model"

# Source: models/README.md of whisper.cpp.
_WHISPER_SIZES_BYTES = {
    "tiny": 78_000_000,
    "tiny.en": 78_000_000,
    "base": 148_000_000,
    "base.en": 148_000_000,
    "small": 488_000_000,
    "small.en": 488_000_000,
    "medium": 1_530_000_000,
    "medium.en": 1_530_000_000,
    "large-v1": 3_090_000_000,
    "large-v2": 3_090_000_000,
    "large-v3": 3_100_000_000,
    "large-v3-q5_0": 1_080_000_000,
    "large-v3-turbo": 1_620_000_000,
    "large-v3-turbo-q5_0": 574_000_000,
}

OnFraction = Callable[[float | None], None]


class ModelPart(Protocol):
    """A model to install. `setting`: the setting with its name, or None. `size_bytes`: 0 if unknown or nothing."""

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

    def is_installed(self) -> bool:
        """True if installed and complete. Raises EngineUnreachable if unknown."""
        ...

    def download(self, on_progress: OnFraction) -> None:
        """Download and install; `on_progress` gets the finished fraction, 0 to 1, None if unknown."""
        ...


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
class WhisperPart:
    """A Whisper model, a file in the models folder."""

    name: str
    folder: Path
    url: str
    role: str = "speech"
    setting: str | None = "whisper_model"

    @property
    def size_bytes(self) -> int:
        return _WHISPER_SIZES_BYTES.get(self.name, 0)

    @property
    def source(self) -> str:
        return str(Path(self.name).parent) if "/" in self.name else _host_and_path(self.url)

    def is_installed(self) -> bool:
        with suppress(EngineError):
            return whisper_files.whisper_model(self.name, self.folder).warning is None
        return False

    def download(self, on_progress: OnFraction) -> None:
        file = whisper_files.whisper_file_name(self.name)
        expected = Checksums(sha1=whisper_files.WHISPER_SHA1[self.name])
        download_file(
            f"{self.url}/{file}", self.folder / file, expected=expected, on_progress=_byte_progress(on_progress)
        )
        whisper_files.whisper_model(self.name, self.folder)


@dataclass(frozen=True, slots=True)
class ClipPart:
    """The CLIP model: two folders of files in the models folder."""

    folder: Path
    url: str
    published: Mapping[str, clip_files.PublishedPart] = field(default_factory=lambda: clip_files.PUBLISHED)
    role: str = "pictures"
    name: str = clip_files.NAME
    setting: str | None = None

    @property
    def size_bytes(self) -> int:
        return sum(part.size_bytes for part in self.published.values())

    @property
    def source(self) -> str:
        return f"{_host_and_path(self.url)}/{', '.join(self.published)}"

    def is_installed(self) -> bool:
        with suppress(EngineError):
            clip_files.clip_model(self.folder)
            return True
        return False

    def download(self, on_progress: OnFraction) -> None:
        """Download all files; keep weights with the right checksum."""
        before = 0
        for part, published in self.published.items():
            progress_of_part = partial(_report_total, on_progress, before, self.size_bytes)
            for name in clip_files.FILES[part]:
                self._fetch(part, name, progress_of_part)
            clip_files.write_checksums(self.folder, part)
            before += published.size_bytes

    def _fetch(self, part: str, name: str, on_bytes: Callable[[int], None]) -> None:
        published, target = self.published[part], self.folder / part / name
        expected = Checksums()
        if name == clip_files.WEIGHTS:
            expected = Checksums(sha256=published.weights_sha256)
            if (
                target.is_file()
                and checksum_cache.cached_checksums(target.absolute(), self.folder)["sha256"] == expected.sha256
            ):
                return
        url = f"{self.url}/{part}/resolve/{published.revision}/{name}"
        download_file(url, target, expected=expected, on_progress=lambda done, total: on_bytes(done))


@dataclass(frozen=True, slots=True)
class PublishedPart:
    """A model file for speakers or people, in the models folder."""

    role: str
    file: str
    folder: Path
    published: Mapping[str, PublishedModel]
    setting: str | None = None

    @property
    def name(self) -> str:
        published = self.published[self.file]
        return f"{published.title} ({published.licence})"

    @property
    def size_bytes(self) -> int:
        return self.published[self.file].size_bytes

    @property
    def source(self) -> str:
        return _host_and_path(self.published[self.file].url.partition("/resolve/")[0].partition("/download/")[0])

    def is_installed(self) -> bool:
        return (self.folder / self.file).is_file()

    def download(self, on_progress: OnFraction) -> None:
        published = self.published[self.file]
        expected = Checksums(sha256=published.sha256)
        target = self.folder / self.file
        download_file(published.url, target, expected=expected, on_progress=_byte_progress(on_progress))


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


def profile_parts(
    profile: Profile,
    server: "Ollama",
    settings: Settings,
    *,
    text: bool,
    pictures: bool = False,
    speakers: bool = False,
    people: bool = False,
    whisper_url: str = WHISPER_URL,
) -> list[ModelPart]:
    """List the parts of a profile in order of download, small parts first.

    Models of roles without an Ollama server (`[[servers]]`) are left out: other servers bring their own.
    """
    ollama_servers = [chosen for chosen in settings.model_servers if chosen.kind is ServerKind.OLLAMA]
    roles = {role for chosen in ollama_servers for role in chosen.roles}
    parts: list[ModelPart] = []
    if not any(Role.SPEECH in chosen.roles for chosen in settings.model_servers):
        parts.append(WhisperPart(profile.whisper_model, settings.models_folder, whisper_url))
    if pictures:
        parts.append(ClipPart(settings.models_folder, PICTURES_URL))
    if speakers:
        parts += _published("speakers", speaker_files.PUBLISHED, settings.models_folder)
    if people:
        parts += _published("people", face_files.PUBLISHED, settings.models_folder)
    if Role.EMBED in roles:
        parts.append(OllamaPart(server, "embeddings", profile.embed_model, "embedding", "embed_model"))
    if Role.DESCRIBE in roles:
        parts.append(OllamaPart(server, "vision", profile.vision_model, "vision", "vision_model"))
        parts.append(CustomPart(server, profile.vision_model, settings.home))
    if text and Role.TEXT in roles:
        parts.append(OllamaPart(server, "text", profile.text_model, "completion", "text_model"))
    return parts


def _published(role: str, published: Mapping[str, PublishedModel], folder: Path) -> list[PublishedPart]:
    return [PublishedPart(role, file, folder, published) for file in published]


def _report_total(on_progress: OnFraction, before: int, total: int, done: int) -> None:
    on_progress(min(1.0, (before + done) / total))


def _byte_progress(on_progress: OnFraction) -> Callable[[int, int | None], None]:
    return lambda done, total: on_progress(done / total if total else None)


def _host_and_path(url: str) -> str:
    return url.partition("://")[2].removesuffix("/resolve/main")
