"""Model files in the models folder as parts of `vidlocal setup`: Whisper, CLIP, speakers, faces."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from vidlocal.app.setup.model_part import OnFraction
from vidlocal.engines.clip import clip_files
from vidlocal.engines.model_files import checksum_cache
from vidlocal.engines.model_files.download import Checksums, download_file
from vidlocal.engines.model_files.published import PublishedModel
from vidlocal.engines.speech import whisper_files
from vidlocal.errors import EngineError

WHISPER_URL = "https://huggingface.co/ggerganov/whisper.cpp/resolve/main"
PICTURES_URL = "https://huggingface.co/Qdrant"

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


def _report_total(on_progress: OnFraction, before: int, total: int, done: int) -> None:
    on_progress(min(1.0, (before + done) / total))


def _byte_progress(on_progress: OnFraction) -> Callable[[int, int | None], None]:
    return lambda done, total: on_progress(done / total if total else None)


def _host_and_path(url: str) -> str:
    return url.partition("://")[2].removesuffix("/resolve/main")
