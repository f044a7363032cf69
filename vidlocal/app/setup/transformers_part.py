"""The model in process as a part of `vidlocal setup`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vidlocal.app.setup.model_part import OnFraction
from vidlocal.engines.model_files.checksum_cache import make_private_folder
from vidlocal.engines.model_files.download import Checksums, download_file
from vidlocal.engines.transformers.hub import HUB_URL, HubFile, HubModel, list_model
from vidlocal.engines.transformers.transformers_files import (
    NOT_INSTALLED,
    ModelFolder,
    downloaded_folder,
    find_model,
    is_installed,
    read_folder,
)
from vidlocal.errors import EngineError, ModelMissing
from vidlocal.settings import Settings
from vidlocal.settings.hub_cache import hub_cache

ROLE = "in process"


@dataclass(frozen=True, slots=True)
class TransformersPart:
    """A model of Hugging Face, downloaded into the models folder."""

    model: HubModel
    folder: Path
    hub_url: str = HUB_URL
    role: str = ROLE
    setting: str | None = None

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def size_bytes(self) -> int:
        return self.model.size_bytes

    @property
    def source(self) -> str:
        return f"{self.hub_url.partition('://')[2]}/{self.name}, licence {self.model.licence}"

    def is_installed(self) -> bool:
        return False

    def download(self, on_progress: OnFraction) -> None:
        """Download all files, `config.json` last, as the mark of a complete folder."""
        make_private_folder(self.folder)
        before = 0
        for file in self.model.files:
            self._fetch(file, _offset(on_progress, before, self.size_bytes))
            before += file.size_bytes
        read_folder(self.folder)

    def _fetch(self, file: HubFile, on_bytes: Callable[[int, int | None], None]) -> None:
        target = self.folder / file.name
        if file.sha256 is not None and target.is_file() and target.stat().st_size == file.size_bytes:
            return  # only a verified file has the name of the target
        url = f"{self.hub_url}/{self.name}/resolve/{self.model.revision}/{file.name}"
        download_file(url, target, expected=Checksums(sha256=file.sha256), on_progress=on_bytes)


@dataclass(frozen=True, slots=True)
class InstalledPart:
    """A model on this machine."""

    model: ModelFolder
    role: str = ROLE
    setting: str | None = None

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def size_bytes(self) -> int:
        return self.model.size_bytes

    @property
    def source(self) -> str:
        return str(self.model.path)

    def is_installed(self) -> bool:
        return True

    def download(self, on_progress: OnFraction) -> None:
        """Do nothing: the model is installed."""


def transformers_part(name: str, settings: Settings, *, hub_url: str = HUB_URL) -> TransformersPart | InstalledPart:
    """Return a model by its name or folder: installed, or as listed by Hugging Face.

    Raises EngineError if the packages are not installed, ModelMissing for an unknown model, ToolError without network.
    """
    if not is_installed():
        raise EngineError(NOT_INSTALLED)
    try:
        return InstalledPart(find_model(name, settings.models_folder, hub_cache(Path.home())))
    except ModelMissing:
        if name.startswith(("/", "~", ".")):
            raise
    folder = downloaded_folder(name, settings.models_folder)
    return TransformersPart(list_model(name, hub_url=hub_url), folder, hub_url)


def _offset(on_progress: OnFraction, before: int, total: int) -> Callable[[int, int | None], None]:
    return lambda done, _: on_progress(min(1.0, (before + done) / total) if total else None)
