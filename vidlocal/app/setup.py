"""Set up models: check the parts of a profile, download missing ones, and write their names into the settings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vidlocal.app.downloads import ModelPart
from vidlocal.app.progress import ProgressLine
from vidlocal.engines.gpu_memory import gpu_memory_bytes
from vidlocal.engines.profiles import Profile, ProfileName, profile
from vidlocal.errors import VidlocalError
from vidlocal.settings import Settings, explain, write


class PartState(StrEnum):
    """State of a part. The values are printed."""

    INSTALLED = "there"
    MISSING = "to fetch"
    DOWNLOADED = "fetched"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PartStatus:
    """A part with state, and the error of a check or download."""

    part: ModelPart
    state: PartState
    error: VidlocalError | None = None

    @property
    def is_ready(self) -> bool:
        """True if the part is installed now."""
        return self.state in (PartState.INSTALLED, PartState.DOWNLOADED)


def profile_for_machine(name: ProfileName) -> Profile:
    """Return the models of a profile; BEST depends on the GPU memory."""
    return profile(name, gpu_memory_bytes=gpu_memory_bytes() if name is ProfileName.BEST else None)


def check_parts(parts: Sequence[ModelPart]) -> list[PartStatus]:
    """Check the installed parts. Parts of an unreachable server are MISSING, with the error."""
    statuses = []
    for part in parts:
        try:
            statuses.append(PartStatus(part, PartState.INSTALLED if part.is_installed() else PartState.MISSING))
        except VidlocalError as error:
            statuses.append(PartStatus(part, PartState.MISSING, error))
    return statuses


def download_missing(statuses: Sequence[PartStatus], line: ProgressLine) -> list[PartStatus]:
    """Download missing parts. A failed part does not stop the others."""
    return [status if status.state is PartState.INSTALLED else _download(status.part, line) for status in statuses]


def save_model_names(statuses: Sequence[PartStatus], settings: Settings, *, notify: Callable[[str], None]) -> None:
    """Write the names of installed models into settings.toml; report overriding settings."""
    names = {status.part.setting: status.part.name for status in statuses if status.part.setting and status.is_ready}
    if names:
        write(settings.home, names)
    for row in explain():
        if row.setting.name in names and row.value != names[row.setting.name]:
            notify(f"{row.setting.name} stays {row.value}: {row.origin} overrides the file.")


def _download(part: ModelPart, line: ProgressLine) -> PartStatus:
    task = f"{part.role}: {part.name}"
    line.update(task, None)
    try:
        part.download(lambda fraction: line.update(task, fraction))
    except VidlocalError as error:
        return PartStatus(part, PartState.FAILED, error)
    line.notify(f"{part.name} is ready.")
    return PartStatus(part, PartState.DOWNLOADED)
